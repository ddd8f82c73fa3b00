//! The SQL of scans.

mod attestations;
mod held;
mod history;
mod records;
mod settings;
mod subjects;
mod updates;

use advisory::Unknown;
use base::Ctx;
use db::{Error, Row, Schema, Tx, args};
use inventory::SCANNER_VERSION;
use oci::Digest;
use policy::Counts;

use crate::{
    State, Summary,
    jobs::Renew,
    judgement::{Fingerprint, Totals},
    matching::Matched,
};

pub(crate) use attestations::{
    Known, attestation, attestations_wanted, attested, forget_attestations, has_other_attestations, known,
    set_attestation, want_all_attestations, want_attestations, want_other_attestations,
};
pub(crate) use held::{Scanned, close, confirm, forget_empty, group_of, in_closed, outdated, set_matched};
pub(crate) use history::{before, keep_before};
pub(crate) use records::{
    Packed, delete_layer, delete_older_images, delete_packed, insert_packed, is_record_named, layers_after, packed,
    snapshots_before,
};
pub(crate) use settings::{
    SETTINGS_KEY, see_version, set_settings, settings, settings_state, snapshot_history, version_seen,
};
pub(crate) use subjects::{
    Listed, image_inventory, insert_image_inventory, insert_subjects, listed, lists_after, subjects_after,
};
pub(crate) use updates::{
    Answered, Outcome, SnapshotRow, UPDATES_KEY, answered, current_snapshot, outcome, set_current_snapshot,
    set_progress, set_refused, set_taken, set_updates, updates, updates_state,
};

pub const SCHEMA: Schema = Schema {
    context: "scan",
    steps: &[
        "CREATE TABLE layer_inventories (
        layer TEXT NOT NULL, scanner_version BIGINT NOT NULL, inventory TEXT NOT NULL, size BIGINT NOT NULL,
        PRIMARY KEY (layer, scanner_version));
      CREATE TABLE scans (
        digest TEXT PRIMARY KEY, state TEXT NOT NULL, inventory TEXT, snapshot TEXT, distribution TEXT,
        critical BIGINT NOT NULL, major BIGINT NOT NULL, minor BIGINT NOT NULL, unknown BIGINT NOT NULL,
        unknowns TEXT NOT NULL, error TEXT, finished_at BIGINT);
      CREATE TABLE findings (
        digest TEXT NOT NULL REFERENCES scans (digest), position BIGINT NOT NULL, advisory TEXT NOT NULL,
        body TEXT NOT NULL, PRIMARY KEY (digest, position));
      CREATE INDEX findings_advisory ON findings (advisory);
      CREATE TABLE snapshots (
        digest TEXT PRIMARY KEY, name TEXT NOT NULL, size BIGINT NOT NULL, current BOOLEAN NOT NULL,
        adopted_at BIGINT NOT NULL)",
        // Findings follow from an inventory and a snapshot, so they are no rows any more: an image keeps their sum, and its
        // subjects. The old rows stay for the log, which guards them, until the image is scanned again.
        "ALTER TABLE scans ADD COLUMN scanner_version BIGINT NOT NULL DEFAULT 1;
      ALTER TABLE scans ADD COLUMN confirmed TEXT;
      ALTER TABLE scans ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '0';
      ALTER TABLE scans ADD COLUMN unjudged TEXT NOT NULL DEFAULT '[]';
      CREATE INDEX scans_inventory ON scans (inventory);
      CREATE TABLE image_inventories (
        layers TEXT NOT NULL, scanner_version BIGINT NOT NULL, inventory TEXT NOT NULL, size BIGINT NOT NULL,
        PRIMARY KEY (layers, scanner_version));
      CREATE TABLE subjects (id BIGINT PRIMARY KEY, body TEXT NOT NULL UNIQUE);
      CREATE TABLE inventory_subjects (inventory TEXT PRIMARY KEY, subjects BYTEA NOT NULL)",
        "CREATE TABLE scan_settings (
        id BIGINT PRIMARY KEY, enabled BOOLEAN NOT NULL, deadline_minutes BIGINT NOT NULL, sync_online BOOLEAN NOT NULL,
        auto_recheck BOOLEAN NOT NULL);
      CREATE TABLE snapshot_updates (id BIGINT PRIMARY KEY, error TEXT, at BIGINT NOT NULL);
      CREATE TABLE scanner_versions (version BIGINT PRIMARY KEY, seen_at BIGINT NOT NULL)",
        attestations::ATTESTATIONS_STEP,
        history::HISTORY_STEP,
        "ALTER TABLE snapshots ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE snapshots ADD COLUMN signed_by TEXT NOT NULL DEFAULT '';
      ALTER TABLE snapshot_updates ADD COLUMN asked_at BIGINT;
      ALTER TABLE snapshot_updates ADD COLUMN answered_at BIGINT;
      ALTER TABLE snapshot_updates ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE snapshot_updates ADD COLUMN progress TEXT;
      ALTER TABLE snapshot_updates ADD COLUMN answer TEXT;
      CREATE TABLE update_settings (
        id BIGINT PRIMARY KEY, urls TEXT NOT NULL, daily_at TEXT NOT NULL, trusted TEXT NOT NULL, stale_days BIGINT NOT NULL)",
        // Where inventories and listings lie packed, and what names a listing.
        "CREATE TABLE records (
        digest TEXT PRIMARY KEY, size BIGINT NOT NULL, packed TEXT NOT NULL, packed_size BIGINT NOT NULL);
      ALTER TABLE layer_inventories ADD COLUMN listing TEXT;
      CREATE INDEX layer_inventories_inventory ON layer_inventories (inventory);
      CREATE INDEX layer_inventories_listing ON layer_inventories (listing);
      CREATE INDEX image_inventories_inventory ON image_inventories (inventory)",
        held::HELD_STEP,
    ],
};

