//! The bytes of one request on their way into an upload's file.
//!
//! They are hashed and written by threads that may block, a chunk at a time, and never by one that waits for the sender. What opens
//! the upload goes along with the first chunk, and what makes it a blob with the last one, so that a small blob takes one change of
//! threads from its bytes to its place on disk.
//!
//! ```text
//!   read a chunk ─► (open, offset) write, hash ─► read … ─► write, hash (digest, sync, rename, sync)
//!   └ async ─────┘└ a thread that may block ─┘
//! ```

use std::{io, path::PathBuf, sync::Arc};

use base::limits;
use oci::Digest;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::OwnedMutexGuard,
};

use crate::{
    Chunk, Error, UploadState,
    blobs::blocking,
    growing::Watchers,
    layout::Layout,
    session::{Mark, Session},
};

/// The session of an upload, locked. It goes to the thread that works on the file and comes back, so that a sender who is gone
/// meanwhile leaves no unlocked session behind that is still written to.
pub(crate) type Held = OwnedMutexGuard<Session>;

/// What became of an upload that was to be finished: its size, or why it is over.
pub(crate) type Finished = Result<u64, Error>;

/// An upload's file while one request adds to it.
pub(crate) struct Receiver {
    pub(crate) session: Held,
    pub(crate) layout: Layout,
    pub(crate) path: PathBuf,
    pub(crate) watchers: Arc<Watchers>,
    /// What was noted of the upload before.
    pub(crate) known: Option<UploadState>,
    /// How it was before the first byte, once that was asked.
    pub(crate) before: Option<Mark>,
}

/// Add the body to the upload, and make it the blob of this digest where one is given. An error leaves the upload as it was, but
/// for a sender who broke off: what he sent stays.
pub(crate) async fn receive(
    mut receiver: Receiver,
    chunk: Chunk,
    mut body: impl AsyncRead + Unpin + Send,
    digest: Option<&Digest>,
) -> Result<(Receiver, Option<Finished>), Error> {
    let announced = chunk.length.and_then(|length| usize::try_from(length).ok()).unwrap_or(limits::CHUNK_BYTES);
    // One byte more: whether the body goes on is found out there.
    let mut buffer = Vec::with_capacity(announced.min(limits::CHUNK_BYTES) + 1);
    let mut received = 0;
    loop {
        buffer.clear();
        let read = fill(&mut body, &mut buffer, chunk.length.map(|announced| announced.saturating_sub(received))).await;
        received += buffer.len() as u64;
        let ended = matches!(read, Ok(true));
        let fits =
            chunk.length.is_none_or(|announced| if ended { received == announced } else { received <= announced });
        if !fits {
            let announced = chunk.length.unwrap_or_default();
            blocking(move || receiver.undo()).await??;
            return Err(Error::Length { announced, received });
        }
        let digest = digest.filter(|_| ended).cloned();
        let finished;
        (receiver, buffer, finished) = step(receiver, buffer, chunk.offset, digest).await?;
        if let Err(error) = read {
            return Err(Error::broken_off(error));
        }
        if ended {
            return Ok((receiver, finished));
        }
    }
}

/// Work on the file with one chunk; undone as a whole when it fails.
async fn step(
    mut receiver: Receiver,
    buffer: Vec<u8>,
    offset: Option<u64>,
    digest: Option<Digest>,
) -> Result<(Receiver, Vec<u8>, Option<Finished>), Error> {
    blocking(move || {
        receiver.open(offset)?;
        if let Err(error) = receiver.write(&buffer) {
            receiver.undo()?;
            return Err(error);
        }
        let finished = digest.map(|digest| receiver.finish(&digest));
        Ok((receiver, buffer, finished))
    })
    .await?
}

impl Receiver {
    /// Open the file and check the offset, once.
    fn open(&mut self, offset: Option<u64>) -> Result<(), Error> {
        if self.before.is_some() {
            return Ok(());
        }
        let open = self.session.open_from(&self.path, self.known.as_ref())?;
        let length = open.length();
        match offset {
            Some(given) if given != length => Err(Error::OutOfOrder { given, length }),
            _ => {
                self.before = Some(open.mark());
                Ok(())
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.length() + bytes.len() as u64 > limits::BLOB_BYTES {
            return Err(Error::TooLarge);
        }
        self.session.write(&self.path, bytes)?;
        self.session.announce(&self.watchers);
        Ok(())
    }

    fn undo(&mut self) -> Result<(), Error> {
        match self.before.take() {
            Some(mark) => self.session.back_to(&self.path, mark),
            None => Ok(()),
        }
    }

    fn finish(&mut self, digest: &Digest) -> Finished {
        self.session.finish(&self.layout, &self.path, None, digest)
    }

    pub(crate) fn length(&self) -> u64 {
        match &*self.session {
            Session::Open(open) => open.length(),
            Session::Resting | Session::Over => 0,
        }
    }

    /// Bring what was written to the disk and take the state.
    pub(crate) fn note(&self) -> Result<UploadState, Error> {
        match &*self.session {
            Session::Open(open) => open.note(),
            Session::Resting | Session::Over => Err(Error::Over),
        }
    }
}

/// Read until the buffer is full or the body ends, and say whether it has. One that has come as far as was announced is asked at
/// once; a byte more than that goes into the buffer too. What was read before an error stays there.
async fn fill(body: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>, announced: Option<u64>) -> io::Result<bool> {
    let mut body = body.take(limits::CHUNK_BYTES as u64);
    while buffer.len() < limits::CHUNK_BYTES {
        if body.read_buf(buffer).await? == 0 {
            return Ok(true);
        }
    }
    body.set_limit(1);
    Ok(announced == Some(buffer.len() as u64) && body.read_buf(buffer).await? == 0)
}
