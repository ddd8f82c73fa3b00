//! How the scanner stands, for operators.

use base::{Ctx, Timestamp};
use inventory::SCANNER_VERSION;

use crate::{Error, Scan, Settings, SnapshotInfo, store};

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
    /// Why the last new snapshot was refused, if it was.
    pub update_error: Option<String>,
}

impl Scan {
    pub async fn standing(&self) -> Result<Standing, Error> {
        let mut tx = self.db.read().await?;
        let (snapshot_number, snapshot_since) = store::snapshot_history(&mut tx).await?;
        Ok(Standing {
            settings: store::settings(&mut tx).await?,
            scanner_version: SCANNER_VERSION,
            scanner_since: store::version_seen(&mut tx, SCANNER_VERSION).await?,
            snapshot: self.snapshot(),
            snapshot_number,
            snapshot_since,
            update_error: store::update_error(&mut tx).await?,
        })
    }

    pub(crate) async fn see_version(&self, ctx: &Ctx) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| store::see_version(tx, ctx, SCANNER_VERSION).await)
            .map_err(|error: db::Error| Error::Database(error))
    }
}