pub(crate) async fn layer_inventory(
    tx: &mut Tx,
    layer: &Digest,
    scanner_version: u32,
) -> Result<Option<Digest>, Error> {
    let row = tx
        .opt(
            "SELECT inventory FROM layer_inventories WHERE layer = $1 AND scanner_version = $2",
            &args![layer.to_string(), scanner_version],
        )
        .await?;
    row.map(|row| row.parse("inventory")).transpose()
}

pub(crate) async fn insert_layer_inventory(
    tx: &mut Tx,
    layer: &Digest,
    scanner_version: u32,
    (inventory, size): (&Digest, usize),
    listing: &Digest,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO layer_inventories (layer, scanner_version, inventory, size, listing) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (layer, scanner_version) DO NOTHING",
        &args![layer.to_string(), scanner_version, inventory.to_string(), int(size), listing.to_string()],
    )
    .await?;
    Ok(())
}

/// The digests of everything that is kept in files as it is: snapshots, and inventories of before there was a table of records.
pub(crate) async fn plain_records(tx: &mut Tx) -> Result<Vec<Digest>, Error> {
    let rows = tx
        .all(
            "SELECT digest FROM (SELECT inventory AS digest FROM layer_inventories
               UNION SELECT inventory FROM scans WHERE inventory IS NOT NULL
               UNION SELECT before_inventory FROM scans WHERE before_inventory IS NOT NULL
               UNION SELECT digest FROM snapshots) AS kept
             WHERE NOT EXISTS (SELECT 1 FROM records WHERE records.digest = kept.digest)",
            &[],
        )
        .await?;
    rows.iter().map(|row| row.parse("digest")).collect()
}

/// Note that a scan was asked for, unless its result is there already. Gives whether it was noted.
pub(crate) async fn set_pending(tx: &mut Tx, digest: &Digest) -> Result<bool, Error> {
    let noted = tx
        .execute(
            "INSERT INTO scans (digest, state, critical, major, minor, unknown, unknowns)
             VALUES ($1, 'pending', 0, 0, 0, 0, '[]')
             ON CONFLICT (digest) DO UPDATE SET state = 'pending', error = NULL WHERE scans.state = 'failed'",
            &args![digest.to_string()],
        )
        .await?;
    Ok(noted > 0)
}

pub(crate) async fn set_failed(tx: &mut Tx, ctx: &Ctx, digest: &Digest, error: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO scans (digest, state, critical, major, minor, unknown, unknowns, error, finished_at)
         VALUES ($1, 'failed', 0, 0, 0, 0, '[]', $2, $3)
         ON CONFLICT (digest) DO UPDATE SET state = 'failed', held = NULL, error = excluded.error,
           finished_at = excluded.finished_at",
        &args![digest.to_string(), error, ctx.now],
    )
    .await?;
    Ok(())
}

/// What a scan gave.
#[derive(Clone, Debug)]
pub(crate) struct Inspected {
    pub(crate) inventory: Digest,
    pub(crate) snapshot: String,
    pub(crate) distribution: Option<String>,
    pub(crate) matched: Matched,
}

