//! What was read of one file: plain values with one spelling in JSON.

use serde::{Deserialize, Serialize};

use crate::{OsRelease, PackageType};

/// A file that says which packages there are, or something about them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Document {
    /// Licences named by `usr/share/doc/PACKAGE/copyright`.
    Licenses { names: Vec<String> },
    /// `etc/os-release`.
    Os { release: OsRelease },
    /// Files that a package installed, where a list of its own says so (`var/lib/dpkg/info/PACKAGE.md5sums`).
    Owned { files: Vec<OwnedFile>, kind: PackageType, package: String },
    /// A package database, or the metadata of one installed package.
    Packages { kind: PackageType, packages: Vec<Package> },
}

/// One package as its metadata tells it. Fields stand in the order of the alphabet, so that JSON of it is canonical.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
    /// The module stream it belongs to, `nodejs:18:9030020230717:rhel9` (rpm's MODULARITYLABEL): advisories name the stream, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Namespace and name as the package's own world writes them: `bash`, `@angular/core`, `org.slf4j:slf4j-api`,
    /// `github.com/docker/cli`.
    pub name: String,
    /// Files it installed, where its database lists them: what lies in one of these, unchanged, is no component of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owns: Vec<OwnedFile>,
    /// SHA-1 of the archive that is this package, in hexadecimal: what indexes of Maven artifacts know them by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    /// The package it was built from, and that one's version: advisories of distributions are written against these.
    pub source: String,
    pub source_version: String,
    /// Who built it, where that is another than the distribution's own publisher: its advisories do not speak of this package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third_party: Option<String>,
    pub version: String,
}

/// One file of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedFile {
    /// Normalised, without leading slash.
    pub path: String,
    /// What its content was when it was installed, `ALGORITHM:hex` with md5, sha1 or sha256; None where the database does not
    /// say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
}

impl Package {
    /// The order of packages in a document, and what makes two of them one.
    pub fn key(&self) -> (&str, &str, Option<&str>) {
        (&self.name, &self.version, self.architecture.as_deref())
    }
}

/// Sorted, each once: what every reader gives back.
pub(crate) fn sorted(mut packages: Vec<Package>) -> Vec<Package> {
    packages.sort_by(|a, b| a.key().cmp(&b.key()));
    packages.dedup_by(|a, b| a.key() == b.key());
    packages.shrink_to_fit();
    packages
}
