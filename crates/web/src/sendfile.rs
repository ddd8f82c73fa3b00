//! Files that go from the kernel's cache to a plain connection without passing through our memory: sendfile(2).
//!
//! The body of such an answer yields *stand-ins*: slices of one block of memory that nobody reads, as long as what they stand
//! for, while the extent of the file waits in the connection's line. hyper counts them, frames them and hands them to the
//! connection in order; the connection knows them by where they lie and has the kernel send the file's bytes in their place.
//!
//! ```text
//!   body ── stand-in of n bytes ──► hyper: head, lengths, order ──► connection: is it a stand-in? ──► sendfile n bytes
//!     └──── extent of n bytes ─────────────────────────────────────────► line ──────────────────────────────┘
//! ```
//!
//! A stand-in without its extent ends the connection with an error; its own bytes are never sent. Over TLS there is no line, and
//! bodies are read as they always were.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use base::limits;
use blob::{FileExtent, FileExtents};
use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

static STAND_IN: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![0; limits::SENDFILE_BYTES]));

/// The extents that a connection is to send; in the extensions of a request whose connection can.
#[derive(Clone, Debug, Default)]
pub struct SendfileLine(Arc<Mutex<VecDeque<FileExtent>>>);

/// A plain connection that sends the extents in its line where their stand-ins come.
#[derive(Debug)]
pub struct SendfileStream {
    stream: TcpStream,
    line: SendfileLine,
}

/// The body that stands for the extents of a file.
#[derive(Debug)]
pub(crate) struct SendfileBody {
    extents: FileExtents,
    line: SendfileLine,
}

impl SendfileLine {
    fn lock(&self) -> MutexGuard<'_, VecDeque<FileExtent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SendfileBody {
    pub(crate) fn new(extents: FileExtents, line: SendfileLine) -> SendfileBody {
        SendfileBody { extents, line }
    }
}

impl Body for SendfileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(extent) = ready!(self.extents.poll_next(cx)).transpose()? else { return Poll::Ready(None) };
        let stand_in = STAND_IN.slice(..extent.length);
        self.line.lock().push_back(extent);
        Poll::Ready(Some(Ok(Frame::data(stand_in))))
    }
}

impl SendfileStream {
    /// The connection, and what its requests are to carry.
    pub fn new(stream: TcpStream) -> (SendfileStream, SendfileLine) {
        let line = SendfileLine::default();
        (SendfileStream { stream, line: line.clone() }, line)
    }

    /// Send at most `length` bytes of the extent at the head of the line.
    fn poll_sendfile(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<io::Result<usize>> {
        let mut line = self.line.lock();
        let Some(extent) = line.front_mut() else {
            return Poll::Ready(Err(io::Error::other("a stand-in came to a connection without its extent of a file")));
        };
        let length = length.min(extent.length);
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let mut offset = extent.offset;
            let send = || Ok(rustix::fs::sendfile(&self.stream, &*extent.file, Some(&mut offset), length)?);
            match self.stream.try_io(Interest::WRITABLE, send) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(sent) => {
                    extent.offset += sent as u64;
                    extent.length -= sent;
                    if extent.length == 0 {
                        line.pop_front();
                    }
                    return Poll::Ready(Ok(sent));
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

fn is_stand_in(bytes: &[u8]) -> bool {
    STAND_IN.as_ptr_range().contains(&bytes.as_ptr())
}

impl AsyncRead for SendfileStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for SendfileStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if is_stand_in(bytes) {
            return self.poll_sendfile(cx, bytes.len());
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let begin = slices.iter().position(|slice| !slice.is_empty()).unwrap_or(slices.len());
        let slices = &slices[begin..];
        let plain = slices.iter().position(|slice| is_stand_in(slice)).unwrap_or(slices.len());
        match slices.first() {
            Some(stand_in) if plain == 0 => self.poll_sendfile(cx, stand_in.len()),
            _ => Pin::new(&mut self.stream).poll_write_vectored(cx, &slices[..plain]),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