pub(crate) async fn set_done(tx: &mut Tx, ctx: &Ctx, digest: &Digest, result: &Inspected) -> Result<(), Error> {
    keep_before(tx, digest, &result.inventory, &result.snapshot).await?;
    let gaps = serde_json::to_string(&result.matched.gaps).expect("a list of texts");
    let totals = Written::of(&result.matched.totals);
    let group = group_of(tx, &result.snapshot).await?;
    tx.execute(
        "INSERT INTO scans
           (digest, state, inventory, snapshot, held, distribution, critical, major, minor, unknown, unknowns, unjudged,
            fingerprint, scanner_version, finished_at)
         VALUES ($1, 'done', $2, $3, $14, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (digest) DO UPDATE SET state = 'done', inventory = excluded.inventory, snapshot = excluded.snapshot,
           held = excluded.held, distribution = excluded.distribution, critical = excluded.critical,
           major = excluded.major, minor = excluded.minor, unknown = excluded.unknown, unknowns = excluded.unknowns,
           unjudged = excluded.unjudged, fingerprint = excluded.fingerprint, scanner_version = excluded.scanner_version,
           error = NULL, finished_at = excluded.finished_at",
        &args![
            digest.to_string(),
            result.inventory.to_string(),
            &result.snapshot,
            result.distribution.as_ref(),
            totals.critical,
            totals.major,
            totals.minor,
            totals.unknown,
            gaps,
            totals.unjudged,
            totals.fingerprint,
            SCANNER_VERSION,
            ctx.now,
            group
        ],
    )
    .await?;
    tx.execute("DELETE FROM findings WHERE digest = $1", &args![digest.to_string()]).await?;
    Ok(())
}

/// What this version of the scanner and this snapshot gave for an image with this inventory, if there is one.
pub(crate) async fn result_with(tx: &mut Tx, inventory: &Digest, snapshot: &str) -> Result<Option<Inspected>, Error> {
    let sql = "SELECT s.* FROM scans s JOIN held_against h ON h.id = s.held
         WHERE s.inventory = $1 AND s.state = 'done' AND s.scanner_version = $2 AND h.snapshot = $3 LIMIT 1";
    let row = tx.opt(sql, &args![inventory.as_str(), SCANNER_VERSION, snapshot]).await?;
    let inspected = |row: Row| {
        Ok(Inspected {
            inventory: inventory.clone(),
            snapshot: snapshot.to_owned(),
            distribution: row.opt_text("distribution")?,
            matched: Matched { totals: totals_of(&row)?, gaps: gaps_of(&row)? },
        })
    };
    row.map(inspected).transpose()
}

/// Totals as columns hold them.
struct Written {
    critical: i64,
    major: i64,
    minor: i64,
    unknown: i64,
    unjudged: String,
    fingerprint: String,
}

impl Written {
    fn of(totals: &Totals) -> Written {
        let counts = totals.counts;
        let unjudged: Vec<_> = totals.unknown.iter().collect();
        Written {
            critical: count(counts.critical),
            major: count(counts.major),
            minor: count(counts.minor),
            unknown: count(counts.unknown),
            unjudged: serde_json::to_string(&unjudged).expect("reasons always serialise"),
            fingerprint: totals.fingerprint.to_hex(),
        }
    }
}

pub(crate) async fn summary(tx: &mut Tx, digest: &Digest) -> Result<Option<Summary>, Error> {
    let sql = "SELECT s.*, h.snapshot AS held_against FROM scans s LEFT JOIN held_against h ON h.id = s.held WHERE s.digest = $1";
    let row = tx.opt(sql, &args![digest.to_string()]).await?;
    row.as_ref().map(summary_of).transpose()
}

fn summary_of(row: &Row) -> Result<Summary, Error> {
    let totals = totals_of(row)?;
    let mut unknown = gaps_of(row)?;
    unknown.extend(totals.sentences());
    Ok(Summary {
        digest: row.text("digest")?,
        state: row.parse("state")?,
        counts: totals.counts,
        inventory: row.opt_text("inventory")?,
        snapshot: match row.opt_text("held_against")? {
            Some(snapshot) => Some(snapshot),
            None => row.opt_text("snapshot")?,
        },
        snapshot_label: None,
        outdated: false,
        distribution: row.opt_text("distribution")?,
        unknown,
        error: row.opt_text("error")?,
        finished_at: row.opt_time("finished_at")?,
    })
}

/// What could not be looked at, in sentences.
fn gaps_of(row: &Row) -> Result<Vec<String>, Error> {
    json(row, "unknowns")
}

fn totals_of(row: &Row) -> Result<Totals, Error> {
    let number = |column| Ok::<_, Error>(row.int(column)?.unsigned_abs());
    let unjudged: Vec<(Unknown, u64)> = json(row, "unjudged")?;
    let fingerprint = row.text("fingerprint")?;
    Ok(Totals {
        counts: Counts {
            critical: number("critical")?,
            major: number("major")?,
            minor: number("minor")?,
            unknown: number("unknown")?,
            waived: 0,
        },
        fingerprint: Fingerprint::from_hex(&fingerprint)
            .ok_or_else(|| Error::Corrupt(format!("{fingerprint:?} is no sum of findings")))?,
        unknown: unjudged.into_iter().collect(),
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Result<T, Error> {
    serde_json::from_str(&row.text(column)?).map_err(|error| Error::Corrupt(format!("column {column}: {error}")))
}

/// Images with a completed scan, after `after`, by digest.
pub(crate) async fn scanned(tx: &mut Tx, which: &Renew, after: &str, limit: i64) -> Result<Vec<Digest>, Error> {
    let older_than = match which {
        Renew::All => SCANNER_VERSION + 1,
        Renew::Outdated => SCANNER_VERSION,
    };
    let sql = "SELECT digest FROM scans WHERE state = 'done' AND scanner_version < $1 AND digest > $2 ORDER BY digest LIMIT $3";
    let rows = tx.all(sql, &args![older_than, after, limit]).await?;
    rows.iter().map(|row| row.parse("digest")).collect()
}

/// Whether an older version of the scanner made the result that stands.
pub(crate) async fn is_of_older_scanner(tx: &mut Tx, digest: &Digest) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM scans WHERE digest = $1 AND scanner_version < $2";
    Ok(tx.opt(sql, &args![digest.to_string(), SCANNER_VERSION]).await?.is_some())
}

/// The present state under the keys that this context's audit entries set.
pub(crate) async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
    let mut state = Vec::new();
    if let Some(current) = current_snapshot(tx).await? {
        state.push(("scan/snapshot".to_owned(), current.guard()));
    }
    state.extend(settings_state(tx).await?);
    state.extend(updates_state(tx).await?);
    for row in tx.all("SELECT * FROM scans WHERE state <> 'pending'", &[]).await? {
        let digest: Digest = row.parse("digest")?;
        state.push((format!("scan/image/{digest}"), guarded(tx, &row).await?));
    }
    Ok(state)
}

/// How the log writes the result of a scan: its inputs, its counts, and the sum of every finding.
pub(crate) async fn guard(tx: &mut Tx, digest: &Digest) -> Result<String, Error> {
    let row = tx.one("SELECT * FROM scans WHERE digest = $1", &args![digest.to_string()]).await?;
    guarded(tx, &row).await
}

async fn guarded(tx: &mut Tx, row: &Row) -> Result<String, Error> {
    if row.parse::<State>("state")? == State::Failed {
        return Ok("failed".to_owned());
    }
    let totals = totals_of(row)?;
    let findings = match row.int("scanner_version")? {
        1 => old_findings(tx, &row.text("digest")?).await?,
        _ => totals.fingerprint.to_hex(),
    };
    let (inventory, snapshot) = (row.opt_text("inventory")?, row.opt_text("snapshot")?);
    let [inventory, snapshot] = [inventory, snapshot].map(|digest| digest.unwrap_or_else(|| "-".to_owned()));
    let unjudged = gaps_of(row)?.len() + totals.unknown.len();
    Ok(guard_text(&inventory, &snapshot, totals.counts, unjudged, &findings))
}

fn guard_text(inventory: &str, snapshot: &str, counts: Counts, unjudged: usize, findings: &str) -> String {
    let Counts { critical, major, minor, unknown, waived: _ } = counts;
    format!(
        "inventory {inventory} snapshot {snapshot} critical {critical} major {major} minor {minor} unknown {unknown} \
         unjudged {unjudged} findings {findings}"
    )
}

/// The digest that the first scanner wrote over the list of its findings.
async fn old_findings(tx: &mut Tx, digest: &str) -> Result<String, Error> {
    let rows = tx.all("SELECT body FROM findings WHERE digest = $1 ORDER BY position", &args![digest]).await?;
    let bodies = rows.iter().map(|row| row.text("body")).collect::<Result<Vec<_>, _>>()?;
    Ok(base::digest_hex(format!("[{}]", bodies.join(",")).as_bytes()))
}

fn int(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
