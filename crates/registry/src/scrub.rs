//! Scrubbing: stored bytes are read and compared with their digests before somebody needs them, and so are their copies in the
//! replica store.
//!
//! What becomes of damage is in `damage.rs`. Files that no row knows are found on the way and left to garbage collection.

use base::{Ctx, Timestamp, limits};
use identity::Level;
use oci::{Algorithm, Digest};
use serde::Serialize;

use crate::{CopiesChecked, Error, Registry, collect, damage::Found, store};

/// Runs [`Registry::scrub`]: a timer's job.
pub const SCRUB_JOB: &str = "registry.scrub";

/// Blobs whose check is noted in one transaction.
const BATCH: i64 = 100;

/// What was looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scrubbed {
    /// Blobs and manifests that were read, and their bytes.
    pub checked: u64,
    pub bytes: u64,
    /// Those found damaged or lost, which the next push heals.
    pub damaged: Vec<Digest>,
    /// Those found damaged or lost that were healed from the replica store.
    pub healed: Vec<Digest>,
    /// Files that no row knew.
    pub strays: u64,
    /// What was found in the replica store, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica: Option<CopiesChecked>,
}

impl Registry {
    /// Check what was not checked for [`limits::SCRUB_EVERY`], at most `budget_bytes` (and one blob) in this run, and as much
    /// in the replica store.
    pub async fn scrub(&self, ctx: &Ctx, budget_bytes: u64) -> Result<Scrubbed, Error> {
        Level::require_admin(&mut self.db.read().await?, &ctx.actor).await?;
        let mut scrubbed = Scrubbed { strays: self.adopt_strays(ctx).await?, ..Scrubbed::default() };
        let before = collect::before(ctx, limits::SCRUB_EVERY);
        loop {
            let batch = store::unchecked(&mut self.db.read().await?, before, BATCH).await?;
            let mut seen = Vec::new();
            for (digest, size) in &batch {
                if scrubbed.bytes >= budget_bytes {
                    break;
                }
                if self.problem_of(digest, *size).await?.is_some() {
                    // It may have been pushed again, or swept, since it was read.
                    match self.look_at(ctx, digest).await? {
                        Found::Damaged => scrubbed.damaged.push(digest.clone()),
                        Found::Healed => scrubbed.healed.push(digest.clone()),
                        Found::Whole | Found::Unwanted => {}
                    }
                }
                scrubbed.checked += 1;
                scrubbed.bytes += size;
                seen.push(digest);
            }
            if seen.is_empty() {
                break;
            }
            db::write!(self.db, ctx, |tx| {
                for digest in &seen {
                    store::set_checked(tx, digest, ctx.now).await?;
                }
                Ok::<_, Error>(())
            })?;
        }
        scrubbed.replica = self.check_copies(ctx, budget_bytes).await?;
        Ok(scrubbed)
    }

    /// Give files that no row knows a row and a review: a push that died between file and row left them.
    async fn adopt_strays(&self, ctx: &Ctx) -> Result<u64, Error> {
        let oldest = collect::before(ctx, limits::LINK_REVIEW_AFTER);
        let mut strays = 0;
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for prefix in 0..=u8::MAX {
                let mut unknown = Vec::new();
                let mut tx = self.db.read().await?;
                for stored in self.blobs.stored(algorithm, prefix).await? {
                    let written = Timestamp::try_from(stored.written).unwrap_or(Timestamp::MAX);
                    if written < oldest && store::bytes_size(&mut tx, &stored.digest).await?.is_none() {
                        unknown.push(stored);
                    }
                }
                drop(tx);
                if unknown.is_empty() {
                    continue;
                }
                strays += unknown.len() as u64;
                db::write!(self.db, ctx, |tx| {
                    for stored in &unknown {
                        store::note_bytes(tx, &stored.digest, stored.size, ctx.now).await?;
                        store::review_bytes(tx, &stored.digest, collect::after(ctx, limits::BYTES_REVIEW_AFTER))
                            .await?;
                    }
                    Ok::<_, Error>(())
                })?;
            }
        }
        Ok(strays)
    }
}
