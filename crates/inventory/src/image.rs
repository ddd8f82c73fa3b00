//! The components of a whole image.

use std::collections::BTreeMap;

use fingerprint::Evidence;
use package::{OsRelease, PackageType};
use serde::{Deserialize, Serialize};

use crate::{FoundSecret, Gap, Notable};

/// One installed package of an image. Fields in the order of the alphabet, as in [`crate::LayerInventory`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// How sure it is, in percent; None for what a package manager says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// `vendor:product` in the CPE dictionary, where it was found in bytes and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpe: Option<String>,
    /// What speaks for a component that was found in bytes, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, Vec<Evidence>>,
    pub kind: PackageType,
    /// Index of the layer that first had this version, and kept it since.
    pub layer: usize,
    /// As the package tells: SPDX expressions, or the distribution's short names. Empty when unknown.
    pub licenses: Vec<String>,
    /// The module stream that it belongs to (rpm).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    pub name: String,
    /// The files that prove it, the database first. Never empty.
    pub paths: Vec<String>,
    pub purl: String,
    pub source: String,
    pub source_version: String,
    /// Who built it, where that is another than the distribution's own publisher: its advisories do not speak of this package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third_party: Option<String>,
    pub version: String,
}

/// A version that one layer brought and a later one removed or replaced: it cannot be seen in the image, and can be pulled with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gone {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Index of the layer that brought it.
    pub brought: usize,
    pub kind: PackageType,
    pub name: String,
    /// Index of the layer that removed it.
    pub removed: usize,
    pub version: String,
}

/// The merged view of an image's layers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInventory {
    /// Sorted by kind, name, version, architecture.
    pub components: Vec<Component>,
    /// Regular files of all layers, each layer counted by itself, and their bytes.
    pub file_bytes: u64,
    pub files: u64,
    /// What could not be looked at. An image with gaps is not clean, it is unknown.
    pub gaps: Vec<Gap>,
    /// Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Gone>,
    /// Diff IDs, lowest layer first.
    pub layers: Vec<String>,
    /// SPDX expressions of licence files, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub license_files: BTreeMap<String, String>,
    /// Files whose mode or place is a fact in itself, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notable: BTreeMap<String, Notable>,
    /// None when no os-release is there: an image from scratch, or one that hides what it is.
    pub os: Option<OsRelease>,
    pub scanner_version: u32,
    /// Keys and tokens in files, by path, masked; what a layer above removed is still there to be pulled, and stands here too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Secrets>,
}

/// The secrets of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    pub found: Vec<FoundSecret>,
    pub layer: usize,
    /// True when a layer above hides the file.
    pub removed: bool,
}

impl ImageInventory {
    /// Canonical JSON, as [`crate::LayerInventory::to_json`].
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, numbers and maps with string keys always serialise")
    }

    pub fn from_json(json: &[u8]) -> Result<ImageInventory, crate::Error> {
        serde_json::from_slice(json).map_err(crate::Error::Stored)
    }
}
