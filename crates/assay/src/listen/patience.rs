//! How long one waits for a client in the middle of a request or an answer.
//!
//! Every client has a minute, and earns time by moving bytes: it may pause, and it may be slow, but not both for ever. Only time in
//! which the *client* is waited for counts; a handler may think as long as it likes.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use base::limits;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// The time a client has left, and since when it is waited for.
#[derive(Debug)]
struct Patience {
    left: Duration,
    since: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { left: limits::CLIENT_PATIENCE, since: None, timer: Box::pin(sleep(limits::CLIENT_PATIENCE)) }
    }
}

impl Patience {
    /// Nothing comes or goes; ready when that has been so for too long.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.since.is_none() {
            let now = Instant::now();
            self.since = Some(now);
            self.timer.as_mut().reset(now + self.left);
        }
        self.timer.as_mut().poll(context)
    }

    /// So many bytes moved.
    fn moved(&mut self, bytes: usize) {
        let waited = self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = Duration::from_secs(1) * bytes / limits::CLIENT_BYTES_PER_S;
        self.left = (self.left.saturating_sub(waited) + earned).min(limits::CLIENT_PATIENCE);
    }
}

/// The body of a request, which ends in an error when its sender is too slow.
#[derive(Debug)]
pub(super) struct PatientBody<B> {
    body: B,
    patience: Patience,
}

impl<B> PatientBody<B> {
    pub(super) fn new(body: B) -> PatientBody<B> {
        PatientBody { body, patience: Patience::default() }
    }
}

type BodyError = Box<dyn std::error::Error + Send + Sync>;

impl<B: Body<Data = Bytes, Error: Into<BodyError>> + Unpin> Body for PatientBody<B> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.patience.moved(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                ready!(self.patience.poll_end(context));
                Poll::Ready(Some(Err(too_slow("it came too slowly").into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose client must take what it asked for. Reading passes through: waiting for the next request has a time of its
/// own, and during an answer there is nothing to read.
#[derive(Debug)]
pub(super) struct PatientStream<S> {
    stream: S,
    patience: Patience,
}

impl<S: AsyncWrite + Unpin> PatientStream<S> {
    pub(super) fn new(stream: S) -> PatientStream<S> {
        PatientStream { stream, patience: Patience::default() }
    }

    /// What came of a step that moves this many bytes.
    fn step<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        match outcome {
            Poll::Ready(outcome) => {
                self.patience.moved(outcome.as_ref().map_or(0, bytes));
                Poll::Ready(outcome)
            }
            Poll::Pending => {
                ready!(self.patience.poll_end(context));
                Poll::Ready(Err(too_slow("the client takes the answer too slowly")))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PatientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PatientStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.step(context, outcome, |written| *written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.step(context, outcome, |written| *written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.step(context, outcome, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.step(context, outcome, |()| 0)
    }
}

fn too_slow(what: &str) -> io::Error {
    let (rate, seconds) = (limits::CLIENT_BYTES_PER_S, limits::CLIENT_PATIENCE.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, format!("{what}: less than {rate} bytes a second for {seconds} s"))
}
