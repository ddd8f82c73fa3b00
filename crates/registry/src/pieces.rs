//! Parts of blobs: what comes from a bucket is checked by its pieces, whose digests are kept in a row.
//!
//! ```text
//!   range of a blob ─► its pieces in a row? ─yes─► whole pieces around it, each compared
//!                         └─no─► one reads the whole blob, compared with its digest ─► row
//! ```
//!
//! The row is believed, as every row is; the bucket is not.

use base::Ctx;
use blob::{Blob, BlobReader, Pieces};
use oci::Digest;
use tokio::sync::oneshot;

use crate::{Error, Registry, store};

impl Registry {
    /// `length` bytes from `first` on of a blob that was opened. The first part of a large blob in a bucket takes as long as
    /// reading all of it once.
    pub async fn stream_blob(
        &self,
        ctx: &Ctx,
        digest: &Digest,
        blob: Blob,
        first: u64,
        length: u64,
    ) -> Result<BlobReader, Error> {
        if !blob.needs_pieces(first, length) {
            return Ok(blob.stream(first, length).await?);
        }
        let known = store::pieces(&mut self.db.read().await?, digest).await?;
        let pieces = match known {
            Some(pieces) => Some(pieces),
            None => self.learn(ctx, digest, blob.size()).await?,
        };
        let blob = match pieces {
            Some(pieces) => blob.with_pieces(pieces),
            None => blob,
        };
        Ok(blob.stream(first, length).await?)
    }

    /// A client that loses its patience meanwhile asks again, so this goes on without it.
    async fn learn(&self, ctx: &Ctx, digest: &Digest, size: u64) -> Result<Option<Pieces>, Error> {
        let (sender, learnt) = oneshot::channel();
        let (registry, ctx, digest) = (self.clone(), ctx.clone(), digest.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                // Whoever asked may be gone.
                outcome = registry.learn_alone(&ctx, &digest, size) => drop(sender.send(outcome)),
                () = registry.tasks.stopped() => {}
            }
        });
        learnt.await.map_err(|_| blob::Error::Unavailable("the server stops".to_owned()))?
    }

    async fn learn_alone(&self, ctx: &Ctx, digest: &Digest, size: u64) -> Result<Option<Pieces>, Error> {
        let _alone = self.flights.alone(digest).await;
        let known = store::pieces(&mut self.db.read().await?, digest).await?;
        if known.is_some() {
            return Ok(known);
        }
        let learnt = self.blobs.open(digest, size).await?.learn_pieces().await?;
        if let Some(pieces) = &learnt {
            db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::set_pieces(tx, digest, pieces).await?))?;
        }
        Ok(learnt)
    }
}
