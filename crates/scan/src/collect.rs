//! Garbage collection of what the scanner keeps: inventories of layers that nobody has any more, what an older scanner made, snapshots
//! that nothing was judged by for a long time.
//!
//! All of it can be made again but snapshots, so those wait, and one that a decision names stays as long as the decision: it can be
//! made again from what it names. Results of scans stay with the inventory they name.

use std::collections::BTreeSet;

use audit::Entry;
use base::{Ctx, Timestamp, limits};
use inventory::{LayerInventory, SCANNER_VERSION};
use oci::Digest;
use registry::Registry;
use serde::Serialize;

use crate::{Error, Scan, store};

/// Runs [`Scan::collect`]: a timer's job.
pub const COLLECT_JOB: &str = "scan.collect";

/// Layers that are looked at in one transaction.
const BATCH: i64 = 250;

/// What a collection removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CollectedRecords {
    /// Inventories of layers, and of images.
    pub inventories: u64,
    pub snapshots: u64,
    /// Of their files.
    pub bytes: u64,
}

impl Scan {
    /// Remove what is of no use any more. `decided` are the snapshots that decisions name.
    pub async fn collect(&self, ctx: &Ctx, decided: &BTreeSet<String>) -> Result<CollectedRecords, Error> {
        let mut collected = CollectedRecords::default();
        let mut loose = self.forget_layers(ctx).await?;
        loose.extend(self.forget_images(ctx).await?);
        collected.inventories = loose.iter().filter(|(_, inventory)| *inventory).count() as u64;
        for (digest, _) in &loose {
            if !store::is_record_named(&mut self.db.read().await?, digest).await? {
                collected.bytes += self.drop_record(ctx, digest).await?;
            }
        }
        for digest in self.old_snapshots(ctx, decided).await? {
            let size = self.records.stat(&digest).await?;
            if let Some(size) = size
                && self.records.delete(&digest).await?
            {
                collected.snapshots += 1;
                collected.bytes += size;
            }
        }
        if collected != CollectedRecords::default() {
            let entry = Entry::new("records.collected")
                .detail("inventories", collected.inventories)
                .detail("snapshots", collected.snapshots)
                .detail("bytes", collected.bytes);
            db::write!(self.db, ctx, |tx| audit::append(tx, ctx, entry.clone()).await.map(drop))
                .map_err(Error::from)?;
        }
        Ok(collected)
    }

    /// Rows of layers that the registry has no more, or that an older scanner read; gives the records they named, and whether each is
    /// an inventory.
    async fn forget_layers(&self, ctx: &Ctx) -> Result<BTreeSet<(Digest, bool)>, Error> {
        let mut loose = BTreeSet::new();
        let mut after = (String::new(), 0);
        loop {
            let page = store::layers_after(&mut self.db.read().await?, &after, BATCH).await?;
            let Some(last) = page.last() else { return Ok(loose) };
            after = (last.layer.to_string(), last.version);
            for row in page {
                let older = row.version < i64::from(SCANNER_VERSION);
                if !older && Registry::has_bytes(&mut self.db.read().await?, &row.layer).await? {
                    continue;
                }
                let listing = self.listing_of(&row.inventory).await;
                // Pushed again meanwhile, it is read again.
                db::write!(self.db, ctx, |tx| store::delete_layer(tx, &row.layer, row.version).await)
                    .map_err(|error: db::Error| Error::Database(error))?;
                loose.insert((row.inventory, true));
                loose.extend(listing.map(|listing| (listing, false)));
            }
        }
    }

    /// The list of files that an inventory names; none where it cannot be read.
    async fn listing_of(&self, inventory: &Digest) -> Option<Digest> {
        let json = self.record(inventory).await.ok()?;
        LayerInventory::listing_in(&json)?.parse().ok()
    }

    async fn forget_images(&self, ctx: &Ctx) -> Result<BTreeSet<(Digest, bool)>, Error> {
        let removed = db::write!(self.db, ctx, |tx| {
            store::forget_empty(tx).await?;
            store::delete_older_images(tx, SCANNER_VERSION).await
        })
        .map_err(|error: db::Error| Error::Database(error))?;
        Ok(removed.into_iter().map(|digest| (digest, true)).collect())
    }

    async fn old_snapshots(&self, ctx: &Ctx, decided: &BTreeSet<String>) -> Result<Vec<Digest>, Error> {
        let before = ctx.now.checked_sub(limits::SNAPSHOT_KEPT).unwrap_or(Timestamp::UNIX_EPOCH);
        let old = store::snapshots_before(&mut self.db.read().await?, before).await?;
        let current = self.current.get();
        let free = |digest: &Digest| *digest.to_string() != *current.digest() && !decided.contains(&digest.to_string());
        Ok(old.into_iter().filter(free).collect())
    }
}
