//! C and C++ packages of Conan: `conan.lock`, and `conaninfo.txt` of an installed package.

use super::json;
use crate::{Error, Package};

/// `requires` of Conan 2, the nodes of `graph_lock` of Conan 1. Tools that were only needed to build are left out.
pub(super) fn lock(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    const EXPECTED: &str = "a lock file of Conan";
    let value = json::object(json::parse(bytes, EXPECTED)?, EXPECTED)?;
    let requires = json::list(&value, "requires").iter().filter_map(|reference| reference.as_str());
    let nodes: Vec<&str> = value
        .get("graph_lock")
        .into_iter()
        .flat_map(|graph| json::fields(graph, "nodes"))
        .filter(|(_, node)| json::text(node, "context") != "build")
        .map(|(_, node)| json::text(node, "ref"))
        .collect();
    Ok(requires.chain(nodes).filter_map(referenced).collect())
}

/// `[full_requires]`, and the package itself, whose name only the path tells: `data/NAME/VERSION/USER/CHANNEL/package/ID`.
pub(super) fn info(path: &str, text: &str) -> Vec<Package> {
    let mut found: Vec<Package> = Vec::new();
    let parts: Vec<&str> = path.rsplit('/').collect();
    if let [_, _, "package", _, _, version, name, "data", ..] = parts.as_slice() {
        found.extend(super::package(name, version, Vec::new()));
    }
    let section = text.lines().skip_while(|line| line.trim() != "[full_requires]").skip(1);
    found.extend(section.take_while(|line| !line.trim_start().starts_with('[')).filter_map(referenced));
    found
}

/// `zlib/1.2.13@user/channel#revision%time`, `zlib/1.2.13:package_id`.
fn referenced(reference: &str) -> Option<Package> {
    let (name, rest) = reference.trim().split_once('/')?;
    super::package(name, rest.split(['@', '#', ':', '%']).next()?, Vec::new())
}
