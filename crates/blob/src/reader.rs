//! An opened blob, and its bytes as they come.
//!
//! What comes from a bucket is not believed: whole blobs are hashed while they pass, and what came last is handed on only when
//! the digest is right. A part of a blob is checked by its pieces (`pieced.rs`). Whoever reads a damaged blob gets an error and
//! never a complete body.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use base::limits;
use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream::BoxStream};
use oci::{Digest, Hasher};
use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    runtime::Handle,
};

use crate::{
    Error, Pieces, Suspects,
    bucket::Bucket,
    file_reader::FileReader,
    layout,
    pieced::{Part, Pieced},
    pieces::{PieceHasher, Span},
};

/// A blob that was opened. One in a folder stays readable when it is deleted meanwhile.
#[derive(Debug)]
pub struct Blob {
    pub(crate) bytes: Opened,
    pub(crate) size: u64,
    pub(crate) pieces: Option<Pieces>,
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
    Part(Box<Pieced>),
    /// A part of a blob so small that all of it was read and compared.
    Small(Cursor<Bytes>),
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
    /// What came last; it goes on when more follows or the digest is right.
    held: Bytes,
    left: u64,
    digest: (Hasher, Digest),
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

    /// `length` bytes from `first` on. The caller has checked that they are there (`oci::ByteRange`). A part of a large blob in a
    /// bucket is checked by the pieces; where nobody gave them they are learnt now.
    pub async fn stream(self, first: u64, length: u64) -> Result<BlobReader, Error> {
        let (bucket, digest) = match self.bytes {
            Opened::File(file) => return Ok(BlobReader::File(FileReader::new(file, first, length))),
            Opened::Object(ref bucket, ref digest) => (bucket, digest),
        };
        if first == 0 && length == self.size {
            return Ok(BlobReader::Object(self.checked(bucket, digest).await?));
        }
        if length == 0 {
            return Ok(BlobReader::Small(Cursor::default()));
        }
        if !self.needs_pieces(first, length) {
            let mut whole = Vec::new();
            self.checked(bucket, digest).await?.read_to_end(&mut whole).await?;
            let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(whole.len());
            let part = at(first)..at(first.saturating_add(length));
            return Ok(BlobReader::Small(Cursor::new(Bytes::from(whole).slice(part))));
        }
        let pieces = match &self.pieces {
            Some(pieces) => pieces.clone(),
            None => self.learn(bucket, digest).await?,
        };
        let span = Span::around(first, length, self.size);
        let stream = self.get(bucket, digest, Some(span.begin..span.end)).await?;
        let part = Part { blob: digest.clone(), size: self.size, first, length };
        Ok(BlobReader::Part(Box::new(Pieced::new(stream, part, pieces, self.suspects))))
    }

    /// Whether this part can only be checked with pieces.
    pub fn needs_pieces(&self, first: u64, length: u64) -> bool {
        let part = first > 0 || length < self.size;
        matches!(self.bytes, Opened::Object(..)) && part && length > 0 && self.size > limits::PIECE_BYTES as u64
    }

    /// Give what [`Blob::learn_pieces`] gave, and whoever kept it is believed. As many as of another blob are of no use.
    #[must_use]
    pub fn with_pieces(self, pieces: Pieces) -> Blob {
        Blob { pieces: Some(pieces).filter(|pieces| pieces.fit(self.size)), ..self }
    }

    /// Read all of it, compare it with its digest, and tell its pieces. A file needs none.
    pub async fn learn_pieces(&self) -> Result<Option<Pieces>, Error> {
        match &self.bytes {
            Opened::File(_) => Ok(None),
            Opened::Object(bucket, digest) => self.learn(bucket, digest).await.map(Some),
        }
    }

    async fn learn(&self, bucket: &Bucket, digest: &Digest) -> Result<Pieces, Error> {
        let (mut reader, mut hasher) = (self.checked(bucket, digest).await?, PieceHasher::new());
        let mut buffer = Vec::with_capacity(limits::CHUNK_BYTES);
        while reader.read_buf(&mut buffer).await? > 0 {
            hasher.update(&buffer);
            buffer.clear();
        }
        Ok(hasher.finish())
    }

    async fn checked(&self, bucket: &Bucket, digest: &Digest) -> Result<Checked, Error> {
        let stream = self.get(bucket, digest, None).await?;
        let checked = Checked::new(stream, self.size, (Hasher::new(digest.algorithm()), digest.clone()));
        Ok(Checked { suspects: Some(Arc::clone(&self.suspects)), ..checked })
    }

    async fn get(
        &self,
        bucket: &Bucket,
        digest: &Digest,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, Error>>, Error> {
        let stream = bucket.get(&layout::key_of(digest), range).await?;
        self.suspects.note_if_bad(stream.ok_or_else(|| Error::NotFound(digest.clone())))
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
        digest: (Hasher, Digest),
    ) -> Checked {
        Checked { stream, ready: Bytes::new(), held: Bytes::new(), left: length, digest, suspects: None }
    }

    /// Let what came before the newest bytes through; nothing is the end.
    fn poll_through(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        loop {
            match ready!(self.stream.poll_next_unpin(cx)) {
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => {
                    let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
                        return Poll::Ready(Err(self.damaged("it goes on after its end")));
                    };
                    self.left = left;
                    self.digest.0.update(&bytes);
                    let before = std::mem::replace(&mut self.held, bytes);
                    if !before.is_empty() {
                        return Poll::Ready(Ok(before));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(self.ended()),
            }
        }
    }

    /// The last bytes, if everything before it and itself are what the digest names.
    fn ended(&mut self) -> Result<Bytes, Error> {
        if self.left > 0 {
            return Err(self.damaged("it ends early"));
        }
        let (hasher, digest) = &self.digest;
        if hasher.clone().finish() != *digest {
            return Err(self.damaged("other bytes of the same length"));
        }
        Ok(std::mem::take(&mut self.held))
    }

    fn damaged(&self, problem: &str) -> Error {
        if let Some(suspects) = &self.suspects {
            suspects.note(&self.digest.1);
        }
        Error::damaged(&self.digest.1, problem)
    }
}

impl AsyncRead for Checked {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ready.is_empty() {
            self.ready = ready!(self.poll_through(cx)).map_err(io::Error::other)?;
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
            BlobReader::Part(part) => Pin::new(part).poll_read(cx, buffer),
            BlobReader::Small(bytes) => Pin::new(bytes).poll_read(cx, buffer),
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
