//! Lock files in JSON of npm (`lockfileVersion` 1, 2 and 3), Deno and Bun.

use serde_json::Value;

use super::{json, npm::package};
use crate::{Error, Package};

const EXPECTED: &str = "a lock file of npm";

/// Nested dependencies of version 1: npm itself never nests deeper than the longest chain of packages.
const DEPTH: usize = 100;

/// `packages` of versions 2 and 3, `dependencies` of version 1 (npm, "package-lock.json").
pub(super) fn npm(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    let value = json::object(json::parse(bytes, EXPECTED)?, EXPECTED)?;
    let mut found = Vec::new();
    if value.get("packages").is_some() {
        for (place, entry) in json::fields(&value, "packages") {
            // What does not stand in node_modules is the application itself.
            let Some((_, folder)) = place.rsplit_once("node_modules/") else { continue };
            if json::flag(entry, "dev") || json::flag(entry, "link") {
                continue;
            }
            let name = match json::text(entry, "name") {
                "" => folder,
                name => name,
            };
            found.extend(package(entry, name));
        }
    } else {
        version_1(&value, DEPTH, &mut found)?;
    }
    Ok(found)
}

fn version_1(value: &Value, depth: usize, found: &mut Vec<Package>) -> Result<(), Error> {
    if depth == 0 {
        return Err(Error::TooLarge { what: "levels of dependencies", limit: DEPTH as u64 });
    }
    for (name, entry) in json::fields(value, "dependencies") {
        if !json::flag(entry, "dev") {
            let version = json::text(entry, "version");
            found.extend(match aliased(version) {
                Some((name, version)) => super::package(name, version, Vec::new()),
                // `file:../x` and addresses of repositories are no versions.
                None if version.contains(':') => None,
                None => package(entry, name),
            });
            version_1(entry, depth - 1, found)?;
        }
    }
    Ok(())
}

/// `npm:string-width@4.2.3`: another package under this name.
pub(super) fn aliased(version: &str) -> Option<(&str, &str)> {
    name_and_version(version.strip_prefix("npm:")?)
}

/// `@scope/name@1.0.0`: the first letter may be the `@` of a scope.
pub(super) fn name_and_version(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next()?.len_utf8();
    let at = text[first..].find('@')? + first;
    Some((&text[..at], &text[at + 1..]))
}

/// `npm` of versions 3 to 5: names with versions, and behind `_` those of peers.
pub(super) fn deno(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    const EXPECTED: &str = "a lock file of Deno";
    let value = json::object(json::parse(bytes, EXPECTED)?, EXPECTED)?;
    let here = json::fields(&value, "npm");
    // Version 3 keeps them in `packages`, version 2 in `npm.packages`.
    let inner = value.get("packages").map(|packages| json::fields(packages, "npm"));
    let older = value.get("npm").map(|npm| json::fields(npm, "packages"));
    let keys = here.chain(inner.into_iter().flatten()).chain(older.into_iter().flatten()).map(|(key, _)| key);
    let package = |key: &String| {
        let (name, version) = name_and_version(key)?;
        super::package(name, version.split('_').next().unwrap_or(version), Vec::new())
    };
    Ok(keys.filter_map(package).collect())
}

/// `packages` of a text lock file: `"name": ["name@version", …]`. It does not say what is needed for development only.
pub(super) fn bun(text: &str) -> Result<Vec<Package>, Error> {
    const EXPECTED: &str = "a lock file of Bun";
    let value = json::object(json::parse(without_trailing_commas(text).as_bytes(), EXPECTED)?, EXPECTED)?;
    let package = |entry: &Value| {
        let (name, version) = name_and_version(entry.get(0)?.as_str()?)?;
        // `workspace:`, `link:`, `file:` and addresses are no versions.
        (!version.contains(':')).then(|| super::package(name, version, Vec::new()))?
    };
    Ok(json::fields(&value, "packages").filter_map(|(_, entry)| package(entry)).collect())
}

/// JSON as Bun writes it, without the commas before closing brackets.
fn without_trailing_commas(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_text, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        if in_text {
            (in_text, escaped) = (escaped || c != '"', !escaped && c == '\\');
        } else if c == ',' && text[at + 1..].trim_start().starts_with([']', '}']) {
            continue;
        } else {
            in_text = c == '"';
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_begin_with_a_scope() {
        assert_eq!(name_and_version("@a/b@1.0.0"), Some(("@a/b", "1.0.0")));
        assert_eq!(name_and_version("b@1.0.0"), Some(("b", "1.0.0")));
        assert_eq!(name_and_version("@a/b"), None);
        assert_eq!(name_and_version(""), None);
        assert_eq!(name_and_version("é@1"), Some(("é", "1")));
        assert_eq!(aliased("npm:b@1"), Some(("b", "1")));
    }

    #[test]
    fn commas_in_texts_stay() {
        assert_eq!(without_trailing_commas(r#"{"a,]": ["\",]",],}"#), r#"{"a,]": ["\",]"]}"#);
    }
}
