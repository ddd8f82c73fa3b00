//! The SQL of the log.

use std::collections::{BTreeMap, BTreeSet};

use base::{Ctx, Id, limits};
use db::{Bulk, Error, Row, Schema, Tx, Val, args};

use crate::{Entry, Filter, StoredEntry};

pub const SCHEMA: Schema = Schema {
    context: "audit",
    steps: &["CREATE TABLE audit_entries (
        id TEXT PRIMARY KEY, at BIGINT NOT NULL, ordinal BIGINT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL,
        body TEXT NOT NULL, log_index BIGINT UNIQUE);
      CREATE INDEX audit_unsequenced ON audit_entries (ordinal, id) WHERE log_index IS NULL;
      CREATE TABLE audit_subjects (
        subject TEXT NOT NULL, entry TEXT NOT NULL REFERENCES audit_entries (id), PRIMARY KEY (subject, entry));
      CREATE INDEX audit_subjects_entry ON audit_subjects (entry);
      CREATE TABLE audit_log (
        one BIGINT PRIMARY KEY, size BIGINT NOT NULL, frontier BYTEA NOT NULL, checkpoint TEXT NOT NULL)"],
};

/// The row of the log as it is stored; nothing in it is checked.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub size: i64,
    pub frontier: Vec<u8>,
    pub checkpoint: String,
}

/// An entry with the rows of `audit_subjects` that point to it.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub entry: StoredEntry,
    pub subjects: BTreeSet<String>,
}

static INSERT_SUBJECTS: Bulk<2> = Bulk::new("INSERT INTO audit_subjects (subject, entry) VALUES {rows}", 0);

pub(crate) async fn insert(
    tx: &mut Tx,
    ctx: &Ctx,
    id: &Id<Entry>,
    kind: &str,
    body: &str,
    subjects: &[String],
    ordinal: i64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO audit_entries (id, at, ordinal, kind, actor, body) VALUES ($1, $2, $3, $4, $5, $6)",
        &args![id, ctx.now, ordinal, kind, ctx.actor.label(), body],
    )
    .await?;
    let rows: Vec<[Val; 2]> = subjects.iter().map(|subject| args![subject, id]).collect();
    INSERT_SUBJECTS.execute(tx, &[], &rows).await?;
    Ok(())
}

// ── the sequencer ───────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn head(tx: &mut Tx) -> Result<Option<Head>, Error> {
    let row = tx.opt("SELECT size, frontier, checkpoint FROM audit_log WHERE one = 1", &[]).await?;
    row.map(|row| {
        Ok(Head { size: row.int("size")?, frontier: row.bytes("frontier")?, checkpoint: row.text("checkpoint")? })
    })
    .transpose()
}

/// Write the first row of the log; another replica may have been faster.
pub(crate) async fn insert_head(tx: &mut Tx, head: &Head) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO audit_log (one, size, frontier, checkpoint) VALUES (1, $1, $2, $3) ON CONFLICT (one) DO NOTHING",
        &args![head.size, &head.frontier, &head.checkpoint],
    )
    .await?;
    Ok(())
}

/// Replace the row of the log if its size is still `old_size`; gives whether it was.
pub(crate) async fn advance_head(tx: &mut Tx, old_size: i64, head: &Head) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "UPDATE audit_log SET size = $2, frontier = $3, checkpoint = $4 WHERE one = 1 AND size = $1",
            &args![old_size, head.size, &head.frontier, &head.checkpoint],
        )
        .await?;
    Ok(changed == 1)
}

/// Entries without an index after `(ordinal, id)`, in the order in which they get one.
pub(crate) async fn unsequenced(
    tx: &mut Tx,
    after: (i64, &str),
    limit: usize,
) -> Result<Vec<(i64, StoredEntry)>, Error> {
    let rows = tx
        .all(
            "SELECT id, at, ordinal, kind, actor, body, log_index FROM audit_entries
             WHERE log_index IS NULL AND (ordinal > $1 OR (ordinal = $1 AND id > $2)) ORDER BY ordinal, id LIMIT $3",
            &args![after.0, after.1, bounded(limit)],
        )
        .await?;
    rows.iter().map(|row| Ok((row.int("ordinal")?, stored(row)?))).collect()
}

