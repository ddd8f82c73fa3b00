//! The replica store: a second place that every blob is copied to, for the first one to be healed from.
//!
//! ```text
//!   push ─► row without replica_at ─► copied in the background ─► replica_at
//!                  ▲                                                 │ a month old: read and compared ─whole─► replica_at
//!                  └── damaged or lost there, or another place ◄─────┘ listed: is it there?
//! ```
//!
//! A push never waits for it. Nothing is remembered but the rows, so a copy that was cut off is made by the next run. Files
//! there that no row knows go with the walk: a sweep that could not reach the place left them.

use std::collections::BTreeMap;

use base::{Ctx, Timestamp, limits};
use blob::{Blobs, Copied};
use identity::Level;
use oci::{Algorithm, Digest};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::{Error, Registry, collect, store};

/// Rows of one look.
const BATCH: i64 = 100;

/// How far the replica store is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Where it is; nothing when there was never one.
    pub place: Option<String>,
    /// Blobs and manifests with a copy there.
    pub copied: u64,
    /// Those without, and their bytes.
    pub behind: u64,
    pub behind_bytes: u64,
    /// Those in quarantine in the main store.
    pub damaged: u64,
}

/// What a scrub found in the replica store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CopiesChecked {
    /// Copies that were read.
    pub checked: u64,
    /// Copies found damaged or lost; they are made anew.
    pub damaged: u64,
    /// Files there that no row knew; they were removed.
    pub strays: u64,
    /// Blobs and manifests without a whole copy, and their bytes.
    pub behind: u64,
    pub behind_bytes: u64,
}

