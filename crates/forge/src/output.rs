//! A child of git between a request's body and its answer.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf},
    process::{Child, ChildStderr, ChildStdout, Command},
    sync::OwnedSemaphorePermit,
};

use crate::Error;

/// The body of a request, already unpacked.
pub type Input = Box<dyn AsyncRead + Send + Unpin>;

/// The answer of a child, which reads its input while the answer is read. Dropped early (the client went away), it kills
/// the child. What it says on standard error is nobody's, unless [`Output::words`] were asked for.
pub struct Output {
    before: io::Cursor<Vec<u8>>,
    child: Option<Running>,
}

struct Running {
    stdout: ChildStdout,
    /// Standard error, where the command has one to be read.
    words: Option<ChildStderr>,
    feed: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>>,
    /// Killed on drop.
    _child: Child,
    _place: OwnedSemaphorePermit,
}

impl Output {
    /// An answer that needs no child.
    pub(crate) fn of(bytes: Vec<u8>) -> Output {
        Output { before: io::Cursor::new(bytes), child: None }
    }

    /// The child's standard error, for somebody who reads it to its end while the answer is read.
    pub(crate) fn words(&mut self) -> Option<ChildStderr> {
        self.child.as_mut().and_then(|running| running.words.take())
    }

    /// Start the child. Its answer comes after the bytes `before`.
    pub(crate) fn start(
        mut command: Command,
        before: Vec<u8>,
        input: Input,
        limit: u64,
        place: OwnedSemaphorePermit,
    ) -> Result<Output, Error> {
        command.stdin(Stdio::piped());
        let started = command.spawn();
        let mut child = started
            .map_err(|error| Error::Unavailable(format!("git cannot be started ({error}); is it installed?")))?;
        let mut stdin = child.stdin.take().expect("stdin was asked for above");
        let words = child.stderr.take();
        let stdout = child.stdout.take().expect("stdout was asked for by the command");
        let feed = async move {
            let mut input = input.take(limit.saturating_add(1));
            let copied = match tokio::io::copy(&mut input, &mut stdin).await {
                // The child has heard enough; what it answers counts.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                copied => copied?,
            };
            if copied > limit {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes")));
            }
            stdin.shutdown().await
        };
        let running = Running { stdout, words, feed: Some(Box::pin(feed)), _child: child, _place: place };
        Ok(Output { before: io::Cursor::new(before), child: Some(running) })
    }
}

impl AsyncRead for Output {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.before.position() < this.before.get_ref().len() as u64 {
            return Pin::new(&mut this.before).poll_read(cx, buffer);
        }
        let Some(running) = &mut this.child else { return Poll::Ready(Ok(())) };
        if let Some(feed) = &mut running.feed
            && let Poll::Ready(fed) = feed.as_mut().poll(cx)
        {
            running.feed = None;
            fed?;
        }
        Pin::new(&mut running.stdout).poll_read(cx, buffer)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Output(running: {})", self.child.is_some())
    }
}
