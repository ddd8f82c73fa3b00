//! What the types of package URLs make of names: which are the same in any case, and which have no namespace.
//!
//! From the type definitions that ECMA-427 refers to. A namespace that a definition requires is asked for only where no package can do
//! without: SBOMs leave out that of distributions, and Go's standard library has none.

use super::{Purl, PurlError};

/// Not case sensitive: the namespace.
const LOWER_NAMESPACE: [&str; 14] = [
    "alpm",
    "apk",
    "bitbucket",
    "brew",
    "composer",
    "deb",
    "github",
    "hex",
    "luarocks",
    "opkg",
    "qpkg",
    "rpm",
    "vscode-extension",
    "yocto",
];
/// The name.
const LOWER_NAME: [&str; 17] = [
    "alpm",
    "apk",
    "bitbucket",
    "bitnami",
    "brew",
    "chrome-extension",
    "composer",
    "deb",
    "github",
    "hex",
    "luarocks",
    "oci",
    "opkg",
    "otp",
    "pub",
    "pypi",
    "vscode-extension",
];
/// The version.
const LOWER_VERSION: [&str; 4] = ["huggingface", "oci", "pypi", "vscode-extension"];

const NO_NAMESPACE: [&str; 16] = [
    "bazel",
    "bitnami",
    "cargo",
    "chrome-extension",
    "cocoapods",
    "conda",
    "cran",
    "gem",
    "hackage",
    "julia",
    "mlflow",
    "nuget",
    "oci",
    "opam",
    "otp",
    "pypi",
];
const NO_NAMESPACE_EITHER: [&str; 2] = ["pub", "vcpkg"];
const WITH_NAMESPACE: [&str; 2] = ["swift", "vscode-extension"];

/// True where the namespace is a host and the name a path on it.
pub(super) fn has_path(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("git")
}

pub(super) fn apply(purl: &mut Purl) -> Result<(), PurlError> {
    let kind = purl.kind.as_str();
    if LOWER_NAMESPACE.contains(&kind) {
        purl.namespace = purl.namespace.to_lowercase();
    }
    if LOWER_NAME.contains(&kind) {
        purl.name = purl.name.to_lowercase();
    }
    if LOWER_VERSION.contains(&kind) {
        purl.version = purl.version.to_lowercase();
    }
    match kind {
        "pypi" => purl.name = purl.name.replace('_', "-"),
        "pub" => purl.name = purl.name.replace(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit(), "_"),
        // Databricks does not tell cases apart, Azure does.
        "mlflow" if purl.qualifiers.get("repository_url").is_some_and(|url| url.contains("databricks")) => {
            purl.name = purl.name.to_lowercase();
        }
        _ => {}
    }
    refuse(purl)
}

fn refuse(purl: &Purl) -> Result<(), PurlError> {
    let kind = purl.kind.as_str();
    let refused = |what: &str| Err(PurlError::new(format!("one of type {kind} {what}")));
    if !purl.namespace.is_empty() && (NO_NAMESPACE.contains(&kind) || NO_NAMESPACE_EITHER.contains(&kind)) {
        return refused("has no namespace");
    }
    if purl.namespace.is_empty() && WITH_NAMESPACE.contains(&kind) {
        return refused("has a namespace");
    }
    match kind {
        "cpan" if purl.name.contains("::") => refused("names a distribution, not a module"),
        "julia" if !purl.qualifiers.contains_key("uuid") => refused("has a uuid"),
        "chrome-extension" if purl.name.len() != 32 || !purl.name.bytes().all(|byte| (b'a'..=b'p').contains(&byte)) => {
            refused("is named by 32 letters from a to p")
        }
        "chrome-extension" if !is_chrome_version(&purl.version) => refused("has a version of up to four numbers"),
        _ => Ok(()),
    }
}

fn is_chrome_version(version: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    version.is_empty() || (version.split('.').count() <= 4 && version.split('.').all(is_number))
}
