//! `pnpm-lock.yaml` of `lockfileVersion` 5, 6 and 9.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{json, npm_lock::name_and_version, yaml};
use crate::{Error, Package};

const EXPECTED: &str = "a lock file of pnpm";

pub(super) fn lock(text: &str) -> Result<Vec<Package>, Error> {
    let value = json::object(yaml::parse(text, EXPECTED)?, EXPECTED)?;
    if value.get("snapshots").is_some() {
        return Ok(version_9(&value));
    }
    let package = |(key, entry): (&String, &Value)| {
        let (name, version) = match (json::text(entry, "name"), json::text(entry, "version")) {
            ("", _) | (_, "") => named(key)?,
            named => named,
        };
        (json::text(entry, "dev") != "true").then(|| super::package(name, version, Vec::new()))?
    };
    Ok(json::fields(&value, "packages").filter_map(package).collect())
}

/// `/@scope/name/1.0.0_peer` of version 5, `/@scope/name@1.0.0(peer@2.0.0)` of version 6.
fn named(key: &str) -> Option<(&str, &str)> {
    let key = key.strip_prefix('/')?;
    let key = key.split('(').next().unwrap_or(key);
    name_and_version(key).filter(|(name, _)| name.matches('/').count() == usize::from(name.starts_with('@'))).or_else(
        || {
            let slashes = if key.starts_with('@') { 1 } else { 0 };
            let (at, _) = key.match_indices('/').nth(slashes)?;
            let version = &key[at + 1..];
            Some((&key[..at], version.split('_').next().unwrap_or(version)))
        },
    )
}

/// Version 9 does not mark what is needed for development only: what can be reached from `dependencies` and
/// `optionalDependencies` of the importers is not.
fn version_9(value: &Value) -> Vec<Package> {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut next: Vec<String> = Vec::new();
    for (_, importer) in json::fields(value, "importers") {
        next.extend(needed(importer, |wanted| json::text(wanted, "version")));
    }
    let snapshots = value.get("snapshots").unwrap_or(&Value::Null);
    while let Some(key) = next.pop() {
        let Some(snapshot) = snapshots.get(&key) else { continue };
        if reached.insert(key) {
            let wanted = needed(snapshot, |wanted| wanted.as_str().unwrap_or_default());
            next.extend(wanted.filter(|key| !reached.contains(key)));
        }
    }
    let package = |key: &String| {
        let (name, version) = name_and_version(key.split('(').next().unwrap_or(key))?;
        (!version.contains(':')).then(|| super::package(name, version, Vec::new()))?
    };
    reached.iter().filter_map(package).collect()
}

/// Keys of snapshots. An alias stands as `other@1.0.0` where else the version is.
fn needed<'a>(value: &'a Value, version: fn(&'a Value) -> &'a str) -> impl Iterator<Item = String> {
    ["dependencies", "optionalDependencies"].into_iter().flat_map(move |field| {
        json::fields(value, field).map(move |(name, wanted)| {
            let version = version(wanted);
            let bare = version.split('(').next().unwrap_or(version);
            if name_and_version(bare).is_some() { version.to_owned() } else { format!("{name}@{version}") }
        })
    })
}
