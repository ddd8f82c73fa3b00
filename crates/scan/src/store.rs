//! The SQL of scans.

use base::Ctx;
use db::{Error, Row, Schema, Tx, args};
use oci::Digest;
use policy::Counts;

use crate::{ImageFinding, State, Summary, matching::Matched};

pub const SCHEMA: Schema = Schema {
    context: "scan",
    steps: &["CREATE TABLE layer_inventories (
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
        adopted_at BIGINT NOT NULL)"],
};

pub(crate) async fn layer_inventory(
    tx: &mut Tx,
    layer: &Digest,
    scanner_version: u32,
) -> Result<Option<(Digest, u64)>, Error> {
    let row = tx
        .opt(
            "SELECT inventory, size FROM layer_inventories WHERE layer = $1 AND scanner_version = $2",
            &args![layer.to_string(), scanner_version],
        )
        .await?;
    row.map(|row| Ok((row.parse("inventory")?, row.int("size")?.unsigned_abs()))).transpose()
}

pub(crate) async fn insert_layer_inventory(
    tx: &mut Tx,
    layer: &Digest,
    scanner_version: u32,
    inventory: &Digest,
    size: usize,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO layer_inventories (layer, scanner_version, inventory, size) VALUES ($1, $2, $3, $4)
         ON CONFLICT (layer, scanner_version) DO NOTHING",
        &args![layer.to_string(), scanner_version, inventory.to_string(), int(size)],
    )
    .await?;
    Ok(())
}

/// The digests of everything that is kept in files: inventories of layers and images, snapshots.
pub(crate) async fn records(tx: &mut Tx) -> Result<Vec<Digest>, Error> {
    let rows = tx
        .all(
            "SELECT inventory AS digest FROM layer_inventories
             UNION SELECT inventory FROM scans WHERE inventory IS NOT NULL UNION SELECT digest FROM snapshots",
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
         ON CONFLICT (digest) DO UPDATE SET state = 'failed', error = excluded.error, finished_at = excluded.finished_at",
        &args![digest.to_string(), error, ctx.now],
    )
    .await?;
    Ok(())
}

/// What a scan gave, beside its findings.
#[derive(Clone, Debug)]
pub(crate) struct Inspected<'a> {
    pub(crate) inventory: &'a Digest,
    pub(crate) snapshot: &'a str,
    pub(crate) distribution: Option<&'a str>,
    pub(crate) matched: &'a Matched,
}

