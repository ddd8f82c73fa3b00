//! One component of an image, and why we say that it is there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Confidence;

/// Fields stand in the order by which components are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// The type of its package URL: `deb`, `npm`, `generic`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Namespace and name as the package's own world writes them.
    pub name: String,
    #[serde(default)]
    pub version: String,
    /// Empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purl: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The files that prove it, without leading slash.
    #[serde(default)]
    pub paths: Vec<String>,
    /// The layer whose bytes show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    /// The layer that first had this version, which every layer above kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_layer: Option<usize>,
    /// SPDX expressions; all of them hold together.
    #[serde(default)]
    pub licenses: Vec<String>,
    /// Licences that have no SPDX identifier, as the package names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub license_names: Vec<String>,
    /// How sure we are that it is this product in this version; None where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// The package it was built from; advisories of distributions speak of that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpes: Vec<String>,
    /// Who publishes it: `Debian`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
    /// Who built it, where that is another than the distribution: its advisories do not speak of this package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third_party: Option<String>,
    /// SHA-256 of files among [`Component::paths`], as 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sha256: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourcePackage {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// One reason to say that a component is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    pub method: Method,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Bytes from the begin of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The string, the digest, the key that was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A package database, or the metadata that a package manager left.
    #[default]
    Metadata,
    /// The whole file is known.
    FileHash,
    /// A section, object or function of it is known.
    SectionHash,
    /// Strings and constants of the product.
    Strings,
    /// A text that states product and version.
    Banner,
    /// The version resource of a Windows program, or a package note of an ELF file.
    Note,
    FileName,
    /// A bill of materials says so.
    Bill,
    Other,
}

impl Method {
    /// The word of CycloneDX 1.6, `componentIdentityEvidence.methods.technique`.
    pub(crate) fn technique(self) -> &'static str {
        match self {
            Method::Metadata => "manifest-analysis",
            Method::FileHash | Method::SectionHash => "hash-comparison",
            Method::Strings | Method::Banner | Method::Note => "binary-analysis",
            Method::FileName => "filename",
            Method::Bill => "attestation",
            Method::Other => "other",
        }
    }

    /// The nearest of ours.
    pub(crate) fn from_technique(word: &str) -> Method {
        match word {
            "manifest-analysis" => Method::Metadata,
            "hash-comparison" => Method::FileHash,
            "binary-analysis" => Method::Strings,
            "filename" => Method::FileName,
            "attestation" => Method::Bill,
            _ => Method::Other,
        }
    }
}

impl Component {
    pub(crate) fn sort(&mut self) {
        for list in [&mut self.paths, &mut self.licenses, &mut self.license_names, &mut self.cpes] {
            list.sort();
            list.dedup();
        }
        self.evidence.sort();
        self.evidence.dedup();
    }
}
