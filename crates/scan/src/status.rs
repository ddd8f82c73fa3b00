//! How the scanner stands, for operators.

use base::{Ctx, Timestamp};
use inventory::SCANNER_VERSION;

use crate::{Age, Error, Scan, Settings, SnapshotInfo, Updates, store};

/// The scanner and the advisories it works with.
#[derive(Clone, Debug)]
pub struct Standing {
    pub settings: Settings,
    /// Counts up with every change of what an inventory holds.
    pub scanner_version: u32,
    /// Since when this version works here.
    pub scanner_since: Option<Timestamp>,
    pub snapshot: SnapshotInfo,
    /// How many different snapshots there have been, this one included.
    pub snapshot_number: u64,
    pub snapshot_since: Option<Timestamp>,
    pub age: Age,
    pub updates: Updates,
    /// Why the last new snapshot was refused or could not be fetched, if so.
    pub update_error: Option<String>,
    /// When the network was last asked for one, and when it last answered well, be it that there is nothing new.
    pub asked_at: Option<Timestamp>,
    pub answered_at: Option<Timestamp>,
    /// What is being fetched, while something is.
    pub progress: Option<String>,
}

impl Scan {
    pub async fn standing(&self, ctx: &Ctx) -> Result<Standing, Error> {
        let mut tx = self.db.read().await?;
        let (snapshot_number, snapshot_since) = store::snapshot_history(&mut tx).await?;
        let (updates, outcome) = (store::updates(&mut tx).await?, store::outcome(&mut tx).await?);
        Ok(Standing {
            settings: store::settings(&mut tx).await?,
            scanner_version: SCANNER_VERSION,
            scanner_since: store::version_seen(&mut tx, SCANNER_VERSION).await?,
            snapshot: self.snapshot(),
            snapshot_number,
            snapshot_since,
            age: Age::of(&self.snapshot(), updates.stale_days, ctx.now),
            updates,
            update_error: outcome.error,
            asked_at: outcome.asked_at,
            answered_at: outcome.answered_at,
            progress: outcome.progress,
        })
    }

    pub(crate) async fn see_version(&self, ctx: &Ctx) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| store::see_version(tx, ctx, SCANNER_VERSION).await)
            .map_err(|error: db::Error| Error::Database(error))
    }
}
