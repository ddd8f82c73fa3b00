//! Which snapshot each result was last held against.
//!
//! ```text
//!   scans.held ─► held_against.id        snapshot: what all results of this group were last held against
//!                                        closed: a newer snapshot is being held against them; nothing joins any more
//! ```
//!
//! When a new snapshot says the same of nearly everything, those that differ leave for a group of their own, and one row tells the
//! new snapshot for all others.

use std::collections::BTreeSet;

use base::Ctx;
use db::{Bulk, Error, Tx, Val, args};
use oci::Digest;

use super::{Written, gaps_of, guard_text, totals_of};
use crate::judgement::Totals;

/// What did not end has no part in this: its last result stands for the snapshot that it was made with.
pub(super) const HELD_STEP: &str = "CREATE TABLE held_against (
        id BIGINT PRIMARY KEY, snapshot TEXT NOT NULL, closed BOOLEAN NOT NULL);
      INSERT INTO held_against (id, snapshot, closed)
        SELECT ROW_NUMBER() OVER (ORDER BY confirmed), confirmed, FALSE
        FROM (SELECT DISTINCT confirmed FROM scans WHERE state = 'done' AND confirmed IS NOT NULL) AS known;
      ALTER TABLE scans ADD COLUMN held BIGINT;
      UPDATE scans SET held = (SELECT id FROM held_against WHERE snapshot = scans.confirmed) WHERE state = 'done';
      ALTER TABLE scans DROP COLUMN confirmed";

/// The group for results that are held against this snapshot now.
pub(crate) async fn group_of(tx: &mut Tx, snapshot: &str) -> Result<i64, Error> {
    let open = "SELECT MIN(id) AS id FROM held_against WHERE snapshot = $1 AND NOT closed";
    if let Some(id) = tx.one(open, &args![snapshot]).await?.opt_int("id")? {
        return Ok(id);
    }
    let new = "INSERT INTO held_against (id, snapshot, closed)
         SELECT COALESCE(MAX(id), 0) + 1, $1, FALSE FROM held_against RETURNING id";
    tx.one(new, &args![snapshot]).await?.int("id")
}

/// The snapshots, other than this one, that results were last held against.
pub(crate) async fn outdated(tx: &mut Tx, current: &str) -> Result<Vec<String>, Error> {
    let sql = "SELECT DISTINCT snapshot FROM held_against WHERE snapshot <> $1 ORDER BY snapshot";
    tx.all(sql, &args![current]).await?.iter().map(|row| row.text("snapshot")).collect()
}

/// Let nothing join the groups that this snapshot is to be held against.
pub(crate) async fn close(tx: &mut Tx, current: &str) -> Result<(), Error> {
    tx.execute("UPDATE held_against SET closed = TRUE WHERE snapshot <> $1", &args![current]).await?;
    Ok(())
}

/// The new snapshot says the same of everything that is still in the closed groups of the old one.
pub(crate) async fn confirm(tx: &mut Tx, old: &str, new: &str) -> Result<(), Error> {
    let sql = "UPDATE held_against SET snapshot = $2, closed = FALSE WHERE snapshot = $1 AND closed";
    tx.execute(sql, &args![old, new]).await?;
    Ok(())
}

/// Remove groups that nothing belongs to.
pub(crate) async fn forget_empty(tx: &mut Tx) -> Result<(), Error> {
    let sql = "DELETE FROM held_against WHERE id NOT IN (SELECT held FROM scans WHERE held IS NOT NULL)";
    tx.execute(sql, &[]).await?;
    Ok(())
}

/// A result that another snapshot has to be held against.
#[derive(Clone, Debug)]
pub(crate) struct Scanned {
    pub(crate) digest: Digest,
    pub(crate) inventory: String,
    pub(crate) totals: Totals,
    /// How much could not be looked at.
    gaps: usize,
}

impl Scanned {
    /// How the log writes it once a snapshot gave these totals.
    pub(crate) fn guard(&self, snapshot: &str, totals: &Totals) -> String {
        let unjudged = self.gaps + totals.unknown.len();
        guard_text(&self.inventory, snapshot, totals.counts, unjudged, &totals.fingerprint.to_hex())
    }
}

static IN_CLOSED: Bulk<1> = Bulk::new(
    "SELECT s.digest, s.inventory, s.critical, s.major, s.minor, s.unknown, s.unknowns, s.unjudged, s.fingerprint
     FROM scans s JOIN held_against h ON h.id = s.held
     WHERE s.inventory IN (VALUES {rows}) AND s.state = 'done' AND h.snapshot = $1 AND h.closed ORDER BY s.digest",
    1,
);

/// Results with these inventories that are in the closed groups of a snapshot.
pub(crate) async fn in_closed<'a>(
    tx: &mut Tx,
    snapshot: &str,
    inventories: impl Iterator<Item = &'a str>,
) -> Result<Vec<Scanned>, Error> {
    let rows: Vec<[Val; 1]> = inventories.map(|inventory| args![inventory]).collect();
    let found = IN_CLOSED.all(tx, &args![snapshot], &rows).await?;
    let scanned = |row: &db::Row| {
        Ok(Scanned {
            digest: row.parse("digest")?,
            inventory: row.text("inventory")?,
            totals: totals_of(row)?,
            gaps: gaps_of(row)?.len(),
        })
    };
    found.iter().map(scanned).collect()
}

static SET_MATCHED: Bulk<7> = Bulk::new(
    "UPDATE scans SET before_inventory = inventory, before_snapshot = $1, before_at = finished_at, snapshot = $2, held = $3,
       finished_at = $4, critical = v.column2, major = v.column3, minor = v.column4, unknown = v.column5,
       unjudged = v.column6, fingerprint = v.column7
     FROM (VALUES {rows}) AS v
     WHERE scans.digest = v.column1 AND scans.state = 'done'
       AND scans.held IN (SELECT id FROM held_against WHERE snapshot = $1 AND closed)
     RETURNING scans.digest",
    4,
);

/// Write what a new snapshot says of results in the closed groups of an old one. Gives those that still were there: one that was
/// scanned again meanwhile is not.
pub(crate) async fn set_matched(
    tx: &mut Tx,
    ctx: &Ctx,
    (old, new): (&str, &str),
    images: &[(Scanned, Totals)],
) -> Result<BTreeSet<Digest>, Error> {
    let row = |(image, totals): &(Scanned, Totals)| {
        let totals = Written::of(totals);
        let Written { critical, major, minor, unknown, unjudged, fingerprint } = totals;
        args![image.digest.as_str(), critical, major, minor, unknown, unjudged, fingerprint]
    };
    let rows: Vec<[Val; 7]> = images.iter().map(row).collect();
    let group = group_of(tx, new).await?;
    let written = SET_MATCHED.all(tx, &args![old, new, group, ctx.now], &rows).await?;
    written.iter().map(|row| row.parse("digest")).collect()
}
