//! Installed packages of npm: `package.json` (npm, "Specifics of npm's package.json handling").

use serde_json::Value;

use super::json;
use crate::{Error, Package};

/// One package. A `package.json` without name or version only configures a folder.
pub(super) fn installed(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    let value = json::parse(bytes, "a package.json")?;
    Ok(package(&value, json::text(&value, "name")).into_iter().collect())
}

/// The package of this name with version and licences from `value`.
pub(super) fn package(value: &Value, name: &str) -> Option<Package> {
    super::package(name, json::text(value, "version").trim_start_matches(['=', 'v']), licenses(value))
}

/// `license` is an SPDX expression, or in old packages an object or a list of them called `licenses`.
fn licenses(value: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for field in ["license", "licenses"] {
        match value.get(field) {
            Some(Value::Array(list)) => names.extend(list.iter().filter_map(license)),
            Some(one) => names.extend(license(one)),
            None => {}
        }
    }
    names.dedup();
    names
}

fn license(value: &Value) -> Option<String> {
    let name = value.as_str().unwrap_or_else(|| match json::text(value, "type") {
        "" => json::text(value, "name"),
        name => name,
    });
    super::license(name)
}
