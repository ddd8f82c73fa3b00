//! `yarn.lock`: the format of Yarn 1, and the YAML of its successors.

use serde_json::Value;

use super::{
    json,
    npm_lock::{aliased, name_and_version},
    yaml,
};
use crate::{Error, Package};

/// Everything that is locked; neither format says what is needed for development only.
pub(super) fn lock(text: &str) -> Result<Vec<Package>, Error> {
    if text.lines().any(|line| line.starts_with("__metadata:")) { berry(text) } else { Ok(classic(text)) }
}

/// Blocks: a line with what was asked for, and indented fields.
///
/// ```text
/// "@babel/core@^7.0.0", "@babel/core@^7.1.0":
///   version "7.12.3"
/// ```
fn classic(text: &str) -> Vec<Package> {
    let mut found = Vec::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(version) = line.strip_prefix("  version ") {
            found.extend(super::package(name, version.trim().trim_matches('"'), Vec::new()));
            name = "";
        } else if !line.starts_with([' ', '#']) {
            let wanted = line.split(',').next().unwrap_or_default().trim_end_matches(':').trim_matches('"');
            name = name_and_version(wanted).map(|(name, range)| real_name(name, range)).unwrap_or_default();
        }
    }
    found
}

/// A folder beside the application has no name; an alias has another.
fn real_name<'a>(name: &'a str, range: &'a str) -> &'a str {
    if range.starts_with("file:") || range.starts_with("link:") {
        return "";
    }
    match range.strip_prefix("npm:") {
        Some(other) => aliased(range).map_or(other, |(name, _)| name),
        None => name,
    }
}

fn berry(text: &str) -> Result<Vec<Package>, Error> {
    const EXPECTED: &str = "a lock file of Yarn";
    let value = json::object(yaml::parse(text, EXPECTED)?, EXPECTED)?;
    let package = |entry: &Value| {
        let (name, resolved) = name_and_version(json::text(entry, "resolution"))?;
        let ours = ["workspace:", "link:", "portal:", "file:"].iter().any(|protocol| resolved.starts_with(protocol));
        (!ours).then(|| super::package(name, json::text(entry, "version"), Vec::new()))?
    };
    Ok(value.as_object().into_iter().flatten().filter_map(|(_, entry)| package(entry)).collect())
}
