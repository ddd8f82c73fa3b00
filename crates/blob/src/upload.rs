//! Uploads: bytes that come in pieces.

use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use base::{Ctx, Id, limits};
use oci::Digest;
use tokio::{
    io::AsyncRead,
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
};

use crate::{
    Blobs, Error, UploadState,
    blobs::{Store, blocking},
    layout::{self, Layout},
    parts::Parts,
    receive::{Held, Receiver, receive},
    remote,
    session::Session,
};

/// Names an upload: `Id<Upload>`.
#[derive(Debug)]
pub enum Upload {}

/// What the sender says about a piece.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chunk {
    /// Where it begins; `None` is the present end.
    pub offset: Option<u64>,
    /// How many bytes it has; another number undoes the piece.
    pub length: Option<u64>,
}

/// The uploads of this process that were touched lately.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<Id<Upload>, Arc<Slot>>>);

/// One upload. Whoever sends claims it for as long as he sends, and a second sender is refused at once. The lock is only
/// waited for: work on the file that a sender left running when he was cut off ends by itself, and soon.
#[derive(Debug, Default)]
struct Slot {
    claimed: AtomicBool,
    session: Arc<AsyncMutex<Session>>,
}

/// The right to send to an upload; given back when dropped.
#[derive(Debug)]
struct Claim(Arc<Slot>);

impl Sessions {
    /// The session of an upload, if nobody else is sending to it.
    async fn claim(&self, id: &Id<Upload>) -> Result<(Claim, OwnedMutexGuard<Session>), Error> {
        let claim = self.slot(id).claim()?;
        let session = Arc::clone(&claim.0.session).lock_owned().await;
        Ok((claim, session))
    }

    fn slot(&self, id: &Id<Upload>) -> Arc<Slot> {
        let mut sessions = self.0.lock().expect("no holder of this lock can panic");
        if sessions.len() >= limits::UPLOADS_OPEN && !sessions.contains_key(id) {
            // Those that rest are closed; going on with one of them reads its file again.
            sessions.retain(|_, slot| Arc::strong_count(slot) > 1 || Arc::strong_count(&slot.session) > 1);
        }
        Arc::clone(sessions.entry(id.clone()).or_default())
    }

    fn forget(&self, id: &Id<Upload>) {
        self.0.lock().expect("no holder of this lock can panic").remove(id);
    }
}

impl Slot {
    fn claim(self: Arc<Slot>) -> Result<Claim, Error> {
        if self.claimed.swap(true, Ordering::AcqRel) { Err(Error::Busy) } else { Ok(Claim(self)) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.claimed.store(false, Ordering::Release);
    }
}

impl Blobs {
    /// Add the body to an upload, which begins with its first byte; gives the new length. When the sender breaks off, what
    /// came so far stays; every other error leaves the upload as it was. Dropped half-way, it keeps whole pieces.
    ///
    /// `known` is the state that was noted last, and is the one to note when this returns, also with an error. In a bucket it is
    /// all there is; `note` is told the state now and then while a long body comes, or nothing when a slow sender is waited
    /// for. In a folder the file is what counts, and the state changes only when it spares reading much of it again.
    pub async fn append<F>(
        &self,
        id: &Id<Upload>,
        known: &mut Option<UploadState>,
        chunk: Chunk,
        body: impl AsyncRead + Unpin + Send,
        note: impl FnMut(Option<UploadState>) -> F + Send,
    ) -> Result<u64, Error>
    where
        F: Future<Output = Result<(), Error>> + Send,
    {
        let (_claim, session) = self.sessions().claim(id).await?;
        match self.store() {
            Store::Folder(layout) => {
                let receiver = self.receiver(session, layout, id, known.as_ref());
                let (receiver, _) = receive(receiver, chunk, body, None).await?;
                let length = receiver.length();
                let noted = known.as_ref().map_or(0, UploadState::length);
                if length >= noted.saturating_add(limits::UPLOAD_NOTE_BYTES) {
                    *known = Some(blocking(move || receiver.note()).await??);
                }
                Ok(length)
            }
            Store::Bucket(bucket) => {
                let outcome = remote::append(bucket, id, known, chunk, body, note).await;
                self.sessions().forget(id);
                outcome
            }
        }
    }

