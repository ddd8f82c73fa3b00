//! A part of a file, read without a change of threads as long as memory holds it.
//!
//! What was pushed or pulled lately lies in the kernel's cache, and to copy it from there takes less time than to wake another
//! thread that may wait for a disk. So the cache is asked first (`RWF_NOWAIT`, preadv2(2)), and only what is not in it is read
//! by such a thread.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    os::unix::fs::FileExt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use base::limits;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::{
    io::{AsyncRead, ReadBuf},
    task::JoinHandle,
};

use crate::file_extents::FileExtents;

/// The bytes of a file from one place to another.
#[derive(Debug)]
pub struct FileReader {
    file: Arc<File>,
    next: u64,
    left: u64,
    /// A read from the disk that is under way.
    waiting: Option<JoinHandle<io::Result<Vec<u8>>>>,
    /// What came from the disk and was not asked for yet.
    ready: Vec<u8>,
}

impl FileReader {
    pub(crate) fn new(file: File, first: u64, length: u64) -> FileReader {
        FileReader { file: Arc::new(file), next: first, left: length, waiting: None, ready: Vec::new() }
    }

    /// The same bytes as extents that the kernel can send.
    pub fn into_extents(self) -> FileExtents {
        FileExtents::new(self.file, self.next, self.left)
    }

    fn read_from_disk(&self) -> JoinHandle<io::Result<Vec<u8>>> {
        let (file, next) = (Arc::clone(&self.file), self.next);
        let length = usize::try_from(self.left).map_or(limits::CHUNK_BYTES, |left| left.min(limits::CHUNK_BYTES));
        tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, next).map(|()| bytes)
        })
    }

    fn advance(&mut self, count: usize) {
        self.next += count as u64;
        self.left -= count as u64;
    }
}

impl AsyncRead for FileReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                let read = ready!(Pin::new(waiting).poll(cx));
                self.waiting = None;
                self.ready = read.map_err(io::Error::other)??;
            }
            if !self.ready.is_empty() {
                let count = buf.remaining().min(self.ready.len());
                buf.put_slice(&self.ready[..count]);
                self.ready.drain(..count);
                self.advance(count);
                return Poll::Ready(Ok(()));
            }
            let wanted = usize::try_from(self.left).map_or(buf.remaining(), |left| left.min(buf.remaining()));
            if wanted == 0 {
                return Poll::Ready(Ok(()));
            }
            let space = buf.initialize_unfilled_to(wanted);
            match preadv2(&*self.file, &mut [IoSliceMut::new(space)], self.next, ReadWriteFlags::NOWAIT) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => {
                    buf.advance(count);
                    self.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => {
                    self.waiting = Some(self.read_from_disk());
                }
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use base::limits;
    use rustix::fs::{Advice, fadvise};
    use tokio::io::AsyncReadExt;

    use super::FileReader;

    #[tokio::test]
    async fn a_part_is_read_from_memory_and_from_the_disk() {
        let bytes: Vec<u8> = (0..3 * limits::CHUNK_BYTES + 77).map(|place| (place % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        file.sync_all().unwrap();
        for in_memory in [true, false] {
            for (first, length) in [(0, bytes.len()), (5, 0), (limits::CHUNK_BYTES - 1, limits::CHUNK_BYTES + 2)] {
                if !in_memory {
                    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
                }
                let mut reader = FileReader::new(file.try_clone().unwrap(), first as u64, length as u64);
                let mut read = Vec::new();
                reader.read_to_end(&mut read).await.unwrap();
                assert!(read == bytes[first..first + length], "{first} {length}");
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_is_shorter_than_was_said_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"short").unwrap();
        let mut read = Vec::new();
        let outcome = FileReader::new(file, 0, 6).read_to_end(&mut read).await;
        assert_eq!(outcome.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    }
}
