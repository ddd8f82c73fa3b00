//! One upload's open file and its running hash.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use base::limits;
use oci::{Algorithm, Digest, Hasher};

use crate::{
    Error, UploadState,
    growing::{Announced, Watchers},
    layout::Layout,
    state::Place,
};

/// The state of one upload between two calls. Whoever holds its lock may use it; `Over` is final.
#[derive(Debug, Default)]
pub(crate) enum Session {
    /// Nothing in memory; the file, if there is one, is read when it is needed.
    #[default]
    Resting,
    Open(OpenUpload),
    /// Finished or given up: its file may carry the name of a blob by now, and must not be written to.
    Over,
}

/// A file, its length, and the hash of its first `length` bytes.
#[derive(Debug)]
pub(crate) struct OpenUpload {
    file: File,
    hasher: Hasher,
    length: u64,
    announced: Option<Announced>,
    /// Also when nobody took it: an upload is offered once.
    offered: bool,
}

/// A point to go back to.
#[derive(Debug)]
pub(crate) struct Mark {
    hasher: Hasher,
    length: u64,
}

impl Session {
    /// The open file, opened (made, and read to its end) when it is not.
    pub(crate) fn open(&mut self, path: &Path) -> Result<&mut OpenUpload, Error> {
        self.open_from(path, None)
    }

    /// The same, with a state from which on the file needs to be read.
    pub(crate) fn open_from(&mut self, path: &Path, known: Option<&UploadState>) -> Result<&mut OpenUpload, Error> {
        match self {
            Session::Resting => *self = Session::Open(OpenUpload::open(path, Algorithm::Sha256, known)?),
            Session::Open(_) => {}
            Session::Over => return Err(Error::Over),
        }
        match self {
            Session::Open(open) => Ok(open),
            Session::Resting | Session::Over => unreachable!("opened or refused above"),
        }
    }

    /// Add bytes; on an error nothing of them stays.
    pub(crate) fn write(&mut self, path: &Path, chunk: &[u8]) -> Result<(), Error> {
        let open = self.open(path)?;
        let outcome = open.file.write_all(chunk);
        match outcome {
            Ok(()) => {
                open.hasher.update(chunk);
                open.length += chunk.len() as u64;
                if let Some(announced) = &open.announced {
                    announced.grow(open.length);
                }
                Ok(())
            }
            Err(error) => {
                let mark = open.mark();
                self.back_to(path, mark)?;
                Err(error.into())
            }
        }
    }

    /// Undo what was written since the mark.
    pub(crate) fn back_to(&mut self, path: &Path, mark: Mark) -> Result<(), Error> {
        let open = self.open(path)?;
        // Whoever read what is taken back must not go on.
        open.announced = None;
        let undone = open.file.set_len(mark.length).and_then(|()| open.file.seek(SeekFrom::Start(mark.length)));
        match undone {
            Ok(_) => {
                open.hasher = mark.hasher;
                open.length = mark.length;
                Ok(())
            }
            Err(error) => {
                // Nothing is known about the file any more; the next call reads it again.
                *self = Session::Resting;
                Err(error.into())
            }
        }
    }

    /// Check the digest and make the upload a blob; gives its size. A wrong digest ends the upload, and so does a disk that
    /// fails to take it: after a failed fsync nobody knows what the file holds.
    pub(crate) fn finish(
        &mut self,
        layout: &Layout,
        path: &Path,
        known: Option<&UploadState>,
        digest: &Digest,
    ) -> Result<u64, Error> {
        let open = self.open_from(path, known)?;
        let actual = if open.hasher.algorithm() == digest.algorithm() {
            open.hasher.clone().finish()
        } else {
            OpenUpload::open(path, digest.algorithm(), None)?.hasher.finish()
        };
        if actual != *digest {
            self.discard(path)?;
            return Err(Error::WrongDigest { expected: digest.clone(), actual });
        }
        let size = open.length;
        let announced = open.announced.take();
        let installed = layout.install(path, &open.file, digest);
        if let Some(announced) = announced.filter(|_| installed.is_ok()) {
            announced.finish(size, digest);
        }
        *self = Session::Over;
        if installed.is_err() {
            self.discard(path)?;
        }
        installed.map(|()| size).map_err(Error::from)
    }

    /// Offer what is written to whoever reads uploads while they come, once it is enough.
    pub(crate) fn announce(&mut self, watchers: &Watchers) {
        if let Session::Open(open) = self
            && open.length >= limits::UPLOAD_WATCHED_BYTES
            && !open.offered
        {
            open.offered = true;
            open.announced = watchers.offer(&open.file, open.length);
        }
    }

    pub(crate) fn discard(&mut self, path: &Path) -> Result<(), Error> {
        *self = Session::Over;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

impl OpenUpload {
    /// Open the file and read it to its end, from where the known state ends when the file is as long as that. What a state
    /// was handed out for is on disk, so a file that is long enough holds it.
    fn open(path: &Path, algorithm: Algorithm, known: Option<&UploadState>) -> Result<OpenUpload, Error> {
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let stored = file.metadata()?.len();
        let known = known.filter(|known| known.length() <= stored);
        let mut hasher = known.map_or_else(|| Hasher::new(algorithm), UploadState::hasher);
        let mut length = known.map_or(0, UploadState::length);
        file.seek(SeekFrom::Start(length))?;
        let mut buffer = vec![0; limits::CHUNK_BYTES];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                count => {
                    hasher.update(&buffer[..count]);
                    length += count as u64;
                }
            }
        }
        Ok(OpenUpload { file, hasher, length, announced: None, offered: false })
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The state to go on from after a restart. What it speaks of is on disk when this returns.
    pub(crate) fn note(&self) -> Result<UploadState, Error> {
        self.file.sync_data()?;
        Ok(UploadState::new(self.length, &self.hasher, Place::Folder))
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { hasher: self.hasher.clone(), length: self.length }
    }
}
