//! One at a time for each digest: whoever wants the same work waits for it, and finds it done.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use oci::Digest;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The digests that this process works on.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Digest, Weak<AsyncMutex<()>>>>);

impl Flights {
    /// Wait until nobody else works on this digest; the next one waits until the guard is dropped.
    pub(crate) async fn alone(&self, digest: &Digest) -> OwnedMutexGuard<()> {
        self.of(digest).lock_owned().await
    }

    fn of(&self, digest: &Digest) -> Arc<AsyncMutex<()>> {
        let mut flights = self.0.lock().expect("no holder of this lock can panic");
        if let Some(flight) = flights.get(digest).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::default();
        flights.insert(digest.clone(), Arc::downgrade(&flight));
        flight
    }
}
