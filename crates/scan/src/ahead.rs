//! Layers read while they are pushed, so that little is left to do after the last byte.
//!
//! ```text
//!   blob: an upload of which 16 MiB are there ─► read as it grows ─► (its digest is known and verified) ─► inventory, stored
//!                                                                           ▲
//!   job scan.image: is the layer being read? ── waits for that ─────────────┘
//! ```
//!
//! Whatever goes wrong here is forgotten: the job reads the layer again, and says what is wrong with it.

use std::sync::{Arc, Mutex, PoisonError};

use base::{Clock, Ctx, Entropy, limits::LAYERS_READ_AHEAD};
use blob::Growing;
use inventory::Progress;
use jobs::Tasks;
use oci::Digest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use crate::{Error, Scan, layers::read_stream};

/// The layers that are being read ahead.
#[derive(Clone, Debug)]
pub(crate) struct Ahead(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    reading: Mutex<Vec<Reading>>,
    places: Arc<Semaphore>,
}

#[derive(Clone, Debug)]
struct Reading {
    upload: Arc<Growing>,
    /// Closed when it is over.
    over: watch::Receiver<()>,
}

impl Default for Ahead {
    fn default() -> Ahead {
        let places = Arc::new(Semaphore::new(LAYERS_READ_AHEAD));
        Ahead(Arc::new(Inner { reading: Mutex::default(), places }))
    }
}

impl Ahead {
    /// Wait until the layer is no longer being read ahead; at once when it is not.
    pub(crate) async fn wait(&self, layer: &Digest) {
        let reading = self.reading(|all| all.iter().find(|one| one.upload.digest().as_ref() == Some(layer)).cloned());
        if let Some(Reading { mut over, .. }) = reading {
            while over.changed().await.is_ok() {}
        }
    }

    /// Threads that wait for senders would keep the program from ending.
    fn give_up(&self) {
        self.reading(|all| all.iter().for_each(|one| one.upload.give_up()));
    }

    fn reading<T>(&self, work: impl FnOnce(&mut Vec<Reading>) -> T) -> T {
        work(&mut self.0.reading.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Scan {
    /// How many layers are being read while they are pushed.
    pub fn reading_ahead(&self) -> usize {
        self.ahead.reading(|all| all.len())
    }

    /// Read large layers while they are pushed, until the tasks are to end.
    pub async fn read_ahead(self, tasks: Tasks, clock: Clock, entropy: Entropy) {
        let mut uploads: mpsc::Receiver<Arc<Growing>> = self.registry.blobs().watch_uploads();
        let mut stopped = std::pin::pin!(tasks.stopped());
        loop {
            let upload = tokio::select! {
                () = &mut stopped => return self.ahead.give_up(),
                upload = uploads.recv() => upload,
            };
            let Some(upload) = upload else { return };
            if !self.settings().await.is_ok_and(|settings| settings.enabled) {
                continue;
            }
            // As many as there may be are being read: this one is read when it is whole.
            let Ok(place) = Arc::clone(&self.ahead.0.places).try_acquire_owned() else { continue };
            let ctx = Ctx::system("scan.ahead", &clock, &entropy);
            tasks.spawn(self.clone().read_growing(ctx, upload, place));
        }
    }

    async fn read_growing(self, ctx: Ctx, upload: Arc<Growing>, _place: OwnedSemaphorePermit) {
        let (_ends, over) = watch::channel(());
        self.ahead.reading(|all| all.push(Reading { upload: Arc::clone(&upload), over }));
        if let Err(error) = self.keep_growing(&ctx, &upload).await {
            tracing::debug!(%error, "a layer was not read while it was pushed");
        }
        self.ahead.reading(|all| all.retain(|one| !Arc::ptr_eq(&one.upload, &upload)));
    }

    async fn keep_growing(&self, ctx: &Ctx, upload: &Arc<Growing>) -> Result<(), Error> {
        let (place, time) = ("a layer that is being pushed".to_owned(), self.settings().await?.reading_time());
        let read = read_stream(upload.reader(), place, time, Arc::new(Progress::default())).await?;
        match upload.digest() {
            Some(digest) => self.keep_layer(ctx, &digest, read).await.map(drop),
            None => Err(Error::Internal("the upload ended without a digest".to_owned())),
        }
    }
}
