//! What a publish is decided from, and what is to be stored for it.

use std::collections::{BTreeMap, BTreeSet};

use base::digest_hex;

use crate::{KeyId, Meta, RoleName, Target};

/// The newest stored bytes of each role of one repository. `delegations` has every role ever published, also those that are
/// no longer delegated to: a signer who comes back goes on from its last version.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub root: Option<Vec<u8>>,
    pub targets: Option<Vec<u8>>,
    pub delegations: BTreeMap<RoleName, Vec<u8>>,
    pub snapshot: Option<Vec<u8>>,
    pub timestamp: Option<Vec<u8>>,
}

/// The ids of the keys the server can sign with for this repository, pending ones included.
#[derive(Clone, Debug, Default)]
pub struct HeldKeys {
    pub snapshot: BTreeSet<KeyId>,
    pub timestamp: BTreeSet<KeyId>,
}

/// An accepted publish: store `files`, make what the server must make, all in one transaction.
#[derive(Clone, Debug)]
pub struct Validated {
    /// The uploaded documents; none of them has a version that is stored already.
    pub files: Vec<File>,
    pub snapshot: SnapshotPlan,
    /// The version of the timestamp to make, and the held keys to sign it with.
    pub timestamp_version: u64,
    pub timestamp_keys: Vec<KeyId>,
    /// What the upload says about tags that was not said before; for the audit entry, and to check digests exist.
    pub changes: Vec<TagChange>,
}

/// One document to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub role: RoleName,
    pub version: u64,
    pub bytes: Vec<u8>,
    /// Lower-case hex, by which clients ask for it.
    pub sha256: String,
}

#[derive(Clone, Debug)]
pub enum SnapshotPlan {
    /// The client signed one: it is among the files.
    Uploaded { bytes: Vec<u8> },
    /// The server signs one with these held keys. `meta` lists all that is current.
    Generate { version: u64, meta: BTreeMap<RoleName, Meta>, keys: Vec<KeyId> },
}

/// One tag of one role before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChange {
    pub role: RoleName,
    pub tag: String,
    pub before: Option<Target>,
    pub after: Option<Target>,
}

impl File {
    pub fn new(role: RoleName, version: u64, bytes: Vec<u8>) -> File {
        File { role, version, sha256: digest_hex(&bytes), bytes }
    }
}
