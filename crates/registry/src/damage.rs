//! Damage: whoever meets it has it looked at; what is damaged is in quarantine until it is healed.
//!
//! ```text
//!   scrub ─┐
//!   pull ──┴─► look again: other bytes, or none? ─yes─► quarantine ─► a copy in the replica store?
//!                └─no─► nothing                         blob.damaged      │             └─no─► the next push of it: blob.healed
//!                                                                         └─► read, compared, installed as a push is ─► blob.healed
//! ```
//!
//! Nobody is sent what is in quarantine, and who asks whether it is here is told that it is not.

use audit::Entry;
use base::{Actor, Ctx};
use blob::Copied;
use db::Tx;
use oci::Digest;

use crate::{
    Error, Registry,
    store::{self, Kept},
};

/// What a closer look at stored bytes gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Whole,
    /// They were damaged or lost, and are whole again.
    Healed,
    Damaged,
    /// Nobody wants them any more.
    Unwanted,
}

impl Registry {
    /// Compare stored bytes with their digest. What is wrong with them goes into quarantine, and is healed if the replica
    /// store can.
    pub(crate) async fn look_at(&self, ctx: &Ctx, digest: &Digest) -> Result<Found, Error> {
        let _alone = self.flights.alone(digest).await;
        let Some(kept) = store::kept(&mut self.db.read().await?, digest).await? else {
            return Ok(Found::Unwanted);
        };
        let Some(problem) = self.problem_of(digest, kept.size).await? else {
            // If a part of it was wrong all the same, its pieces are learnt anew.
            if store::pieces(&mut self.db.read().await?, digest).await?.is_some() {
                db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::delete_pieces(tx, digest).await?))?;
            }
            return Ok(Found::Whole);
        };
        if !self.quarantine(ctx, digest, kept, &problem).await? {
            return Ok(Found::Whole);
        }
        Ok(if self.heal(ctx, digest, kept.size).await? { Found::Healed } else { Found::Damaged })
    }

    /// The same for somebody who only wanted to read: it is the program that finds and heals. Gives whether the bytes can be
    /// read now.
    pub(crate) async fn look_for_reader(&self, ctx: &Ctx, digest: &Digest) -> Result<bool, Error> {
        let own = ctx.clone().with_actor(Actor::System("registry"));
        Ok(matches!(self.look_at(&own, digest).await?, Found::Whole | Found::Healed))
    }

    /// The bytes of a small blob. Damage is healed first, where that can be.
    pub(crate) async fn read_whole(&self, ctx: &Ctx, digest: &Digest, size: u64) -> Result<Vec<u8>, Error> {
        match self.blobs.read(digest, size).await {
            Err(blob::Error::NotFound(_) | blob::Error::Damaged { .. })
                if self.look_for_reader(ctx, digest).await? =>
            {
                Ok(self.blobs.read(digest, size).await?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// What is wrong with stored bytes, read to their end.
    pub(crate) async fn problem_of(&self, digest: &Digest, size: u64) -> Result<Option<String>, Error> {
        match self.blobs.verify(digest, size).await {
            Ok(()) => Ok(None),
            Err(blob::Error::Damaged { problem, .. }) => Ok(Some(problem)),
            Err(blob::Error::NotFound(_)) => Ok(Some("no bytes".to_owned())),
            // The disk or the store does not answer: that says nothing about the blob.
            Err(error) => Err(error.into()),
        }
    }

    /// Gives whether it is there now: what was pushed since it was read is not put there.
    async fn quarantine(&self, ctx: &Ctx, digest: &Digest, read: Kept, problem: &str) -> Result<bool, Error> {
        let (found, there) = db::write!(self.db, ctx, |tx| {
            let found = store::set_damaged(tx, digest, read, ctx.now).await?;
            if found {
                let places = places_of_bytes(tx, digest).await?;
                let entry = Entry::new("blob.damaged").about(digest).detail("problem", problem);
                audit::append(tx, ctx, entry.detail("repositories", places)).await?;
            }
            Ok::<_, Error>((found, found || store::is_damaged(tx, digest).await?))
        })?;
        if found {
            tracing::error!(%digest, problem, "stored bytes are damaged; the replica store or the next push of the same content heals them");
        }
        Ok(there)
    }

    async fn lift(&self, ctx: &Ctx, digest: &Digest, from: &str) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            if store::set_healed(tx, digest).await? {
                audit::append(tx, ctx, healed(digest, from)).await?;
            }
            Ok(())
        })
    }

    /// Read bytes in quarantine from the replica store, if it has them, and install them as a push does; gives whether they
    /// are whole now. When the replica store does not answer they are tried again later.
    pub(crate) async fn heal(&self, ctx: &Ctx, digest: &Digest, size: u64) -> Result<bool, Error> {
        let Some(replica) = &self.replica_store else { return Ok(false) };
        if !store::has_copy(&mut self.db.read().await?, digest).await? {
            return Ok(false);
        }
        match replica.copy_to(ctx, &self.blobs, digest, size, true).await {
            Ok(Copied::Now | Copied::Before) => {
                self.lift(ctx, digest, "replica store").await?;
                tracing::info!(%digest, "damaged bytes were healed from the replica store");
                Ok(true)
            }
            Ok(Copied::Gone) | Err(blob::Error::Damaged { .. } | blob::Error::NotFound(_)) => {
                tracing::error!(%digest, "the copy in the replica store is damaged or lost too; push the same content again");
                db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::set_uncopied(tx, digest).await?))?;
                Ok(false)
            }
            Err(error) => {
                tracing::warn!(%digest, %error, "damaged bytes could not be healed from the replica store; they are tried again");
                Ok(false)
            }
        }
    }

    /// Note bytes that a push stored: what was in quarantine is whole again.
    pub(crate) async fn note_pushed(tx: &mut Tx, ctx: &Ctx, digest: &Digest, size: u64) -> Result<(), Error> {
        if store::is_damaged(tx, digest).await? {
            audit::append(tx, ctx, healed(digest, "push")).await?;
        }
        store::note_bytes(tx, digest, size, ctx.now).await
    }
}

fn healed(digest: &Digest, from: &str) -> Entry {
    Entry::new("blob.healed").about(digest).detail("from", from)
}

/// Names of some repositories that hold these bytes, for whoever has to push them again.
async fn places_of_bytes(tx: &mut Tx, digest: &Digest) -> Result<Vec<String>, Error> {
    const SOME: i64 = 20;
    let blobs = store::repositories_with_blob(tx, digest, SOME).await?;
    let mut names: Vec<String> = blobs.into_iter().map(|one| one.name.to_string()).collect();
    let manifests = store::repositories_with_manifest(tx, digest).await?;
    names.extend(manifests.into_iter().map(|(_, name)| name.to_string()));
    Ok(names)
}
