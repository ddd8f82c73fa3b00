//! Lock files of Python's tools: `Pipfile.lock`, `poetry.lock`, `uv.lock`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::json;
use crate::{Error, Package, python};

/// `default`; `develop` is left out.
pub(super) fn pipfile(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    const EXPECTED: &str = "a lock file of Pipenv";
    let value = json::object(json::parse(bytes, EXPECTED)?, EXPECTED)?;
    let locked = json::fields(&value, "default");
    Ok(locked.filter_map(|(name, entry)| package(name, json::text(entry, "version").trim_start_matches('='))).collect())
}

/// Packages of the group `main` (Poetry 2), and those that are not of the category `dev` (Poetry before 1.5).
pub(super) fn poetry(text: &str) -> Result<Vec<Package>, Error> {
    let value = parse(text, "a lock file of Poetry")?;
    let main = |entry: &&Value| {
        let groups = json::list(entry, "groups");
        let is_main = groups.is_empty() || groups.iter().any(|group| group == "main");
        is_main && json::text(entry, "category") != "dev"
    };
    let locked = json::list(&value, "package").iter().filter(main);
    Ok(locked.filter_map(|entry| package(json::text(entry, "name"), json::text(entry, "version"))).collect())
}

/// What the projects of this place (`virtual`, `editable`, `directory`) reach by `dependencies` and `optional-dependencies`.
pub(super) fn uv(text: &str) -> Result<Vec<Package>, Error> {
    let value = parse(text, "a lock file of uv")?;
    let mut by_name: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for entry in json::list(&value, "package") {
        by_name.entry(json::text(entry, "name")).or_default().push(entry);
    }
    let ours = |entry: &Value| {
        let source = entry.get("source").unwrap_or(&Value::Null);
        ["virtual", "editable", "directory"].iter().any(|kind| source.get(kind).is_some())
    };
    let mut next: Vec<&str> =
        by_name.iter().filter(|(_, entries)| entries.iter().any(|entry| ours(entry))).map(|(name, _)| *name).collect();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(name) = next.pop() {
        if !reached.insert(name) {
            continue;
        }
        for entry in by_name.get(name).into_iter().flatten() {
            if !ours(entry) {
                found.extend(package(name, json::text(entry, "version")));
            }
            let groups = json::fields(entry, "optional-dependencies").filter_map(|(_, group)| group.as_array());
            let wanted = json::list(entry, "dependencies").iter().chain(groups.flatten());
            next.extend(wanted.map(|wanted| json::text(wanted, "name")));
        }
    }
    Ok(found)
}

fn parse(text: &str, expected: &'static str) -> Result<Value, Error> {
    json::within_values(text.as_bytes())?;
    toml::from_str(text).map_err(|error| Error::Broken { expected, reason: error.message().to_owned() })
}

fn package(name: &str, version: &str) -> Option<Package> {
    super::package(&python::normalised(name), version, Vec::new())
}
