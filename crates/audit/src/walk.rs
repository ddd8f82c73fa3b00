//! The walk of a verification: every leaf from the rows and from the files, hashed up to the root.
//!
//! An entry stands in three places: its row, its leaf in the entry bundle, its hash in the tile above. Where row and leaf
//! differ, the hash says which of the two was altered, and the walk goes on with the other. So one altered byte is one
//! problem. The hash itself is believed only as far as the signed root confirms it.

use std::{borrow::Cow, collections::BTreeSet};

use base::micros;
use tlog::{Hash, TILE_WIDTH, Tile, TileKind, leaf_hash};

use crate::{
    Body, Guarded, Problem, StoredEntry, builder::Builder, files::Files, fold::Fold, report::Problems, store::Kept,
};

/// The state of a walk; the log streams through it tile by tile.
#[derive(Debug)]
pub(crate) struct Walk {
    files: Files,
    /// How many entries the log has.
    size: u64,
    /// Whether there are rows at all; an outsider has only the files.
    has_rows: bool,
    builder: Builder,
    /// Set once a leaf is in neither place: no hash above it can be computed.
    ended: bool,
    fold: Fold,
    pub problems: Problems,
}

impl Walk {
    pub fn new(files: Files, size: u64, has_rows: bool, problems: Problems) -> Walk {
        Walk { files, size, has_rows, builder: Builder::default(), ended: false, fold: Fold::default(), problems }
    }

    /// Compare the root at this size with one that was signed earlier, at the end of the walk.
    pub fn watch(&mut self, size: u64) {
        self.builder.watch(size);
    }

    /// The range of the next tile; none at the end.
    pub fn range(size: u64, first: u64) -> Option<(u64, u64)> {
        (first < size).then(|| (first, size.min(first + u64::from(TILE_WIDTH))))
    }

    /// Check the entries from `first` to before `end`, which are those of one tile.
    pub fn tile(&mut self, first: u64, end: u64, rows: Vec<Kept>) {
        let number = first / u64::from(TILE_WIDTH);
        let path = self.tile_of(TileKind::Entries, number).to_string();
        let bundle = self.bundle(number);
        let hashes = self.hashes(number);
        let mut rows = rows.into_iter().peekable();
        for (offset, index) in (first..end).enumerate() {
            let row = rows.next_if(|row| row.entry.index == Some(index));
            let filed = bundle.as_ref().map(|leaves| leaves[offset].as_slice());
            let hash = hashes.get(offset).copied();
            let Some(leaf) = self.choose(index, row.as_ref().map(|row| &row.entry), filed, hash, &path) else {
                self.end(index, "it is in neither the database nor the files".to_owned());
                continue;
            };
            self.push(index, &leaf);
            self.entry(row.as_ref().map(|row| (&row.entry, &row.subjects)), &leaf, index);
        }
    }

    /// Check an entry that waits for its index.
    pub fn waiting(&mut self, entry: &StoredEntry, subjects: &BTreeSet<String>) {
        self.entry(Some((entry, subjects)), entry.body.as_bytes(), self.size);
    }

    /// The end of the log: its edge, its frontier and root, and the state. Gives the roots at the watched sizes.
    pub fn finish(mut self, guarded: Guarded) -> (Problems, Option<Builder>) {
        if !self.ended {
            for (tile, bytes) in self.builder.edge() {
                self.compare(tile, &bytes);
            }
        }
        self.fold.compare(guarded, &mut self.problems);
        (self.problems, (!self.ended).then_some(self.builder))
    }

