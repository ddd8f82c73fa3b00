//! The noun: one tag that is to be mirrored, and how far it is.

use base::{Id, Timestamp};
use oci::{Digest, Tag};

use crate::MirroringPolicy;

/// What a policy wants of one tag.
#[derive(Clone, Debug)]
pub struct Work {
    pub policy: Id<MirroringPolicy>,
    /// Here.
    pub tag: Tag,
    pub digest: Digest,
    /// There.
    pub remote_tag: Tag,
    /// Whether it is where it should be.
    pub done: bool,
    pub updated_at: Timestamp,
    pub failures: i64,
    /// Why the last try failed.
    pub error: Option<String>,
    pub progress: Progress,
}

/// How far; totals grow while more is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub blobs: i64,
    pub blobs_done: i64,
    pub bytes: i64,
    pub bytes_done: i64,
}
