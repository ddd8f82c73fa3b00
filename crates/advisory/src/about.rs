//! What a snapshot says about itself.

use std::collections::BTreeSet;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Ecosystem;

/// Part of the file, and so of its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// When its newest record was taken.
    pub created: Timestamp,
    /// A sentence for people, shown wherever the snapshot is used.
    pub label: String,
    pub name: String,
    /// True for the starter set only: it is never current, so it cannot grow old either.
    #[serde(default)]
    pub never_stale: bool,
    /// Ecosystems that a feed was read for. Where it had nothing to say of a package, that is an answer; those that records
    /// name need not be listed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub covered: BTreeSet<Ecosystem>,
    /// Where the records come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
}

/// One database that records were taken from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// As in [`crate::Advisory::source`].
    pub name: String,
    /// How new its newest record is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Timestamp>,
    /// How many records were taken.
    pub records: u64,
}