impl Registry {
    /// Copy everything to this store from now on. `place` says where it is, so that another one is known as such.
    pub async fn with_replica_store(self, ctx: &Ctx, store: Blobs, place: &str) -> Result<Registry, Error> {
        if db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::use_replica_store(tx, place).await?))? {
            tracing::info!(place, "the replica store is new; everything is copied there");
        }
        Ok(Registry { replica_store: Some(store), ..self })
    }

    /// How far the replica store is. For administrators.
    pub async fn replica_standing(&self, ctx: &Ctx) -> Result<Standing, Error> {
        let mut tx = self.db.read().await?;
        Level::require_admin(&mut tx, &ctx.actor).await?;
        let standing = store::standing(&mut tx).await?;
        // What is known of a place that is not configured any more says nothing.
        let place = standing.place.filter(|_| self.replica_store.is_some());
        Ok(Standing { place, ..standing })
    }

    /// Copy some of what has no copy yet; gives how many, and what could not be copied because it is not what it should be. Ends
    /// early when readers found damage: that comes first.
    pub(crate) async fn copy_missing(&self, ctx: &Ctx, replica: &Blobs) -> Result<(u64, Vec<Digest>), Error> {
        let (mut copied, mut doubtful, mut after) = (0, Vec::new(), String::new());
        loop {
            let batch = store::uncopied(&mut self.db.read().await?, &after, BATCH).await?;
            let Some((last, _)) = batch.last() else { return Ok((copied, doubtful)) };
            after = last.to_string();
            for some in batch.chunks(limits::COPIES_AT_ONCE) {
                copied += self.copy_some(ctx, replica, some, &mut doubtful).await?;
                if !self.blobs.suspects().is_empty() {
                    return Ok((copied, doubtful));
                }
            }
            if copied > 0 {
                return Ok((copied, doubtful));
            }
        }
    }

    async fn copy_some(
        &self,
        ctx: &Ctx,
        replica: &Blobs,
        some: &[(Digest, u64)],
        doubtful: &mut Vec<Digest>,
    ) -> Result<u64, Error> {
        let mut copies = JoinSet::new();
        for (digest, size) in some.iter().cloned() {
            let (ctx, from, to) = (ctx.clone(), self.blobs.clone(), replica.clone());
            copies.spawn(async move {
                // What is there already counts once it was read.
                let copied = from.copy_to(&ctx, &to, &digest, size, true).await;
                (digest, copied)
            });
        }
        let (mut whole, mut failed) = (Vec::new(), None);
        while let Some(copy) = copies.join_next().await {
            let (digest, copied) =
                copy.map_err(|error| blob::Error::Unavailable(format!("a copy did not end: {error}")))?;
            match copied {
                Ok(Copied::Now | Copied::Before) => whole.push(digest),
                Ok(Copied::Gone) | Err(blob::Error::Damaged { .. } | blob::Error::NotFound(_)) => doubtful.push(digest),
                Err(error) => failed = Some(error),
            }
        }
        db::write!(self.db, ctx, |tx| {
            for digest in &whole {
                store::set_copied(tx, digest, ctx.now).await?;
            }
            Ok::<_, Error>(())
        })?;
        match failed {
            // One that fails does not keep the others from being copied.
            Some(error) if whole.is_empty() => Err(error.into()),
            _ => Ok(whole.len() as u64),
        }
    }

    /// Compare copies with their digests that were not read for [`limits::SCRUB_EVERY`], at most `budget_bytes` (and one), and
    /// what is there with what should be.
    pub(crate) async fn check_copies(&self, ctx: &Ctx, budget_bytes: u64) -> Result<Option<CopiesChecked>, Error> {
        let Some(replica) = &self.replica_store else { return Ok(None) };
        let mut checked = CopiesChecked::default();
        match self.read_copies(ctx, replica, budget_bytes, &mut checked).await {
            // It does not answer. That says nothing of its copies, and the main store was scrubbed.
            Err(Error::Blob(error)) => tracing::warn!(%error, "the replica store could not be checked"),
            outcome => outcome?,
        }
        self.wake.notify_one();
        let standing = store::standing(&mut self.db.read().await?).await?;
        Ok(Some(CopiesChecked { behind: standing.behind, behind_bytes: standing.behind_bytes, ..checked }))
    }

    async fn read_copies(
        &self,
        ctx: &Ctx,
        replica: &Blobs,
        budget_bytes: u64,
        checked: &mut CopiesChecked,
    ) -> Result<(), Error> {
        self.walk_copies(ctx, replica, checked).await?;
        let before = collect::before(ctx, limits::SCRUB_EVERY);
        let mut bytes = 0_u64;
        while bytes < budget_bytes {
            let Some((digest, size)) = store::copied_before(&mut self.db.read().await?, before, 1).await?.pop() else {
                return Ok(());
            };
            let whole = match replica.verify(&digest, size).await {
                Ok(()) => true,
                Err(blob::Error::Damaged { .. } | blob::Error::NotFound(_)) => false,
                Err(error) => return Err(error.into()),
            };
            checked.checked += 1;
            bytes = bytes.saturating_add(size);
            if whole {
                db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::set_copied(tx, &digest, ctx.now).await?))?;
            } else {
                checked.damaged += self.forget_copies(ctx, &[digest]).await?;
            }
        }
        Ok(())
    }

    /// Compare the list of what is there with the rows: a place may have been emptied, and swept bytes may have stayed.
    async fn walk_copies(&self, ctx: &Ctx, replica: &Blobs, checked: &mut CopiesChecked) -> Result<(), Error> {
        let oldest = collect::before(ctx, limits::LINK_REVIEW_AFTER);
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for prefix in 0..=u8::MAX {
                let known = store::copied_in(&mut self.db.read().await?, algorithm, prefix).await?;
                let mut there = BTreeMap::new();
                for stored in replica.stored(algorithm, prefix).await? {
                    there.insert(stored.digest.clone(), stored);
                }
                let lost =
                    known.into_iter().filter(|(digest, size)| there.get(digest).is_none_or(|one| one.size != *size));
                let lost: Vec<Digest> = lost.map(|(digest, _)| digest).collect();
                checked.damaged += self.forget_copies(ctx, &lost).await?;
                for stored in there.into_values() {
                    let written = Timestamp::try_from(stored.written).unwrap_or(Timestamp::MAX);
                    let known = store::bytes_size(&mut self.db.read().await?, &stored.digest).await?;
                    if written < oldest && known.is_none() && replica.delete(&stored.digest).await? {
                        checked.strays += 1;
                        // It may have been pushed again, and copied, in between.
                        self.forget_copies(ctx, &[stored.digest]).await?;
                    }
                }
            }
        }
        self.tidy_copies(ctx, replica).await
    }

    /// Copies that were cut off leave what they had sent.
    async fn tidy_copies(&self, ctx: &Ctx, replica: &Blobs) -> Result<(), Error> {
        let oldest = collect::before(ctx, limits::UPLOAD_LIFETIME);
        for (id, modified) in replica.uploads().await? {
            if Timestamp::try_from(modified).unwrap_or(Timestamp::MAX) < oldest {
                match replica.discard(&id, None).await {
                    Ok(()) | Err(blob::Error::Busy) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Note that these have no whole copy; gives how many.
    async fn forget_copies(&self, ctx: &Ctx, digests: &[Digest]) -> Result<u64, Error> {
        for digest in digests {
            tracing::warn!(%digest, "the replica store has no whole copy any more; it is copied again");
        }
        if !digests.is_empty() {
            db::write!(self.db, ctx, |tx| {
                for digest in digests {
                    store::set_uncopied(tx, digest).await?;
                }
                Ok::<_, Error>(())
            })?;
        }
        Ok(digests.len() as u64)
    }

    /// Remove the copy of what garbage collection removes.
    pub(crate) async fn sweep_copy(&self, digest: &Digest) {
        let Some(replica) = &self.replica_store else { return };
        if let Err(error) = replica.delete(digest).await {
            tracing::warn!(%digest, %error, "the replica store keeps bytes that were collected until it is scrubbed");
        }
    }
}
