//! The inventory of one layer: a plain value with one spelling in JSON.

use std::collections::{BTreeMap, BTreeSet};

use package::Document;
use serde::{Deserialize, Serialize};

use crate::{Error, FoundSecret, Listing, Program, Shadow};

/// Raised whenever the same layer would give another inventory; stored ones of an older number are made again.
pub const SCANNER_VERSION: u32 = 6;

/// What a layer brings and removes, as far as an image's components depend on it; every file by itself stands in its [`Listing`].
/// Fields stand in the order of the alphabet, so that [`LayerInventory::to_json`] is canonical whatever features serde_json was
/// built with.
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
    /// Bytes of all regular files.
    pub file_bytes: u64,
    /// Regular files.
    pub files: u64,
    /// SPDX expressions of licence files, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub license_files: BTreeMap<String, String>,
    /// What is no file of its own, by path.
    pub links: BTreeMap<String, Link>,
    /// The digest of [`Listing::to_text`].
    pub listing: String,
    /// Files whose mode or place is a fact in itself: setuid, leftovers of package managers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notable: BTreeMap<String, Notable>,
    /// Directories whose content from lower layers is hidden; the root is the empty path.
    pub opaque: BTreeSet<String>,
    /// Executables that say something, by path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs: BTreeMap<String, Program>,
    pub scanner_version: u32,
    /// Keys and tokens in files, by path, masked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, Vec<FoundSecret>>,
    /// What it hides of lower layers.
    pub shadow: Shadow,
    /// Other sums of files that are components in themselves, by path, to tell whether a package installed them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sums: BTreeMap<String, Vec<String>>,
    /// Bytes of the uncompressed tar.
    pub unpacked_bytes: u64,
    /// Paths of lower layers that are removed.
    pub whiteouts: BTreeSet<String>,
}

/// A file that is a fact in itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notable {
    pub mode: u32,
    pub size_bytes: u64,
}

/// A path that stands for something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Link {
    /// To a path of this layer or a lower one, normalised.
    Hard { target: String },
    /// Devices and pipes, which lead nowhere that we could look.
    Other,
    /// The target as written.
    Symbolic { target: String },
}

impl LayerInventory {
    /// Canonical JSON: keys sorted, no spaces. Equal inventories give equal bytes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings, numbers and maps with string keys always serialise")
    }

    /// The digest of the list of files that an inventory names, whatever version of the scanner wrote it.
    pub fn listing_in(json: &[u8]) -> Option<String> {
        #[derive(Deserialize)]
        struct Named {
            listing: String,
        }
        serde_json::from_slice(json).ok().map(|named: Named| named.listing)
    }

    pub fn from_json(json: &[u8]) -> Result<LayerInventory, Error> {
        serde_json::from_slice(json).map_err(Error::Stored)
    }
}

/// A layer that was read: its inventory, and the list of all its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadLayer {
    pub inventory: LayerInventory,
    pub listing: Listing,
}
