//! Haskell: GHC's package databases, and the lock files of Cabal and Stack.

use serde_json::Value;

use super::{json, yaml};
use crate::{Error, Package};

/// One package of a database (Cabal, `InstalledPackageInfo`): fields with a colon, values that may begin on the next line.
pub(super) fn installed(text: &str) -> Result<Vec<Package>, Error> {
    let field = |wanted: &str| {
        let mut lines = text.lines();
        let value = lines.find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(wanted).then_some(value.trim())
        })?;
        if value.is_empty() { lines.next().filter(|line| line.starts_with(' ')).map(str::trim) } else { Some(value) }
    };
    let package = field("name").zip(field("version")).and_then(|(name, version)| {
        super::package(name, version, field("license").and_then(super::license).into_iter().collect())
    });
    match package {
        Some(package) => Ok(vec![package]),
        // Cabal's own settings lie in folders of the same name.
        None if field("name").is_none() => Ok(Vec::new()),
        None => Err(Error::Broken { expected: "a package of GHC", reason: "it has no version".to_owned() }),
    }
}

/// `constraints: any.aeson ==2.1.2.1,`
pub(super) fn freeze(text: &str) -> Vec<Package> {
    let package = |constraint: &str| {
        let (name, version) = constraint.trim().split_once("==")?;
        let name = name.trim().rsplit([' ', ':']).next()?;
        super::package(name.strip_prefix("any.").unwrap_or(name), version, Vec::new())
    };
    text.split([',', '\n']).filter_map(package).collect()
}

/// `packages: [{completed: {hackage: aeson-2.1.2.1@sha256:…}}]`
pub(super) fn stack_lock(text: &str) -> Result<Vec<Package>, Error> {
    let value = yaml::parse(text, "a lock file of Stack")?;
    let package = |entry: &Value| {
        let completed = entry.get("completed")?;
        let (name, version) = match json::text(completed, "hackage") {
            "" => (json::text(completed, "name"), json::text(completed, "version")),
            hackage => hackage.split('@').next()?.rsplit_once('-')?,
        };
        super::package(name, version, Vec::new())
    };
    Ok(json::list(&value, "packages").iter().filter_map(package).collect())
}
