//! What a result was made of before it became another.

use base::Timestamp;
use db::{Error, Tx, args};
use oci::Digest;

/// One step back is kept: who wants more has the log, which names the inputs of every result.
pub(super) const HISTORY_STEP: &str = "ALTER TABLE scans ADD COLUMN before_inventory TEXT;
      ALTER TABLE scans ADD COLUMN before_snapshot TEXT;
      ALTER TABLE scans ADD COLUMN before_at BIGINT";

/// Keep the inputs of the present result, unless the next has the same.
pub(crate) async fn keep_before(tx: &mut Tx, digest: &Digest, inventory: &Digest, snapshot: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE scans SET before_inventory = inventory, before_at = finished_at,
           before_snapshot = COALESCE((SELECT h.snapshot FROM held_against h WHERE h.id = scans.held), snapshot)
         WHERE digest = $1 AND inventory IS NOT NULL
           AND (inventory <> $2 OR COALESCE((SELECT h.snapshot FROM held_against h WHERE h.id = scans.held), snapshot) <> $3)",
        &args![digest.to_string(), inventory.to_string(), snapshot],
    )
    .await?;
    Ok(())
}

/// Inventory and snapshot of the result before the present one, and when it was made.
pub(crate) async fn before(tx: &mut Tx, digest: &Digest) -> Result<Option<(String, String, Option<Timestamp>)>, Error> {
    let sql = "SELECT before_inventory, before_snapshot, before_at FROM scans WHERE digest = $1";
    let Some(row) = tx.opt(sql, &args![digest.to_string()]).await? else { return Ok(None) };
    let (inventory, snapshot) = (row.opt_text("before_inventory")?, row.opt_text("before_snapshot")?);
    let at = row.opt_time("before_at")?;
    Ok(inventory.zip(snapshot).map(|(inventory, snapshot)| (inventory, snapshot, at)))
}
