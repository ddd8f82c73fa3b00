//! A part of a file for whoever has the kernel send it: extents that lie in memory, so that nobody waits for a disk.
//!
//! `sendfile` reads what it sends, and where the kernel's cache does not hold it, the calling thread waits. So each extent is
//! asked for at its ends first (`RWF_NOWAIT`, preadv2(2)), and read once by a thread that may wait when it is not there.

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
use tokio::task::JoinHandle;

/// An extent of a file that was in memory a moment ago.
#[derive(Clone, Debug)]
pub struct FileExtent {
    pub file: Arc<File>,
    pub offset: u64,
    /// At most `limits::SENDFILE_BYTES`.
    pub length: usize,
}

/// The bytes of a file from one place to another, extent by extent.
#[derive(Debug)]
pub struct FileExtents {
    file: Arc<File>,
    next: u64,
    left: u64,
    /// An extent that is being read from the disk.
    waiting: Option<JoinHandle<io::Result<()>>>,
}

impl FileExtents {
    pub(crate) fn new(file: Arc<File>, first: u64, length: u64) -> FileExtents {
        FileExtents { file, next: first, left: length, waiting: None }
    }

    /// The next extent, when memory holds it; none after the last one.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<FileExtent>>> {
        if let Some(waiting) = &mut self.waiting {
            let read = ready!(Pin::new(waiting).poll(cx));
            self.waiting = None;
            return Poll::Ready(Some(read.map_err(io::Error::other).flatten().map(|()| self.take())));
        }
        if self.left == 0 {
            return Poll::Ready(None);
        }
        match self.is_in_memory() {
            Ok(true) => Poll::Ready(Some(Ok(self.take()))),
            Ok(false) => {
                self.waiting = Some(self.read_from_disk());
                self.poll_next(cx)
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn take(&mut self) -> FileExtent {
        let extent = FileExtent { file: Arc::clone(&self.file), offset: self.next, length: self.length() };
        self.next += extent.length as u64;
        self.left -= extent.length as u64;
        extent
    }

    fn length(&self) -> usize {
        usize::try_from(self.left).map_or(limits::SENDFILE_BYTES, |left| left.min(limits::SENDFILE_BYTES))
    }

    /// Whether both ends of the next extent are.
    fn is_in_memory(&self) -> io::Result<bool> {
        for place in [self.next, self.next + self.length() as u64 - 1] {
            match preadv2(&*self.file, &mut [IoSliceMut::new(&mut [0])], place, ReadWriteFlags::NOWAIT) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn read_from_disk(&self) -> JoinHandle<io::Result<()>> {
        let (file, next, length) = (Arc::clone(&self.file), self.next, self.length());
        tokio::task::spawn_blocking(move || file.read_exact_at(&mut vec![0; length], next))
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, io, io::Write, sync::Arc};

    use base::limits;
    use rustix::fs::{Advice, fadvise};

    use super::FileExtents;

    #[tokio::test]
    async fn extents_follow_each_other_from_memory_and_from_the_disk() {
        let mut file = tempfile::tempfile().unwrap();
        let size = 2 * limits::SENDFILE_BYTES + 77;
        file.write_all(&vec![7; size]).unwrap();
        file.sync_all().unwrap();
        let file = Arc::new(file);
        for in_memory in [true, false] {
            for (first, length) in [(0, size), (5, 0), (limits::SENDFILE_BYTES - 1, limits::SENDFILE_BYTES + 2)] {
                if !in_memory {
                    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
                }
                let mut extents = FileExtents::new(Arc::clone(&file), first as u64, length as u64);
                let mut place = first;
                while let Some(extent) = poll_fn(|cx| extents.poll_next(cx)).await {
                    let extent = extent.unwrap();
                    assert_eq!(extent.offset, place as u64);
                    assert!(extent.length > 0 && extent.length <= limits::SENDFILE_BYTES);
                    place += extent.length;
                }
                assert_eq!(place, first + length);
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_is_shorter_than_was_said_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"short").unwrap();
        let mut extents = FileExtents::new(Arc::new(file), 0, 6);
        let error = poll_fn(|cx| extents.poll_next(cx)).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
