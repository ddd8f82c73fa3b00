//! Uploads: bytes that come in pieces.

use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use base::{Id, limits};
use oci::Digest;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
};

use crate::{Blobs, Error, blobs::blocking, session::Session};

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
    pub async fn append(
        &self,
        id: &Id<Upload>,
        chunk: Chunk,
        mut body: impl AsyncRead + Unpin + Send,
    ) -> Result<u64, Error> {
        let (_claim, session) = self.sessions().claim(id).await?;
        let path = self.layout().upload(id);
        let (mut session, mark) = opened(session, path.clone(), chunk.offset).await?;
        let mut buffer = Vec::with_capacity(limits::CHUNK_BYTES);
        let mut received = 0_u64;
        let begin = length_of(&session);
        let outcome = loop {
            buffer.clear();
            let read = fill(&mut body, &mut buffer).await;
            received += buffer.len() as u64;
            if begin + received > limits::BLOB_BYTES {
                break Err(Error::TooLarge);
            }
            if let Some(announced) = chunk.length.filter(|announced| received > *announced) {
                break Err(Error::Length { announced, received });
            }
            let ended = buffer.len() < limits::CHUNK_BYTES;
            if !buffer.is_empty() {
                let written;
                (session, buffer, written) = write(session, path.clone(), buffer).await?;
                if let Err(error) = written {
                    break Err(error);
                }
            }
            if let Err(error) = read {
                return Err(Error::Body(error.to_string()));
            }
            if ended {
                break match chunk.length {
                    Some(announced) if announced != received => Err(Error::Length { announced, received }),
                    _ => Ok(()),
                };
            }
        };
        match outcome {
            Ok(()) => Ok(length_of(&session)),
            Err(error) => {
                blocking(move || session.back_to(&path, mark)).await??;
                Err(error)
            }
        }
    }

    /// How many bytes of the upload are here.
    pub async fn length(&self, id: &Id<Upload>) -> Result<u64, Error> {
        match tokio::fs::metadata(self.layout().upload(id)).await {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Make the upload the blob of this digest, on disk when this returns; gives its size. The upload is over then, also
    /// when this fails; only [`Error::Busy`] leaves it.
    pub async fn finish(&self, id: &Id<Upload>, digest: &Digest) -> Result<u64, Error> {
        let (_claim, mut session) = self.sessions().claim(id).await?;
        let (layout, path, digest) = (self.layout().clone(), self.layout().upload(id), digest.clone());
        let outcome = blocking(move || session.finish(&layout, &path, &digest)).await?;
        self.sessions().forget(id);
        outcome
    }

    /// Give an upload up.
    pub async fn discard(&self, id: &Id<Upload>) -> Result<(), Error> {
        let (_claim, mut session) = self.sessions().claim(id).await?;
        let path = self.layout().upload(id);
        blocking(move || session.discard(&path)).await??;
        self.sessions().forget(id);
        Ok(())
    }

    /// The uploads on disk and when each was last written to, for whoever knows which of them are still wanted.
    pub async fn uploads(&self) -> Result<Vec<(Id<Upload>, SystemTime)>, Error> {
        let folder = self.layout().uploads();
        blocking(move || {
            let mut uploads = Vec::new();
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if let Some(Ok(id)) = entry.file_name().to_str().map(str::parse) {
                    uploads.push((id, entry.metadata()?.modified()?));
                }
            }
            Ok(uploads)
        })
        .await?
    }
}

type Held = OwnedMutexGuard<Session>;

/// Open the file and check the offset; gives also the point to go back to.
async fn opened(mut session: Held, path: PathBuf, offset: Option<u64>) -> Result<(Held, crate::session::Mark), Error> {
    blocking(move || {
        let open = session.open(&path)?;
        let (length, mark) = (open.length(), open.mark());
        match offset {
            Some(given) if given != length => Err(Error::OutOfOrder { given, length }),
            _ => Ok((session, mark)),
        }
    })
    .await?
}

/// Write in a thread that may block. The lock goes there and comes back, so that a caller who is dropped meanwhile leaves no
/// unlocked session behind that is still written to.
async fn write(mut session: Held, path: PathBuf, buffer: Vec<u8>) -> Result<(Held, Vec<u8>, Result<(), Error>), Error> {
    blocking(move || {
        let written = session.write(&path, &buffer);
        (session, buffer, written)
    })
    .await
}

fn length_of(session: &Session) -> u64 {
    match session {
        Session::Open(open) => open.length(),
        Session::Resting | Session::Over => 0,
    }
}

/// Read until the buffer is full or the body ends; what was read before an error stays in the buffer.
async fn fill(body: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut body = body.take(limits::CHUNK_BYTES as u64);
    while buffer.len() < limits::CHUNK_BYTES && body.read_buf(buffer).await? > 0 {}
    Ok(())
}