pub(crate) async fn set_done(tx: &mut Tx, ctx: &Ctx, digest: &Digest, result: &Inspected<'_>) -> Result<(), Error> {
    let counts = result.matched.counts;
    let unknowns = serde_json::to_string(&result.matched.unknown).expect("a list of texts");
    tx.execute(
        "INSERT INTO scans
           (digest, state, inventory, snapshot, distribution, critical, major, minor, unknown, unknowns, finished_at)
         VALUES ($1, 'done', $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (digest) DO UPDATE SET state = 'done', inventory = excluded.inventory, snapshot = excluded.snapshot,
           distribution = excluded.distribution, critical = excluded.critical, major = excluded.major,
           minor = excluded.minor, unknown = excluded.unknown, unknowns = excluded.unknowns, error = NULL,
           finished_at = excluded.finished_at",
        &args![
            digest.to_string(),
            result.inventory.to_string(),
            result.snapshot,
            result.distribution,
            count(counts.critical),
            count(counts.major),
            count(counts.minor),
            count(counts.unknown),
            unknowns,
            ctx.now
        ],
    )
    .await?;
    tx.execute("DELETE FROM findings WHERE digest = $1", &args![digest.to_string()]).await?;
    for (position, finding) in result.matched.findings.iter().enumerate() {
        let body = serde_json::to_string(finding).expect("a finding has only text keys");
        tx.execute(
            "INSERT INTO findings (digest, position, advisory, body) VALUES ($1, $2, $3, $4)",
            &args![digest.to_string(), int(position), &finding.advisory, body],
        )
        .await?;
    }
    Ok(())
}

pub(crate) async fn summary(tx: &mut Tx, digest: &Digest) -> Result<Option<Summary>, Error> {
    let row = tx.opt("SELECT * FROM scans WHERE digest = $1", &args![digest.to_string()]).await?;
    row.as_ref().map(summary_of).transpose()
}

/// Completed scans after `after`, by digest.
pub(crate) async fn done(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Summary>, Error> {
    let sql = "SELECT * FROM scans WHERE state = 'done' AND digest > $1 ORDER BY digest LIMIT $2";
    tx.all(sql, &args![after, limit]).await?.iter().map(summary_of).collect()
}

fn summary_of(row: &Row) -> Result<Summary, Error> {
    let number = |column| Ok::<_, Error>(row.int(column)?.unsigned_abs());
    Ok(Summary {
        digest: row.text("digest")?,
        state: row.parse("state")?,
        counts: Counts {
            critical: number("critical")?,
            major: number("major")?,
            minor: number("minor")?,
            unknown: number("unknown")?,
            waived: 0,
        },
        inventory: row.opt_text("inventory")?,
        snapshot: row.opt_text("snapshot")?,
        snapshot_label: None,
        distribution: row.opt_text("distribution")?,
        unknown: serde_json::from_str(&row.text("unknowns")?).map_err(|error| Error::Corrupt(error.to_string()))?,
        error: row.opt_text("error")?,
        finished_at: row.opt_time("finished_at")?,
    })
}

pub(crate) async fn findings(tx: &mut Tx, digest: &Digest) -> Result<Vec<ImageFinding>, Error> {
    let sql = "SELECT body FROM findings WHERE digest = $1 ORDER BY position";
    let rows = tx.all(sql, &args![digest.to_string()]).await?;
    rows.iter()
        .map(|row| serde_json::from_str(&row.text("body")?).map_err(|error| Error::Corrupt(error.to_string())))
        .collect()
}

/// The snapshot that is in use.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotRow {
    pub(crate) digest: String,
    pub(crate) name: String,
    pub(crate) size: u64,
}

pub(crate) async fn current_snapshot(tx: &mut Tx) -> Result<Option<SnapshotRow>, Error> {
    let row = tx.opt("SELECT digest, name, size FROM snapshots WHERE current", &[]).await?;
    row.map(|row| {
        let size = row.int("size")?.unsigned_abs();
        Ok(SnapshotRow { digest: row.text("digest")?, name: row.text("name")?, size })
    })
    .transpose()
}

pub(crate) async fn set_current_snapshot(
    tx: &mut Tx,
    ctx: &Ctx,
    digest: &str,
    name: &str,
    size: usize,
) -> Result<(), Error> {
    tx.execute("UPDATE snapshots SET current = FALSE WHERE current", &[]).await?;
    tx.execute(
        "INSERT INTO snapshots (digest, name, size, current, adopted_at) VALUES ($1, $2, $3, TRUE, $4)
         ON CONFLICT (digest) DO UPDATE SET current = TRUE, adopted_at = excluded.adopted_at",
        &args![digest, name, int(size), ctx.now],
    )
    .await?;
    Ok(())
}

/// The present state under the keys that this context's audit entries set.
pub(crate) async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
    let mut state = Vec::new();
    if let Some(current) = current_snapshot(tx).await? {
        state.push(("scan/snapshot".to_owned(), current.digest));
    }
    for row in tx.all("SELECT * FROM scans WHERE state <> 'pending'", &[]).await? {
        let summary = summary_of(&row)?;
        let digest: Digest = row.parse("digest")?;
        let findings = findings(tx, &digest).await?;
        state.push((format!("scan/image/{digest}"), guarded(&summary, &findings)));
    }
    Ok(state)
}

/// How the log writes the result of a scan: its inputs, its counts, and a digest over every finding.
pub(crate) fn guarded(summary: &Summary, findings: &[ImageFinding]) -> String {
    if summary.state == State::Failed {
        return "failed".to_owned();
    }
    let counts = summary.counts;
    let findings = serde_json::to_vec(findings).expect("a finding has only text keys");
    format!(
        "inventory {} snapshot {} critical {} major {} minor {} unknown {} unjudged {} findings {}",
        summary.inventory.as_deref().unwrap_or("-"),
        summary.snapshot.as_deref().unwrap_or("-"),
        counts.critical,
        counts.major,
        counts.minor,
        counts.unknown,
        summary.unknown.len(),
        base::digest_hex(&findings)
    )
}

fn int(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
