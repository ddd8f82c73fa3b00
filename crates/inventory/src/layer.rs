//! The inventory of one layer: a plain value with one spelling in JSON.

use std::collections::{BTreeMap, BTreeSet};

use package::Document;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Raised whenever the same layer would give another inventory; stored ones of an older number are made again.
pub const SCANNER_VERSION: u32 = 3;

/// Everything a layer brings and removes. Fields stand in the order of the alphabet, so that [`LayerInventory::to_json`]
/// is canonical whatever features serde_json was built with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerInventory {
    /// Files that should describe packages and cannot be read, by path, and why: what they would have told is not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub broken: BTreeMap<String, String>,
    /// SHA-256 of the uncompressed tar, `sha256:…` as in the image configuration's `rootfs.diff_ids`.
    pub diff_id: String,
    /// What we could read of the files that describe packages, by path.
    pub documents: BTreeMap<String, Document>,
    /// Every member by its normalised path, without leading slash.
    pub entries: BTreeMap<String, Entry>,
    /// Directories whose content from lower layers is hidden; the root is the empty path.
    pub opaque: BTreeSet<String>,
    pub scanner_version: u32,
    /// Other sums of files that are components in themselves, by path, to tell whether a package installed them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sums: BTreeMap<String, Vec<String>>,
    /// Bytes of the uncompressed tar.
    pub unpacked_bytes: u64,
    /// Paths of lower layers that are removed.
    pub whiteouts: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Entry {
    Directory {
        mode: u32,
    },
    File {
        mode: u32,
        sha256: String,
        size_bytes: u64,
    },
    /// To a path of this layer or a lower one, normalised.
    Hardlink {
        target: String,
    },
    /// Devices and pipes.
    Other {
        mode: u32,
    },
    /// The target as written.
    Symlink {
        target: String,
    },
}

impl LayerInventory {
    /// Canonical JSON: keys sorted, no spaces. Equal inventories give equal bytes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, numbers and maps with string keys always serialise")
    }

    pub fn from_json(json: &[u8]) -> Result<LayerInventory, Error> {
        serde_json::from_slice(json).map_err(Error::Stored)
    }

    /// Number and bytes of the regular files.
    pub fn file_totals(&self) -> (u64, u64) {
        self.entries.values().fold((0, 0), |(count, bytes), entry| match entry {
            Entry::File { size_bytes, .. } => (count + 1, bytes + size_bytes),
            _ => (count, bytes),
        })
    }
}