    /// The leaf to go on with, and a problem where the two places differ.
    fn choose<'a>(
        &mut self,
        index: u64,
        row: Option<&'a StoredEntry>,
        filed: Option<&'a [u8]>,
        hash: Option<Hash>,
        path: &str,
    ) -> Option<Cow<'a, [u8]>> {
        let path = path.to_owned();
        if row.is_none() && self.has_rows {
            self.problems.push(Problem::EntryMissing { index, path: path.clone() });
        }
        let leaf = match (row, filed) {
            (Some(row), Some(filed)) if row.body.as_bytes() == filed => filed,
            (Some(row), Some(filed)) => {
                let is_signed = |leaf: &[u8]| Some(leaf_hash(leaf)) == hash;
                if is_signed(filed) && !is_signed(row.body.as_bytes()) {
                    self.problems.push(Problem::BodyAltered { index, id: row.id.clone(), path });
                    filed
                } else {
                    self.problems.push(Problem::FileAltered { path, detail: format!("entry {index} in it differs") });
                    row.body.as_bytes()
                }
            }
            (Some(row), None) => row.body.as_bytes(),
            (None, filed) => filed?,
        };
        Some(Cow::Borrowed(leaf))
    }

    fn push(&mut self, index: u64, leaf: &[u8]) {
        if self.ended {
            return;
        }
        match self.builder.push(leaf) {
            // Bundles were compared leaf by leaf.
            Ok(full) => {
                for (tile, bytes) in full {
                    self.compare(tile, &bytes);
                }
            }
            Err(error) => self.end(index, error.to_string()),
        }
    }

    fn end(&mut self, index: u64, detail: String) {
        if !self.ended {
            self.problems.push(Problem::TreeEnds { index, detail });
        }
        self.ended = true;
    }

    /// Compare a row with its body, and take the body into the fold.
    fn entry(&mut self, row: Option<(&StoredEntry, &BTreeSet<String>)>, leaf: &[u8], index: u64) {
        let body = match Body::parse(leaf) {
            Ok(body) => body,
            Err(error) => {
                let id = row.map_or_else(|| format!("at index {index}"), |(entry, _)| entry.id.clone());
                return self.problems.push(Problem::BodyUnreadable { id, detail: error.to_string() });
            }
        };
        if let Some((entry, subjects)) = row {
            let at = |at| micros(at).to_string();
            let list = |subjects: &BTreeSet<String>| subjects.iter().cloned().collect::<Vec<_>>().join(" ");
            let columns = [
                ("id", entry.id.clone(), body.id.clone()),
                ("at", at(entry.at), at(body.at)),
                ("kind", entry.kind.clone(), body.kind.clone()),
                ("actor", entry.actor.clone(), body.actor.clone()),
                ("audit_subjects", list(subjects), list(&body.subjects.iter().cloned().collect())),
            ];
            for (column, row, body) in columns.into_iter().filter(|(_, row, body)| row != body) {
                self.problems.push(Problem::ColumnDiffers { id: entry.id.clone(), column, row, body });
            }
        }
        self.fold.apply(body);
    }

    /// Compare a computed tile of hashes with its file.
    fn compare(&mut self, tile: Tile, expected: &[u8]) {
        if tile.kind() == TileKind::Entries {
            return;
        }
        let path = tile.to_string();
        let altered = |detail: String| Problem::FileAltered { path: path.clone(), detail };
        let problem = match self.files.read_tile(tile) {
            Ok(Some(found)) if found == expected => return,
            Ok(Some(found)) => {
                let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
                altered(format!("it differs from byte {same} on"))
            }
            Ok(None) => Problem::FileMissing { path: path.clone() },
            Err(error) => altered(error.to_string()),
        };
        self.problems.push(problem);
    }

    /// The leaves of a bundle, if it has as many as it must.
    fn bundle(&mut self, number: u64) -> Option<Vec<Vec<u8>>> {
        let tile = self.tile_of(TileKind::Entries, number);
        let path = tile.to_string();
        let problem = match self.files.read_tile(tile) {
            Ok(Some(bytes)) => match tlog::bundle::decode(&bytes) {
                Ok(leaves) if leaves.len() == usize::from(tile.width()) => {
                    return Some(leaves.into_iter().map(<[u8]>::to_vec).collect());
                }
                Ok(leaves) => {
                    let detail = format!("it holds {} entries instead of {}", leaves.len(), tile.width());
                    Problem::FileAltered { path, detail }
                }
                Err(error) => Problem::FileAltered { path, detail: error.to_string() },
            },
            Ok(None) => Problem::FileMissing { path },
            Err(error) => Problem::FileAltered { path, detail: error.to_string() },
        };
        self.problems.push(problem);
        None
    }

    /// The leaf hashes of a tile, as far as they can be read; [`Walk::compare`] says what is wrong with them.
    fn hashes(&self, number: u64) -> Vec<Hash> {
        let bytes = self.files.read_tile(self.tile_of(TileKind::Hashes { level: 0 }, number));
        let bytes = bytes.ok().flatten().unwrap_or_default();
        bytes.as_chunks::<{ Hash::BYTES }>().0.iter().map(|hash| Hash(*hash)).collect()
    }

    fn tile_of(&self, kind: TileKind, number: u64) -> Tile {
        Tile::of_log(kind, number, self.size).expect("only tiles of this log are walked")
    }
}