    /// Add the last bytes, as [`Blobs::append`] does, and make the upload the blob of this digest, as [`Blobs::finish`] does. The
    /// outer error leaves the upload as it was, the inner one ends it.
    pub async fn complete<F>(
        &self,
        id: &Id<Upload>,
        known: &mut Option<UploadState>,
        chunk: Chunk,
        body: impl AsyncRead + Unpin + Send,
        note: impl FnMut(Option<UploadState>) -> F + Send,
        digest: &Digest,
    ) -> Result<Result<u64, Error>, Error>
    where
        F: Future<Output = Result<(), Error>> + Send,
    {
        let (_claim, session) = self.sessions().claim(id).await?;
        let outcome = match self.store() {
            Store::Folder(layout) => {
                let receiver = self.receiver(session, layout, id, known.as_ref());
                receive(receiver, chunk, body, Some(digest)).await.map(|(_, ended)| ended.unwrap_or(Err(Error::Over)))
            }
            Store::Bucket(bucket) => remote::complete(bucket, id, known, chunk, body, note, digest).await,
        };
        if self.is_shared() || outcome.is_ok() {
            self.sessions().forget(id);
        }
        outcome
    }

    /// Take a whole blob; gives its size. It is there to stay when this returns, and nothing of it is when this fails.
    pub async fn take(
        &self,
        ctx: &Ctx,
        digest: &Digest,
        chunk: Chunk,
        body: impl AsyncRead + Unpin + Send,
    ) -> Result<u64, Error> {
        if chunk.offset.is_some_and(|given| given > 0) {
            return Err(Error::OutOfOrder { given: chunk.offset.unwrap_or_default(), length: 0 });
        }
        match self.store() {
            Store::Folder(_) => {
                let id = Id::new(ctx);
                let nobody = |_| async { Ok(()) };
                match self.complete(&id, &mut None, chunk, body, nobody, digest).await {
                    Ok(finished) => finished,
                    Err(error) => {
                        self.discard(&id, None).await?;
                        Err(error)
                    }
                }
            }
            Store::Bucket(bucket) => {
                let _sender = remote::sender(bucket).await?;
                let parts = Parts::new(bucket, layout::key_of(digest), digest.algorithm());
                parts.take(body, chunk, digest).await
            }
        }
    }

    fn receiver(&self, session: Held, layout: &Layout, id: &Id<Upload>, known: Option<&UploadState>) -> Receiver {
        let (path, watchers) = (layout.upload(id), Arc::clone(self.watchers()));
        Receiver { session, layout: layout.clone(), path, watchers, known: known.cloned(), before: None }
    }

    /// How many bytes of the upload are here.
    pub async fn length(&self, id: &Id<Upload>, known: Option<&UploadState>) -> Result<u64, Error> {
        match self.store() {
            Store::Folder(layout) => match tokio::fs::metadata(layout.upload(id)).await {
                Ok(metadata) => Ok(metadata.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
                Err(error) => Err(error.into()),
            },
            Store::Bucket(_) => Ok(known.map_or(0, UploadState::length)),
        }
    }

    /// Make the upload the blob of this digest; gives its size. It is there to stay when this returns. The upload is over then,
    /// also when this fails; only [`Error::Busy`] leaves it.
    pub async fn finish(&self, id: &Id<Upload>, known: Option<&UploadState>, digest: &Digest) -> Result<u64, Error> {
        let (_claim, mut session) = self.sessions().claim(id).await?;
        let outcome = match self.store() {
            Store::Folder(layout) => {
                let (layout, path) = (layout.clone(), layout.upload(id));
                let (known, digest) = (known.cloned(), digest.clone());
                blocking(move || session.finish(&layout, &path, known.as_ref(), &digest)).await?
            }
            Store::Bucket(bucket) => remote::finish(bucket, id, known, digest).await,
        };
        self.sessions().forget(id);
        outcome
    }

    /// Give an upload up.
    pub async fn discard(&self, id: &Id<Upload>, known: Option<&UploadState>) -> Result<(), Error> {
        let (_claim, mut session) = self.sessions().claim(id).await?;
        match self.store() {
            Store::Folder(layout) => {
                let path = layout.upload(id);
                blocking(move || session.discard(&path)).await??;
            }
            Store::Bucket(bucket) => remote::remove(bucket, id, known).await?,
        }
        self.sessions().forget(id);
        Ok(())
    }

    /// The uploads that lie in the store and when each was last written to, for whoever knows which of them are still wanted.
    pub async fn uploads(&self) -> Result<Vec<(Id<Upload>, SystemTime)>, Error> {
        match self.store() {
            Store::Folder(layout) => {
                let folder = layout.uploads();
                blocking(move || uploads_in(&folder)).await?
            }
            Store::Bucket(bucket) => remote::uploads(bucket).await,
        }
    }
}

fn uploads_in(folder: &Path) -> Result<Vec<(Id<Upload>, SystemTime)>, Error> {
    let mut uploads = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(Ok(id)) = entry.file_name().to_str().map(str::parse) {
            uploads.push((id, entry.metadata()?.modified()?));
        }
    }
    Ok(uploads)
}
