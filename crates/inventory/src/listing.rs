//! Every member of a layer with what it is and, for a file, the digest of its content.
//!
//! ```text
//!   {"mode":493,"path":"usr/bin/env","sha256":"…","size_bytes":48536,"type":"file"}       one member a line, sorted by path
//!   {"path":"usr/bin/sh","target":"dash","type":"symlink"}
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, layer::Link};

/// All members by their normalised path, without leading slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing(pub BTreeMap<String, Entry>);

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

#[derive(Serialize, Deserialize)]
struct Line<P> {
    path: P,
    #[serde(flatten)]
    entry: Entry,
}

impl Listing {
    /// The canonical text, of which [`crate::LayerInventory::listing`] is the digest.
    pub fn to_text(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * 160);
        for (path, entry) in &self.0 {
            serde_json::to_writer(&mut out, &Line { path, entry: entry.clone() })
                .expect("strings and numbers always serialise, memory always writes");
            out.push(b'\n');
        }
        out
    }

    pub fn from_text(text: &[u8]) -> Result<Listing, Error> {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let read = lines.map(|line| serde_json::from_slice(line).map(|Line { path, entry }| (path, entry)));
        read.collect::<Result<_, _>>().map(Listing).map_err(Error::Stored)
    }

    /// Number and bytes of the regular files.
    pub(crate) fn file_totals(&self) -> (u64, u64) {
        self.0.values().fold((0, 0), |(count, bytes), entry| match entry {
            Entry::File { size_bytes, .. } => (count + 1, bytes + size_bytes),
            _ => (count, bytes),
        })
    }

    pub(crate) fn links(&self) -> BTreeMap<String, Link> {
        let link = |entry: &Entry| match entry {
            Entry::Hardlink { target } => Some(Link::Hard { target: target.clone() }),
            Entry::Other { .. } => Some(Link::Other),
            Entry::Symlink { target } => Some(Link::Symbolic { target: target.clone() }),
            Entry::Directory { .. } | Entry::File { .. } => None,
        };
        self.0.iter().filter_map(|(path, entry)| Some((path.clone(), link(entry)?))).collect()
    }
}
