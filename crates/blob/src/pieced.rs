//! A part of a blob on its way from a bucket: each piece is compared before any of it is handed on.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use base::limits;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use oci::{Algorithm, Digest, Hasher};
use tokio::io::{AsyncRead, ReadBuf};

use crate::{
    Error, Pieces, Suspects,
    pieces::{Span, length_of},
};

/// Holds at most two pieces: one that was compared, and one that comes.
pub struct Pieced {
    /// The span around the part.
    stream: BoxStream<'static, Result<Bytes, Error>>,
    blob: Digest,
    size: u64,
    pieces: Pieces,
    suspects: Arc<Suspects>,
    /// The piece that comes, what is here of it, and what came behind it.
    piece: u64,
    begun: BytesMut,
    hasher: Hasher,
    behind: Bytes,
    /// Of the next piece that was not asked for.
    skip: usize,
    /// Bytes that were asked for and are not compared yet.
    left: u64,
    /// What was compared and not yet read.
    ready: Bytes,
}

/// What is to be read of which blob.
pub(crate) struct Part {
    pub(crate) blob: Digest,
    pub(crate) size: u64,
    pub(crate) first: u64,
    pub(crate) length: u64,
}

impl Pieced {
    /// `stream` has the bytes of the span around the part.
    pub(crate) fn new(
        stream: BoxStream<'static, Result<Bytes, Error>>,
        part: Part,
        pieces: Pieces,
        suspects: Arc<Suspects>,
    ) -> Pieced {
        let Part { blob, size, first, length } = part;
        let span = Span::around(first, length, size);
        Pieced {
            stream,
            blob,
            size,
            pieces,
            suspects,
            piece: span.piece,
            begun: BytesMut::new(),
            hasher: Hasher::new(Algorithm::Sha256),
            behind: Bytes::new(),
            skip: usize::try_from(first - span.begin).unwrap_or(limits::PIECE_BYTES),
            left: length,
            ready: Bytes::new(),
        }
    }

    /// The next piece, compared, without what was not asked for.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Error>> {
        let whole = usize::try_from(length_of(self.piece, self.size)).unwrap_or(limits::PIECE_BYTES);
        self.begun.reserve(whole - self.begun.len());
        while self.begun.len() < whole {
            if self.behind.is_empty() {
                match ready!(self.stream.poll_next_unpin(cx)) {
                    Some(Ok(bytes)) => self.behind = bytes,
                    Some(Err(error)) => return Poll::Ready(Err(error)),
                    None => return Poll::Ready(Err(self.damaged("it ends early"))),
                }
            }
            let now = self.behind.split_to(self.behind.len().min(whole - self.begun.len()));
            self.hasher.update(&now);
            self.begun.extend_from_slice(&now);
        }
        Poll::Ready(self.compared())
    }

    fn compared(&mut self) -> Result<Bytes, Error> {
        let actual = std::mem::replace(&mut self.hasher, Hasher::new(Algorithm::Sha256)).finish();
        if self.pieces.hex(self.piece) != Some(actual.hex()) {
            return Err(self.damaged("other bytes in one of its pieces"));
        }
        self.piece += 1;
        let mut bytes = std::mem::take(&mut self.begun).freeze();
        bytes.advance(std::mem::take(&mut self.skip));
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }

    fn damaged(&self, problem: &str) -> Error {
        self.suspects.note(&self.blob);
        Error::damaged(&self.blob, problem)
    }
}

impl std::fmt::Debug for Pieced {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("pieces of an object")
    }
}

impl AsyncRead for Pieced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ready.is_empty() && self.left > 0 {
            match ready!(self.poll_piece(cx)) {
                Ok(bytes) => self.ready = bytes,
                Err(error) => {
                    // Whoever reads on does not get the next piece instead.
                    (self.stream, self.behind) = (stream::empty().boxed(), Bytes::new());
                    return Poll::Ready(Err(io::Error::other(error)));
                }
            }
        }
        let count = self.ready.len().min(buffer.remaining());
        buffer.put_slice(&self.ready[..count]);
        self.ready.advance(count);
        Poll::Ready(Ok(()))
    }
}
