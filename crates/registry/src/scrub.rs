//! Scrubbing: stored bytes are read and compared with their digests before somebody needs them.
//!
//! Damaged bytes are in quarantine from then on: nobody is sent them, and who asks whether they are here is told that they are
//! not, so that the next push of the same content heals them. Files that no row knows are found on the way and left to
//! garbage collection.

use audit::Entry;
use base::{Ctx, Timestamp, limits};
use identity::Level;
use oci::{Algorithm, Digest};
use serde::Serialize;

use crate::{Error, Registry, collect, store};

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
    /// Those found damaged or lost.
    pub damaged: Vec<Digest>,
    /// Files that no row knew.
    pub strays: u64,
}

impl Registry {
    /// Check what was not checked for [`limits::SCRUB_EVERY`], at most `budget_bytes` (and one blob) in this run.
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
                let problem = match self.blobs.verify(digest, *size).await {
                    Ok(()) => None,
                    Err(blob::Error::Damaged { problem, .. }) => Some(problem),
                    Err(blob::Error::NotFound(_)) => Some("no bytes".to_owned()),
                    // The disk or the store does not answer: that says nothing about the blob.
                    Err(error) => return Err(error.into()),
                };
                scrubbed.checked += 1;
                scrubbed.bytes += size;
                if problem.is_some() {
                    scrubbed.damaged.push(digest.clone());
                }
                seen.push((digest.clone(), problem));
            }
            if seen.is_empty() {
                return Ok(scrubbed);
            }
            self.note_checked(ctx, &seen).await?;
        }
    }

    /// A blob may have been pushed again, or swept, since it was read: only rows that stand as they stood are marked.
    async fn note_checked(&self, ctx: &Ctx, seen: &[(Digest, Option<String>)]) -> Result<(), Error> {
        let mut damaged = Vec::new();
        for (digest, problem) in seen {
            if let Some(problem) = problem {
                let size = store::bytes_size(&mut self.db.read().await?, digest).await?;
                let still = match size {
                    Some(size) => self.blobs.verify(digest, size).await.is_err(),
                    None => false,
                };
                if still {
                    tracing::error!(%digest, problem, "stored bytes are damaged; push the same content again to heal them");
                    damaged.push((digest, problem));
                }
            }
        }
        db::write!(self.db, ctx, |tx| {
            for (digest, _) in seen {
                store::set_checked(tx, digest, ctx.now).await?;
            }
            for (digest, problem) in &damaged {
                if store::set_damaged(tx, digest, ctx.now).await? {
                    let places = Registry::places_of_bytes(tx, digest).await?;
                    let entry = Entry::new("blob.damaged").about(*digest).detail("problem", problem);
                    audit::append(tx, ctx, entry.detail("repositories", places)).await?;
                }
            }
            Ok(())
        })
    }

    /// Names of some repositories that hold these bytes, for whoever has to push them again.
    async fn places_of_bytes(tx: &mut db::Tx, digest: &Digest) -> Result<Vec<String>, Error> {
        const SOME: i64 = 20;
        let mut names: Vec<String> = store::repositories_with_blob(tx, digest, SOME)
            .await?
            .into_iter()
            .map(|one| one.name.to_string())
            .collect();
        names
            .extend(store::repositories_with_manifest(tx, digest).await?.into_iter().map(|(_, name)| name.to_string()));
        Ok(names)
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
