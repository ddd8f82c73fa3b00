//! PHP packages: `installed.json`, which Composer keeps in `vendor/composer`, and `composer.lock`.

use serde_json::Value;

use super::json;
use crate::{Error, Package};

/// A list in Composer 1, an object with `packages` in Composer 2. What was installed for development is installed.
pub(super) fn installed(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    let value = json::parse(bytes, "a list of what Composer installed")?;
    Ok(packages(value.as_array().map_or_else(|| json::list(&value, "packages"), Vec::as_slice)))
}

/// `packages-dev` is left out.
pub(super) fn lock(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    const EXPECTED: &str = "a lock file of Composer";
    let value = json::object(json::parse(bytes, EXPECTED)?, EXPECTED)?;
    Ok(packages(json::list(&value, "packages")))
}

fn packages(entries: &[Value]) -> Vec<Package> {
    entries
        .iter()
        .filter_map(|entry| {
            let licenses =
                json::list(entry, "license").iter().filter_map(|name| super::license(name.as_str()?)).collect();
            super::package(&json::text(entry, "name").to_lowercase(), json::text(entry, "version"), licenses)
        })
        .collect()
}
