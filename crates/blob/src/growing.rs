//! Uploads that can be read while they still come.
//!
//! ```text
//!   a sender ─► upload's file ─► length, and at last the digest ─► a reader, who waits at the end of what is there
//!                     │
//!                     └─ given up, or set back to an earlier length: the reader fails
//! ```
//!
//! This is an opportunity, not a promise: an upload in a bucket, or one that nobody looks at in time, is not offered.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use oci::Digest;
use tokio::sync::mpsc;

/// Uploads that are offered and not yet taken; more are not offered.
const OFFERED: usize = 16;

/// An upload of which a good part is there.
#[derive(Debug)]
pub struct Growing {
    file: File,
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Clone, Debug)]
enum State {
    Coming(u64),
    Whole(u64, Digest),
    Lost,
}

impl Growing {
    /// The digest, once the upload became a blob.
    pub fn digest(&self) -> Option<Digest> {
        match &*self.state() {
            State::Whole(_, digest) => Some(digest.clone()),
            State::Coming(_) | State::Lost => None,
        }
    }

    /// Its bytes from the first on. Blocks while more may come; an upload that is given up is an error.
    pub fn reader(self: &Arc<Growing>) -> impl Read + Send + use<> {
        Reader { growing: Arc::clone(self), offset: 0 }
    }

    /// Let whoever reads it fail at once; the upload itself goes on.
    pub fn give_up(&self) {
        *self.state() = State::Lost;
        self.more.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is lost stays lost.
    fn set(&self, next: State) {
        let mut state = self.state();
        if matches!(*state, State::Coming(_)) {
            *state = next;
        }
        self.more.notify_all();
    }
}

struct Reader {
    growing: Arc<Growing>,
    offset: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.growing.state();
        let length = loop {
            match &*state {
                State::Lost => return Err(io::Error::other("the upload was given up")),
                State::Coming(length) if *length <= self.offset => {}
                State::Whole(length, _) | State::Coming(length) => break *length,
            }
            state = self.growing.more.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        let wanted = usize::try_from(length.saturating_sub(self.offset)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.growing.file.read_at(&mut buffer[..wanted], self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// The sender's side. Dropped before the end, it tells the reader that the upload is lost.
#[derive(Debug)]
pub(crate) struct Announced(Arc<Growing>);

impl Announced {
    pub(crate) fn grow(&self, length: u64) {
        self.0.set(State::Coming(length));
    }

    pub(crate) fn finish(self, length: u64, digest: &Digest) {
        self.0.set(State::Whole(length, digest.clone()));
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.0.set(State::Lost);
    }
}

/// Whoever wants to read uploads while they come; nobody at first.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<Option<mpsc::Sender<Arc<Growing>>>>);

impl Watchers {
    /// From now on uploads are offered here, and nowhere else.
    pub(crate) fn watch(&self) -> mpsc::Receiver<Arc<Growing>> {
        let (sender, receiver) = mpsc::channel(OFFERED);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// Offer an upload of which this many bytes are in the file; None when nobody takes it.
    pub(crate) fn offer(&self, file: &File, length: u64) -> Option<Announced> {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let file = file.try_clone().ok()?;
        let growing = Arc::new(Growing { file, state: Mutex::new(State::Coming(length)), more: Condvar::new() });
        sender.try_send(Arc::clone(&growing)).ok()?;
        Some(Announced(growing))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn offered() -> (File, Announced, Arc<Growing>) {
        let watchers = Watchers::default();
        let mut file = tempfile::tempfile().unwrap();
        assert!(watchers.offer(&file, 0).is_none(), "nobody watches");
        let mut receiver = watchers.watch();
        file.write_all(b"abc").unwrap();
        let announced = watchers.offer(&file, 3).unwrap();
        (file, announced, receiver.try_recv().unwrap())
    }

    #[test]
    fn a_reader_waits_for_what_comes_and_learns_the_digest() {
        let (mut file, announced, growing) = offered();
        let mut reader = growing.reader();
        let reading = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        });
        file.write_all(b"def").unwrap();
        announced.grow(6);
        assert_eq!(growing.digest(), None);
        let digest = Digest::sha256_of(b"abcdef");
        announced.finish(6, &digest);
        assert_eq!(reading.join().unwrap().unwrap(), b"abcdef");
        assert_eq!(growing.digest(), Some(digest));
    }

    #[test]
    fn an_upload_that_is_given_up_fails_its_reader() {
        let (_file, announced, growing) = offered();
        let mut reader = growing.reader();
        let mut bytes = [0; 8];
        assert_eq!(reader.read(&mut bytes).unwrap(), 3);
        drop(announced);
        assert!(reader.read(&mut bytes).unwrap_err().to_string().contains("given up"));
    }
}