/// The largest ordinal that waits for an index.
pub(crate) async fn last_ordinal(tx: &mut Tx) -> Result<Option<i64>, Error> {
    let row = tx.one("SELECT MAX(ordinal) AS last FROM audit_entries WHERE log_index IS NULL", &[]).await?;
    row.opt_int("last")
}

/// Give an entry its index; gives whether it had none.
pub(crate) async fn set_index(tx: &mut Tx, id: &str, index: i64) -> Result<bool, Error> {
    let changed = tx
        .execute("UPDATE audit_entries SET log_index = $2 WHERE id = $1 AND log_index IS NULL", &args![id, index])
        .await?;
    Ok(changed == 1)
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The bodies from index `first` to before `end`, with their indexes, in order.
pub(crate) async fn bodies(tx: &mut Tx, first: i64, end: i64) -> Result<Vec<(i64, String)>, Error> {
    let rows = tx
        .all(
            "SELECT log_index, body FROM audit_entries WHERE log_index >= $1 AND log_index < $2 ORDER BY log_index",
            &args![first, end],
        )
        .await?;
    rows.iter().map(|row| Ok((row.int("log_index")?, row.text("body")?))).collect()
}

pub(crate) async fn entry(tx: &mut Tx, id: &str) -> Result<Option<StoredEntry>, Error> {
    let row =
        tx.opt("SELECT id, at, kind, actor, body, log_index FROM audit_entries WHERE id = $1", &args![id]).await?;
    row.as_ref().map(stored).transpose()
}

/// Entries whose id is not behind this one, the newest first.
pub(crate) async fn backwards(
    tx: &mut Tx,
    subject: Option<&str>,
    from: &str,
    limit: usize,
) -> Result<Vec<StoredEntry>, Error> {
    let rows = match subject {
        Some(subject) => {
            tx.all(
                "SELECT e.id, e.at, e.kind, e.actor, e.body, e.log_index
                 FROM audit_subjects s JOIN audit_entries e ON e.id = s.entry
                 WHERE s.subject = $1 AND s.entry <= $2 ORDER BY s.entry DESC LIMIT $3",
                &args![subject, from, bounded(limit)],
            )
            .await?
        }
        None => {
            tx.all(
                "SELECT id, at, kind, actor, body, log_index FROM audit_entries WHERE id <= $1 ORDER BY id DESC LIMIT $2",
                &args![from, bounded(limit)],
            )
            .await?
        }
    };
    rows.iter().map(stored).collect()
}

pub(crate) async fn entry_at(tx: &mut Tx, index: i64) -> Result<Option<StoredEntry>, Error> {
    let row = tx
        .opt("SELECT id, at, kind, actor, body, log_index FROM audit_entries WHERE log_index = $1", &args![index])
        .await?;
    row.as_ref().map(stored).transpose()
}

/// Sequenced entries between two indexes, both excluded.
pub(crate) async fn entries(
    tx: &mut Tx,
    filter: &Filter,
    after: i64,
    before: i64,
    limit: usize,
) -> Result<Vec<StoredEntry>, Error> {
    let args =
        args![after, before, filter.kind.as_ref(), filter.actor.as_ref(), filter.subject.as_ref(), bounded(limit)];
    let sql = if filter.newest_first {
        "SELECT id, at, kind, actor, body, log_index FROM audit_entries
         WHERE log_index > $1 AND log_index < $2 AND ($3 IS NULL OR kind = $3) AND ($4 IS NULL OR actor = $4)
           AND ($5 IS NULL OR id IN (SELECT entry FROM audit_subjects WHERE subject = $5))
         ORDER BY log_index DESC LIMIT $6"
    } else {
        "SELECT id, at, kind, actor, body, log_index FROM audit_entries
         WHERE log_index > $1 AND log_index < $2 AND ($3 IS NULL OR kind = $3) AND ($4 IS NULL OR actor = $4)
           AND ($5 IS NULL OR id IN (SELECT entry FROM audit_subjects WHERE subject = $5))
         ORDER BY log_index LIMIT $6"
    };
    tx.all(sql, &args).await?.iter().map(stored).collect()
}

/// Entries about a subject that have an index after this one, in the order of the log.
pub(crate) async fn about(tx: &mut Tx, subject: &str, after: i64, limit: usize) -> Result<Vec<StoredEntry>, Error> {
    let rows = tx
        .all(
            "SELECT e.id, e.at, e.kind, e.actor, e.body, e.log_index FROM audit_subjects s
             JOIN audit_entries e ON e.id = s.entry WHERE s.subject = $1 AND e.log_index > $2
             ORDER BY e.log_index LIMIT $3",
            &args![subject, after, bounded(limit)],
        )
        .await?;
    rows.iter().map(stored).collect()
}

/// Entries about a subject that wait for an index, in the order they will get one.
pub(crate) async fn waiting_about(tx: &mut Tx, subject: &str, limit: usize) -> Result<Vec<StoredEntry>, Error> {
    let rows = tx
        .all(
            "SELECT e.id, e.at, e.kind, e.actor, e.body, e.log_index FROM audit_subjects s
             JOIN audit_entries e ON e.id = s.entry WHERE s.subject = $1 AND e.log_index IS NULL
             ORDER BY e.ordinal, e.id LIMIT $2",
            &args![subject, bounded(limit)],
        )
        .await?;
    rows.iter().map(stored).collect()
}

// ── verification ────────────────────────────────────────────────────────────────────────────────────────────────────

/// How many entries have an index.
pub(crate) async fn count_sequenced(tx: &mut Tx) -> Result<i64, Error> {
    tx.one("SELECT COUNT(log_index) AS count FROM audit_entries", &[]).await?.int("count")
}

/// Entries whose index no log of this size has.
pub(crate) async fn outside(tx: &mut Tx, size: i64) -> Result<Vec<(String, i64)>, Error> {
    let rows = tx
        .all(
            "SELECT id, log_index FROM audit_entries WHERE log_index >= $1 OR log_index < 0 ORDER BY log_index LIMIT $2",
            &args![size, bounded(limits::AUDIT_PROBLEMS)],
        )
        .await?;
    rows.iter().map(|row| Ok((row.text("id")?, row.int("log_index")?))).collect()
}

/// Entries from index `first` to before `end` with their subjects, in order.
pub(crate) async fn kept(tx: &mut Tx, first: i64, end: i64) -> Result<Vec<Kept>, Error> {
    let mut subjects: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let rows = tx
        .all(
            "SELECT s.entry, s.subject FROM audit_entries e JOIN audit_subjects s ON s.entry = e.id
             WHERE e.log_index >= $1 AND e.log_index < $2",
            &args![first, end],
        )
        .await?;
    for row in &rows {
        subjects.entry(row.text("entry")?).or_default().insert(row.text("subject")?);
    }
    let rows = tx
        .all(
            "SELECT id, at, kind, actor, body, log_index FROM audit_entries
             WHERE log_index >= $1 AND log_index < $2 ORDER BY log_index",
            &args![first, end],
        )
        .await?;
    let keep = |row| {
        let entry = stored(row)?;
        Ok(Kept { subjects: subjects.remove(&entry.id).unwrap_or_default(), entry })
    };
    rows.iter().map(keep).collect()
}

pub(crate) async fn subjects(tx: &mut Tx, entry: &str) -> Result<BTreeSet<String>, Error> {
    let rows = tx.all("SELECT subject FROM audit_subjects WHERE entry = $1", &args![entry]).await?;
    rows.iter().map(|row| row.text("subject")).collect()
}

fn stored(row: &Row) -> Result<StoredEntry, Error> {
    let index = row.opt_int("log_index")?;
    Ok(StoredEntry {
        id: row.text("id")?,
        index: index.and_then(|index| u64::try_from(index).ok()),
        at: row.time("at")?,
        kind: row.text("kind")?,
        actor: row.text("actor")?,
        body: row.text("body")?,
    })
}

fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
