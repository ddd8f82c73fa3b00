//! An opened blob, and its bytes as they come.
//!
//! What comes from a bucket is not believed: whole blobs are hashed while they pass, and the last piece is handed on only when
//! the digest is right. Whoever reads a damaged blob gets an error and never a complete body.

use std::{
    fs::File,
    io::{self, Read},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream::BoxStream};
use oci::{Digest, Hasher};
use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    runtime::Handle,
};

use crate::{Error, Suspects, bucket::Bucket, file_reader::FileReader, layout};

/// A blob that was opened. One in a folder stays readable when it is deleted meanwhile.
#[derive(Debug)]
pub struct Blob {
    pub(crate) bytes: Opened,
    pub(crate) size: u64,
    /// Told of damage that shows while the blob is read.
    pub(crate) suspects: Arc<Suspects>,
}

#[derive(Debug)]
pub(crate) enum Opened {
    File(File),
    Object(Bucket, Digest),
}

/// The bytes of a blob, asynchronously.
pub enum BlobReader {
    File(FileReader),
    Object(Checked),
}

/// The bytes of a blob for a thread that may block.
#[derive(Debug)]
pub enum BlockingReader {
    File(File),
    Object(Box<BlobReader>, Handle),
}

/// Bytes on their way from a bucket.
pub struct Checked {
    stream: BoxStream<'static, Result<Bytes, Error>>,
    /// What was let through and not yet read.
    ready: Bytes,
    /// The newest piece; it goes on when another one follows or the digest is right.
    held: Bytes,
    left: u64,
    /// Of a whole blob; nothing of a range, which has no digest.
    digest: Option<(Hasher, Digest)>,
    suspects: Option<Arc<Suspects>>,
}

impl Blob {
    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file that holds it, when one does.
    pub fn file(&self) -> Option<&File> {
        match &self.bytes {
            Opened::File(file) => Some(file),
            Opened::Object(..) => None,
        }
    }

    /// `length` bytes from `first` on. The caller has checked that they are there (`oci::ByteRange`).
    pub async fn stream(self, first: u64, length: u64) -> Result<BlobReader, Error> {
        match self.bytes {
            Opened::File(file) => Ok(BlobReader::File(FileReader::new(file, first, length))),
            Opened::Object(bucket, digest) => {
                let whole = length == self.size;
                // Nothing can be asked of an empty range.
                let range = (!whole && length > 0).then(|| first..first.saturating_add(length));
                let stream = bucket.get(&layout::key_of(&digest), range).await?;
                let stream = stream.ok_or_else(|| Error::NotFound(digest.clone()));
                let stream = self.suspects.note_if_bad(stream)?;
                let digest = whole.then(|| (Hasher::new(digest.algorithm()), digest));
                let checked = Checked::new(stream, length, digest);
                Ok(BlobReader::Object(Checked { suspects: Some(self.suspects), ..checked }))
            }
        }
    }

    /// All bytes, for those who read in a thread that may block; to be called in the runtime.
    pub async fn into_blocking(self) -> Result<BlockingReader, Error> {
        match self.bytes {
            Opened::File(file) => Ok(BlockingReader::File(file)),
            Opened::Object(..) => {
                let size = self.size;
                Ok(BlockingReader::Object(Box::new(self.stream(0, size).await?), Handle::current()))
            }
        }
    }
}

impl Checked {
    pub(crate) fn new(
        stream: BoxStream<'static, Result<Bytes, Error>>,
        length: u64,
        digest: Option<(Hasher, Digest)>,
    ) -> Checked {
        Checked { stream, ready: Bytes::new(), held: Bytes::new(), left: length, digest, suspects: None }
    }

    /// Let the next piece through; an empty one is the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        loop {
            match ready!(self.stream.poll_next_unpin(cx)) {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    let Some(left) = self.left.checked_sub(piece.len() as u64) else {
                        return Poll::Ready(Err(self.damaged("it goes on after its end")));
                    };
                    self.left = left;
                    if let Some((hasher, _)) = &mut self.digest {
                        hasher.update(&piece);
                    }
                    let before = std::mem::replace(&mut self.held, piece);
                    if !before.is_empty() {
                        return Poll::Ready(Ok(before));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(self.ended()),
            }
        }
    }

    /// The last piece, if everything before it and itself are what the digest names.
    fn ended(&mut self) -> Result<Bytes, Error> {
        if self.left > 0 {
            return Err(self.damaged("it ends early"));
        }
        if let Some((hasher, digest)) = self.digest.take()
            && hasher.finish() != digest
        {
            self.digest = Some((Hasher::new(digest.algorithm()), digest));
            return Err(self.damaged("other bytes of the same length"));
        }
        Ok(std::mem::take(&mut self.held))
    }

    fn damaged(&self, problem: &str) -> Error {
        match &self.digest {
            Some((_, digest)) => {
                if let Some(suspects) = &self.suspects {
                    suspects.note(digest);
                }
                Error::damaged(digest, problem)
            }
            None => Error::Unavailable(format!("a part of a blob cannot be read: {problem}")),
        }
    }
}

impl AsyncRead for Checked {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ready.is_empty() {
            self.ready = ready!(self.poll_piece(cx)).map_err(io::Error::other)?;
        }
        let count = self.ready.len().min(buffer.remaining());
        buffer.put_slice(&self.ready[..count]);
        self.ready.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for BlobReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            BlobReader::File(file) => Pin::new(file).poll_read(cx, buffer),
            BlobReader::Object(object) => Pin::new(object).poll_read(cx, buffer),
        }
    }
}

impl Read for BlockingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            BlockingReader::File(file) => file.read(buffer),
            BlockingReader::Object(object, runtime) => runtime.block_on(object.read(buffer)),
        }
    }
}

impl std::fmt::Debug for BlobReader {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("bytes of a blob")
    }
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("bytes of an object")
    }
}
