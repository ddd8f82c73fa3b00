//! The store: whole blobs in and out.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use base::{Ctx, Id, limits};
use oci::{Algorithm, Digest, Hasher};

use crate::{Error, FileReader, layout::Layout, upload::Sessions};

/// A handle to one folder of blobs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    layout: Layout,
    sessions: Sessions,
}

/// A blob that was opened; it stays readable when it is deleted meanwhile.
#[derive(Debug)]
pub struct Blob {
    file: File,
    size: u64,
}

/// A blob as it lies in the store.
#[derive(Clone, Debug)]
pub struct Stored {
    pub digest: Digest,
    pub size: u64,
    pub written: SystemTime,
}

impl Blobs {
    /// Use this folder, made when absent. Only one process may.
    pub async fn at(folder: &Path) -> Result<Blobs, Error> {
        let folder = folder.to_owned();
        let layout = blocking(move || Layout::prepare(&folder)).await??;
        Ok(Blobs(Arc::new(Inner { layout, sessions: Sessions::default() })))
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Store a small blob under its digest, on disk when this returns. The digest is checked.
    pub async fn put(&self, ctx: &Ctx, digest: &Digest, bytes: Vec<u8>) -> Result<(), Error> {
        let (layout, digest) = (self.layout().clone(), digest.clone());
        let path = layout.put(&Id::new(ctx));
        blocking(move || {
            let actual = Digest::of(digest.algorithm(), &bytes);
            if actual != digest {
                return Err(Error::WrongDigest { expected: digest, actual });
            }
            let stored = layout.blob(&digest);
            if fs::read(&stored).is_ok_and(|stored| stored == bytes) {
                return Ok(layout.sync(&stored)?);
            }
            let write = || {
                let mut file = File::create(&path)?;
                file.write_all(&bytes)?;
                layout.install(&path, &file, &digest)
            };
            write().map_err(|error| {
                // Already gone when the rename was the last thing that worked.
                let _ = fs::remove_file(&path);
                error.into()
            })
        })
        .await?
    }

    /// The stored size of a blob.
    pub async fn stat(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        match tokio::fs::metadata(self.layout().blob(digest)).await {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Open a blob that must have this size.
    pub async fn open(&self, digest: &Digest, size: u64) -> Result<Blob, Error> {
        let (path, digest) = (self.layout().blob(digest), digest.clone());
        blocking(move || open(&path, digest, size)).await?
    }

    /// A whole small blob, read into memory and checked against its digest.
    pub async fn read(&self, digest: &Digest, size: u64) -> Result<Vec<u8>, Error> {
        if size > limits::LAYER_FILE_BYTES {
            return Err(Error::TooLarge);
        }
        let (path, digest) = (self.layout().blob(digest), digest.clone());
        blocking(move || {
            let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(|_| Error::TooLarge)?);
            open(&path, digest.clone(), size)?.file.read_to_end(&mut bytes)?;
            if Digest::of(digest.algorithm(), &bytes) == digest {
                Ok(bytes)
            } else {
                Err(Error::Damaged { digest, problem: "other bytes of the same length".to_owned() })
            }
        })
        .await?
    }

    /// Read the whole blob and compare it with its name.
    pub async fn verify(&self, digest: &Digest, size: u64) -> Result<(), Error> {
        let (path, digest) = (self.layout().blob(digest), digest.clone());
        blocking(move || {
            let mut file = open(&path, digest.clone(), size)?.file;
            let mut hasher = Hasher::new(digest.algorithm());
            let mut buffer = vec![0; limits::CHUNK_BYTES];
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    count => hasher.update(&buffer[..count]),
                }
            }
            if hasher.finish() == digest {
                Ok(())
            } else {
                Err(Error::Damaged { digest, problem: "other bytes of the same length".to_owned() })
            }
        })
        .await?
    }

    /// The blobs of one of the 256 folders of an algorithm, whatever anybody knows of them.
    pub async fn stored(&self, algorithm: Algorithm, prefix: u8) -> Result<Vec<Stored>, Error> {
        let folder = self.layout().prefix(algorithm, prefix);
        blocking(move || {
            let mut stored = Vec::new();
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let name = format!("{algorithm}:{}", entry.file_name().to_string_lossy());
                let metadata = match entry.metadata() {
                    // Removed meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    metadata => metadata?,
                };
                if let Ok(digest) = name.parse() {
                    stored.push(Stored { digest, size: metadata.len(), written: metadata.modified()? });
                }
            }
            Ok(stored)
        })
        .await?
    }

    /// Remove a blob; gives whether it was there. After a power cut it may be there again.
    pub async fn delete(&self, digest: &Digest) -> Result<bool, Error> {
        match tokio::fs::remove_file(self.layout().blob(digest)).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Blob {
    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// `length` bytes from `first` on. The caller has checked that they are there (`oci::ByteRange`).
    pub async fn stream(self, first: u64, length: u64) -> Result<FileReader, Error> {
        Ok(FileReader::new(self.file, first, length))
    }

    /// The file itself, for those who read in a thread that may block.
    pub fn into_file(self) -> File {
        self.file
    }
}

fn open(path: &Path, digest: Digest, size: u64) -> Result<Blob, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::NotFound(digest)),
        Err(error) => return Err(error.into()),
    };
    let stored = file.metadata()?.len();
    if stored == size {
        Ok(Blob { file, size })
    } else {
        Err(Error::Damaged { digest, problem: format!("{stored} bytes instead of {size}") })
    }
}

/// Run file work in a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| Error::Unavailable(format!("file work did not end: {error}")))
}
