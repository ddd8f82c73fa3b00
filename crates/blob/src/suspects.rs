//! Blobs that somebody read and that were not there, or not what their digest names: whoever keeps the store looks closer.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
};

use base::limits;
use oci::Digest;
use tokio::sync::Notify;

use crate::Error;

/// What readers met since somebody looked last. A restart forgets it; the damage is met again.
#[derive(Debug, Default)]
pub struct Suspects {
    digests: Mutex<BTreeSet<Digest>>,
    noted: Notify,
}

impl Suspects {
    /// Have this blob looked at. Beyond [`limits::SUSPECTS`] it is left to the next reader.
    pub fn note(&self, digest: &Digest) {
        let mut digests = self.digests();
        if digests.len() < limits::SUSPECTS {
            digests.insert(digest.clone());
        }
        drop(digests);
        self.noted.notify_one();
    }

    /// The same, when this is what reading ended with.
    pub(crate) fn note_if_bad<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Damaged { digest, .. } | Error::NotFound(digest)) = &outcome {
            self.note(digest);
        }
        outcome
    }

    /// All of them, which are no suspects any more.
    pub fn take(&self) -> BTreeSet<Digest> {
        std::mem::take(&mut *self.digests())
    }

    pub fn is_empty(&self) -> bool {
        self.digests().is_empty()
    }

    /// Ends when there may be some.
    pub async fn noted(&self) {
        self.noted.notified().await;
    }

    fn digests(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.digests.lock().expect("no holder of this lock can panic")
    }
}
