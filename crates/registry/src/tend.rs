//! The reconciler of stored bytes: looks at what readers found wrong, heals what waits for it, copies what has no copy.
//!
//! It is woken by whoever pushes and by readers that met damage, and by a timer for what others did with the same database,
//! and for a replica store that is back.

use base::{Clock, Ctx, Entropy, limits};
use oci::Digest;

use crate::{Error, Registry, damage::Found, store};

/// Damaged bytes of one look.
const BATCH: i64 = 100;

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tended {
    /// Blobs that were looked at because whoever read or copied them found them wrong.
    pub looked_at: u64,
    pub healed: u64,
    /// Copies made in the replica store.
    pub copied: u64,
}

impl Registry {
    /// Tend the stored bytes until the process is asked to stop.
    pub async fn keep_tending(&self, clock: Clock, entropy: Entropy, stopped: impl Future<Output = ()>) {
        tokio::select! {
            () = self.tend_on(clock, entropy) => {}
            () = stopped => self.tasks.stop(),
        }
    }

    async fn tend_on(&self, clock: Clock, entropy: Entropy) {
        loop {
            let ctx = Ctx::system("registry", &clock, &entropy);
            match self.tend(&ctx).await {
                // There may be more, and a round is short so that its time is that of what it writes.
                Ok(tended) if tended.copied > 0 => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "stored bytes could not be tended; they are in a minute"),
            }
            tokio::select! {
                () = self.blobs.suspects().noted() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(limits::COPIES_EVERY) => {}
            }
        }
    }

    /// One round.
    pub async fn tend(&self, ctx: &Ctx) -> Result<Tended, Error> {
        let mut tended = Tended::default();
        self.look_at_all(ctx, self.blobs.suspects().take(), &mut tended).await;
        if let Some(replica) = &self.replica_store {
            tended.healed += self.heal_waiting(ctx).await?;
            let (copied, doubtful) = self.copy_missing(ctx, replica).await?;
            tended.copied = copied;
            self.look_at_all(ctx, doubtful, &mut tended).await;
        }
        Ok(tended)
    }

    async fn look_at_all(&self, ctx: &Ctx, digests: impl IntoIterator<Item = Digest>, tended: &mut Tended) {
        for digest in digests {
            tended.looked_at += 1;
            match self.look_at(ctx, &digest).await {
                Ok(found) => tended.healed += u64::from(found == Found::Healed),
                // It is met again by whoever reads it again.
                Err(error) => tracing::warn!(%digest, %error, "a blob that may be damaged could not be looked at"),
            }
        }
    }

    /// Heal what is in quarantine and has a copy: the replica store did not answer when the damage was found.
    async fn heal_waiting(&self, ctx: &Ctx) -> Result<u64, Error> {
        let (mut healed, mut after) = (0, String::new());
        loop {
            let waiting = store::curable(&mut self.db.read().await?, &after, BATCH).await?;
            let Some(last) = waiting.last() else { return Ok(healed) };
            after = last.to_string();
            for digest in &waiting {
                let _alone = self.flights.alone(digest).await;
                let kept = store::kept(&mut self.db.read().await?, digest).await?;
                if let Some(kept) = kept {
                    healed += u64::from(self.heal(ctx, digest, kept.size).await?);
                }
            }
        }
    }
}
