//! .NET: `….deps.json` beside an application ("Runtime configuration files"), and NuGet's `packages.lock.json`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::json;
use crate::{Error, Package};

/// Libraries that the present target brings files of. Projects are the application itself, and a library without files is replaced
/// by the framework or only groups others.
pub(crate) fn packages(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    let value = match json::parse(bytes, "a list of what a .NET application needs") {
        // Others call files `.deps.json` too.
        Err(Error::Broken { .. }) if !contains(bytes, b"runtimeTarget") => return Ok(Vec::new()),
        value => value?,
    };
    let target = value.get("runtimeTarget");
    let target = target.and_then(|target| target.get("name").unwrap_or(target).as_str()).unwrap_or_default();
    let libraries = value.get("libraries").unwrap_or(&Value::Null);
    let mut found = Vec::new();
    let targets = value.get("targets").unwrap_or(&Value::Null);
    for (key, entry) in json::fields(targets, target) {
        let kind = libraries.get(key).map(|library| json::text(library, "type")).unwrap_or_default();
        let Some((name, version)) = key.split_once('/') else { continue };
        let name = match kind {
            "package" if brings_files(entry) => name,
            // The runtime itself, packed with the application.
            "runtimepack" => name.strip_prefix("runtimepack.").unwrap_or(name),
            _ => continue,
        };
        found.extend(super::package(name, version, Vec::new()));
    }
    Ok(found)
}

fn brings_files(entry: &Value) -> bool {
    ["runtime", "native", "runtimeTargets", "resources"].iter().any(|field| json::fields(entry, field).next().is_some())
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// What each framework of a project resolves to; other projects of the solution are left out.
pub(super) fn lock(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    const EXPECTED: &str = "a lock file of NuGet";
    let value = json::object(json::parse(bytes, EXPECTED)?, EXPECTED)?;
    let mut found = BTreeSet::new();
    for (_, framework) in json::fields(&value, "dependencies") {
        for (name, entry) in framework.as_object().into_iter().flatten() {
            if json::text(entry, "type") != "Project" {
                found.extend(super::package(name, json::text(entry, "resolved"), Vec::new()));
            }
        }
    }
    Ok(found.into_iter().collect())
}
