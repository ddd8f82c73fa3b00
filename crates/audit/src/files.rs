//! The log's files: where they lie, and how one is written so that a crash leaves the old or the new.
//!
//! ```text
//!  FOLDER/checkpoint                        the signed note; the only file that changes; written last
//!         tile/entries/000                  256 leaves, final
//!         tile/entries/001.p/17             the 17 leaves at the right edge; gone once a wider one is there
//!         tile/0/000   tile/0/001.p/17      their hashes
//!         tile/1/000.p/1                    the root of tile/0/000
//!         .writing                          what a crash interrupted; never read
//! ```

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use base::limits;
use tlog::{Tile, TileKind};

use crate::Error;

/// The path of the checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";

const TEMPORARY: &str = ".writing";

/// The folder of one log. One process writes it.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    pub fn new(folder: PathBuf) -> Files {
        Files { folder }
    }

    /// Make the folder when it is not there.
    pub fn create(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.folder).map_err(|error| self.failure("", &error))
    }

    /// The bytes of a file, if it is there. What is longer than `limit` is cut one byte after it, so that the caller sees
    /// that there is too much without reading all of it.
    pub fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        let read = || {
            let file = match File::open(self.folder.join(path)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                file => file?,
            };
            let mut bytes = Vec::new();
            file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        };
        read().map_err(|error: io::Error| self.failure(path, &error))
    }

    /// The bytes of a tile, at most one more than a tile of its width can have.
    pub fn read_tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, Error> {
        let each = match tile.kind() {
            TileKind::Entries => 2 + limits::AUDIT_LEAF_BYTES,
            TileKind::Hashes { .. } => tlog::Hash::BYTES,
        };
        self.read(&tile.to_string(), each * usize::from(tile.width()))
    }

    /// The checkpoint, if it is there.
    pub fn read_checkpoint(&self) -> Result<Option<Vec<u8>>, Error> {
        self.read(CHECKPOINT, limits::NOTE_BYTES)
    }

    /// Write a file whole and durably, or not at all.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let write = || {
            let target = self.folder.join(path);
            let parent = target.parent().expect("a file of the log lies in its folder");
            self.make_folder(parent)?;
            let temporary = self.folder.join(TEMPORARY);
            let mut file = File::create(&temporary)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            fs::rename(&temporary, &target)?;
            sync_folder(parent)
        };
        write().map_err(|error: io::Error| self.failure(path, &error))
    }

    /// Bring the file of a tile to the bytes that follow from the database. Missing or cut short, it is written; narrower
    /// versions of it are removed. [`Error::Contradicted`], with nothing touched, when what is there is not the
    /// beginning of what should be: one of the two was altered, and the file may be the evidence.
    pub fn settle(&self, tile: Tile, expected: &[u8]) -> Result<(), Error> {
        let path = tile.to_string();
        let full = tile.full().to_string();
        let more = |path: &str| Error::Contradicted(format!("{path} holds more than the database has"));
        if !tile.is_full() && self.read(&full, 0)?.is_some() {
            return Err(more(&full));
        }
        let others: Vec<Tile> = self.partials(tile)?.into_iter().filter(|other| *other != tile).collect();
        for other in &others {
            let found = self.read_tile(*other)?.unwrap_or_default();
            if other.width() > tile.width() {
                return Err(more(&other.to_string()));
            }
            begins(expected, &found, other)?;
        }
        match self.read_tile(tile)? {
            Some(found) if found == expected => {}
            found => {
                begins(expected, &found.unwrap_or_default(), &tile)?;
                tracing::warn!(path, "a file of the audit log was missing or cut short; it is written again");
                self.write(&path, expected)?;
            }
        }
        others.into_iter().try_for_each(|other| self.remove(other))
    }

    /// Remove a partial tile that a wider one replaces.
    pub fn remove(&self, tile: Tile) -> Result<(), Error> {
        let path = self.folder.join(tile.to_string());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failure(&tile.to_string(), &error)),
            _ => {
                // Fails while other partial tiles lie there, and that is right.
                let _ = path.parent().map(fs::remove_dir);
                Ok(())
            }
        }
    }

    /// The partial versions of a tile that lie there.
    fn partials(&self, tile: Tile) -> Result<Vec<Tile>, Error> {
        let folder = format!("{}.p", tile.full());
        let list = || {
            let names = match fs::read_dir(self.folder.join(&folder)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                names => names?,
            };
            let names = names.map(|name| Ok(format!("{folder}/{}", name?.file_name().display())));
            // A name that is no tile's is nobody's business.
            names.filter_map(|path| path.map(|path| path.parse().ok()).transpose()).collect()
        };
        list().map_err(|error: io::Error| self.failure(&folder, &error))
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        folder.ancestors().skip(1).take_while(|above| above.starts_with(&self.folder)).try_for_each(sync_folder)
    }

    fn failure(&self, path: &str, error: &io::Error) -> Error {
        Error::Unavailable(format!("{}: {error}", self.folder.join(path).display()))
    }
}

fn begins(expected: &[u8], found: &[u8], tile: &Tile) -> Result<(), Error> {
    match expected.starts_with(found) {
        true => Ok(()),
        false => Err(Error::Contradicted(format!("{tile} does not hold what the database has"))),
    }
}

/// Make the names in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
