//! How the scanner stands, for operators.

use base::{Ctx, Timestamp};
use db::Tx;
use inventory::SCANNER_VERSION;
use serde_json::json;

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

    /// Say that other advisories are in use, as the status says it.
    pub(crate) async fn tell_update(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        (digest, label): (&str, &str),
        entry: &str,
    ) -> Result<(), Error> {
        let (number, _) = store::snapshot_history(tx).await?;
        let data = json!({
            "scanner_version": SCANNER_VERSION,
            "scanner_updated_at": store::version_seen(tx, SCANNER_VERSION).await?.map(|at| at.to_string()),
            "db_version": number,
            "snapshot": digest,
            "label": label,
        });
        let subject = "scanner".to_owned();
        let event =
            ::jobs::Event { kind: "scanner.updated".to_owned(), subject, data, at: ctx.now, entry: entry.to_owned() };
        Ok(::jobs::emit(tx, ctx, &event).await?)
    }

    pub(crate) async fn see_version(&self, ctx: &Ctx) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| store::see_version(tx, ctx, SCANNER_VERSION).await)
            .map_err(|error: db::Error| Error::Database(error))
    }
}
