//! The store: whole blobs in and out, of a folder or of a bucket.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use base::{Ctx, Id, limits};
use futures_util::TryStreamExt;
use oci::{Algorithm, Digest, Hasher};
use tokio::{io::AsyncReadExt, sync::mpsc};

use crate::{
    Blob, Error, Suspects,
    bucket::{Bucket, BucketSettings},
    growing::{Growing, Watchers},
    layout::{self, Layout},
    reader::Opened,
    upload::Sessions,
};

/// A handle to one store; cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    sessions: Sessions,
    suspects: Arc<Suspects>,
    watchers: Arc<Watchers>,
}

/// Where the bytes are. Both use the same names.
#[derive(Debug)]
pub(crate) enum Store {
    Folder(Layout),
    Bucket(Bucket),
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
        Ok(Blobs::of(Store::Folder(layout)))
    }

    /// Read this folder beside the process that owns it, to copy what is in it; nothing is to be written.
    pub fn beside(folder: &Path) -> Blobs {
        Blobs::of(Store::Folder(Layout::beside(folder)))
    }

    /// Use this bucket, together with any number of processes. An error is for the operator, not for clients.
    pub async fn in_bucket(settings: &BucketSettings) -> Result<Blobs, Error> {
        Ok(Blobs::of(Store::Bucket(Bucket::open(settings).await?)))
    }

    fn of(store: Store) -> Blobs {
        Blobs(Arc::new(Inner {
            store,
            sessions: Sessions::default(),
            suspects: Arc::default(),
            watchers: Arc::default(),
        }))
    }

    /// Whether several processes may use the store, so that uploads must be claimed among them.
    pub fn is_shared(&self) -> bool {
        matches!(self.store(), Store::Bucket(_))
    }

    /// What readers of this store found damaged or lost.
    pub fn suspects(&self) -> &Suspects {
        &self.0.suspects
    }

    /// Large uploads, offered when a good part of each is there, to be read while they come. Only the last who asked is offered
    /// any, and uploads in buckets are not.
    pub fn watch_uploads(&self) -> mpsc::Receiver<Arc<Growing>> {
        self.0.watchers.watch()
    }

    pub(crate) fn watchers(&self) -> &Arc<Watchers> {
        &self.0.watchers
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Store a small blob under its digest; it is there to stay when this returns. The digest is checked.
    pub async fn put(&self, ctx: &Ctx, digest: &Digest, bytes: Vec<u8>) -> Result<(), Error> {
        let layout = match self.store() {
            Store::Folder(layout) => layout.clone(),
            Store::Bucket(bucket) => {
                check(digest, &bytes)?;
                return bucket.put(&layout::key_of(digest), bytes.into()).await;
            }
        };
        let digest = digest.clone();
        let path = layout.put(&Id::new(ctx));
        blocking(move || {
            check(&digest, &bytes)?;
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
        match self.store() {
            Store::Folder(layout) => match tokio::fs::metadata(layout.blob(digest)).await {
                Ok(metadata) => Ok(Some(metadata.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            },
            Store::Bucket(bucket) => bucket.size(&layout::key_of(digest)).await,
        }
    }

    /// Open a blob that must have this size.
    pub async fn open(&self, digest: &Digest, size: u64) -> Result<Blob, Error> {
        let bytes = self.suspects().note_if_bad(self.opened(digest, size).await)?;
        Ok(Blob { bytes, size, pieces: None, suspects: Arc::clone(&self.0.suspects) })
    }

    async fn opened(&self, digest: &Digest, size: u64) -> Result<Opened, Error> {
        match self.store() {
            Store::Folder(layout) => {
                let (path, digest) = (layout.blob(digest), digest.clone());
                blocking(move || open_file(&path, &digest, size)).await?.map(Opened::File)
            }
            Store::Bucket(bucket) => match bucket.size(&layout::key_of(digest)).await? {
                Some(stored) if stored == size => Ok(Opened::Object(bucket.clone(), digest.clone())),
                Some(stored) => Err(Error::damaged(digest, &format!("{stored} bytes instead of {size}"))),
                None => Err(Error::NotFound(digest.clone())),
            },
        }
    }

    /// A whole small blob, read into memory and checked against its digest.
    pub async fn read(&self, digest: &Digest, size: u64) -> Result<Vec<u8>, Error> {
        if size > limits::LAYER_FILE_BYTES {
            return Err(Error::TooLarge);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(|_| Error::TooLarge)?);
        let Store::Folder(layout) = self.store() else {
            self.open(digest, size).await?.stream(0, size).await?.read_to_end(&mut bytes).await?;
            return Ok(bytes);
        };
        let (path, digest) = (layout.blob(digest), digest.clone());
        let read = blocking(move || {
            read_file(&path, &digest, size, &mut bytes)?;
            if Digest::of(digest.algorithm(), &bytes) == digest {
                Ok(bytes)
            } else {
                Err(Error::Damaged { digest, problem: "other bytes of the same length".to_owned() })
            }
        });
        self.suspects().note_if_bad(read.await?)
    }

    /// Read the whole blob and compare it with its name.
    pub async fn verify(&self, digest: &Digest, size: u64) -> Result<(), Error> {
        let Store::Folder(layout) = self.store() else {
            // The reader compares. Whoever asks for that need not be told of suspects.
            let bytes = self.opened(digest, size).await?;
            let blob = Blob { bytes, size, pieces: None, suspects: Arc::default() };
            let mut reader = blob.stream(0, size).await?;
            return Ok(tokio::io::copy(&mut reader, &mut tokio::io::sink()).await.map(drop)?);
        };
        let (path, digest) = (layout.blob(digest), digest.clone());
        blocking(move || {
            let mut file = open_file(&path, &digest, size)?;
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
        match self.store() {
            Store::Folder(layout) => {
                let folder = layout.prefix(algorithm, prefix);
                blocking(move || stored_in(algorithm, &folder)).await?
            }
            Store::Bucket(bucket) => {
                let folder = format!("{}/{prefix:02x}", layout::folder_of(algorithm));
                let mut stored = Vec::new();
                let mut objects = bucket.list(&folder, None)?;
                while let Some(object) = objects.try_next().await? {
                    if let Some(digest) = layout::digest_of(&object.key) {
                        stored.push(Stored { digest, size: object.size, written: object.modified });
                    }
                }
                Ok(stored)
            }
        }
    }

    /// Remove a blob; gives whether it was there. After a power cut it may be there again.
    pub async fn delete(&self, digest: &Digest) -> Result<bool, Error> {
        match self.store() {
            Store::Folder(layout) => match tokio::fs::remove_file(layout.blob(digest)).await {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error.into()),
            },
            Store::Bucket(bucket) => {
                let key = layout::key_of(digest);
                let there = bucket.size(&key).await?.is_some();
                bucket.delete(&key).await.map(|()| there)
            }
        }
    }

    /// Blobs and their sizes in order of their digests (SHA-256 before SHA-512), after the one given; fewer than `limit` are the
    /// last ones. Changes meanwhile may or may not be seen.
    pub async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<(Digest, u64)>, Error> {
        let mut found = Vec::new();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            if after.is_some_and(|after| after.algorithm() > algorithm) || found.len() >= limit {
                continue;
            }
            let after = after.filter(|after| after.algorithm() == algorithm).cloned();
            let wanted = limit - found.len();
            match self.store() {
                Store::Folder(layout) => {
                    let layout = layout.clone();
                    found.extend(blocking(move || layout.list(algorithm, after.as_ref(), wanted)).await??);
                }
                Store::Bucket(bucket) => {
                    let after = after.as_ref().map(layout::key_of);
                    let mut objects = bucket.list(&layout::folder_of(algorithm), after.as_deref())?;
                    let end = found.len() + wanted;
                    while found.len() < end
                        && let Some(object) = objects.try_next().await?
                    {
                        found.extend(layout::digest_of(&object.key).map(|digest| (digest, object.size)));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Whether clients are to be sent to the store for blobs: the operator's choice.
    pub fn redirects(&self) -> bool {
        matches!(self.store(), Store::Bucket(bucket) if bucket.redirect)
    }

    /// A link to a blob in the bucket that lets its holder read it for a short time. The caller has checked that the client may,
    /// and that [`Blobs::redirects`].
    pub async fn redirect(&self, digest: &Digest) -> Result<String, Error> {
        match self.store() {
            Store::Bucket(bucket) => bucket.link(&layout::key_of(digest)).await,
            Store::Folder(_) => Err(Error::Unavailable("a folder has no links".to_owned())),
        }
    }
}

fn stored_in(algorithm: Algorithm, folder: &Path) -> Result<Vec<Stored>, Error> {
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
}

fn check(digest: &Digest, bytes: &[u8]) -> Result<(), Error> {
    let actual = Digest::of(digest.algorithm(), bytes);
    if actual == *digest { Ok(()) } else { Err(Error::WrongDigest { expected: digest.clone(), actual }) }
}

fn read_file(path: &Path, digest: &Digest, size: u64, bytes: &mut Vec<u8>) -> Result<(), Error> {
    open_file(path, digest, size)?.read_to_end(bytes)?;
    Ok(())
}

fn open_file(path: &Path, digest: &Digest, size: u64) -> Result<File, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::NotFound(digest.clone())),
        Err(error) => return Err(error.into()),
    };
    let stored = file.metadata()?.len();
    if stored == size {
        Ok(file)
    } else {
        Err(Error::Damaged { digest: digest.clone(), problem: format!("{stored} bytes instead of {size}") })
    }
}

/// Run file work in a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.map_err(|error| Error::Unavailable(format!("file work did not end: {error}")))
}
