//! The SQL of stored bytes: what is known of them, when they were compared with their digests, their copies in the replica
//! store.

use base::Timestamp;
use db::{Row, Tx, args};
use oci::{Algorithm, Digest};

use super::{bytes_of, stored};
use crate::{Error, copies::Standing};

type Result<T> = std::result::Result<T, db::Error>;

/// `stored` counts pushes of the bytes after the first. `replica_at` is when the copy in the replica store was last known to be whole; none is known where it is NULL. The table
/// `replica_store` has one row, the place that this is about.
pub(super) const REPLICA_STEP: &str = "ALTER TABLE blobs ADD COLUMN stored BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE blobs ADD COLUMN replica_at BIGINT;
      CREATE INDEX blobs_replica ON blobs (replica_at, digest);
      CREATE INDEX blobs_damaged ON blobs (digest) WHERE damaged_at IS NOT NULL;
      CREATE TABLE replica_store (id BIGINT PRIMARY KEY, place TEXT NOT NULL)";

/// Note that bytes are stored, or stored anew and so whole again.
pub(crate) async fn note_bytes(
    tx: &mut Tx,
    digest: &Digest,
    size: u64,
    now: Timestamp,
) -> std::result::Result<(), Error> {
    let noted = tx
        .execute(
            "INSERT INTO blobs (digest, size, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (digest) DO UPDATE SET size = excluded.size, damaged_at = NULL, stored = blobs.stored + 1
                WHERE NOT blobs.sweeping",
            &args![digest.as_str(), stored(size)?, now],
        )
        .await?;
    if noted == 0 { Err(Error::Sweeping(digest.clone())) } else { Ok(()) }
}

pub(crate) async fn bytes_size(tx: &mut Tx, digest: &Digest) -> Result<Option<u64>> {
    let row = tx.opt("SELECT size FROM blobs WHERE digest = $1", &args![digest.as_str()]).await?;
    row.map(|row| bytes_of(&row, "size")).transpose()
}

/// Bytes that are to be here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) size: u64,
    /// Another number later means that they were pushed meanwhile.
    pub(crate) stored: i64,
}

/// Not those that garbage collection is removing.
pub(crate) async fn kept(tx: &mut Tx, digest: &Digest) -> Result<Option<Kept>> {
    let sql = "SELECT size, stored FROM blobs WHERE digest = $1 AND NOT sweeping";
    let row = tx.opt(sql, &args![digest.as_str()]).await?;
    row.map(|row| Ok(Kept { size: bytes_of(&row, "size")?, stored: row.int("stored")? })).transpose()
}

fn sized(rows: &[Row]) -> Result<Vec<(Digest, u64)>> {
    rows.iter().map(|row| Ok((row.parse("digest")?, bytes_of(row, "size")?))).collect()
}

// ── damage ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Bytes that were last read before this time, the longest ago first.
pub(crate) async fn unchecked(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<Vec<(Digest, u64)>> {
    let sql =
        "SELECT digest, size FROM blobs WHERE checked_at < $1 AND NOT sweeping ORDER BY checked_at, digest LIMIT $2";
    sized(&tx.all(sql, &args![before, limit]).await?)
}

pub(crate) async fn set_checked(tx: &mut Tx, digest: &Digest, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE blobs SET checked_at = $2 WHERE digest = $1", &args![digest.as_str(), now]).await?;
    Ok(())
}

pub(crate) async fn is_damaged(tx: &mut Tx, digest: &Digest) -> Result<bool> {
    let sql = "SELECT 1 AS one FROM blobs WHERE digest = $1 AND damaged_at IS NOT NULL";
    Ok(tx.opt(sql, &args![digest.as_str()]).await?.is_some())
}

/// Gives whether that was not known yet, of bytes that were not pushed again since they were read.
pub(crate) async fn set_damaged(tx: &mut Tx, digest: &Digest, read: Kept, now: Timestamp) -> Result<bool> {
    let sql =
        "UPDATE blobs SET damaged_at = $3 WHERE digest = $1 AND stored = $2 AND damaged_at IS NULL AND NOT sweeping";
    Ok(tx.execute(sql, &args![digest.as_str(), read.stored, now]).await? > 0)
}

/// Gives whether it was damaged before.
pub(crate) async fn set_healed(tx: &mut Tx, digest: &Digest) -> Result<bool> {
    let sql = "UPDATE blobs SET damaged_at = NULL WHERE digest = $1 AND damaged_at IS NOT NULL AND NOT sweeping";
    Ok(tx.execute(sql, &args![digest.as_str()]).await? > 0)
}

/// Damaged bytes of which the replica store has a copy.
pub(crate) async fn curable(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Digest>> {
    let sql = "SELECT digest FROM blobs WHERE damaged_at IS NOT NULL AND replica_at IS NOT NULL AND NOT sweeping
         AND digest > $1 ORDER BY digest LIMIT $2";
    let rows = tx.all(sql, &args![after, limit]).await?;
    rows.iter().map(|row| row.parse("digest")).collect()
}

// ── copies in the replica store ─────────────────────────────────────────────────────────────────────────────────────

/// Where the copies are from now on. In another place than before there are none yet; gives whether it is one.
pub(crate) async fn use_replica_store(tx: &mut Tx, place: &str) -> Result<bool> {
    let same = tx.opt("SELECT 1 AS one FROM replica_store WHERE place = $1", &args![place]).await?.is_some();
    if !same {
        tx.execute("UPDATE blobs SET replica_at = NULL WHERE replica_at IS NOT NULL", &[]).await?;
        tx.execute(
            "INSERT INTO replica_store (id, place) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET place = excluded.place",
            &args![place],
        )
        .await?;
    }
    Ok(!same)
}

/// Bytes without a copy. Damaged ones have nothing that could be copied.
pub(crate) async fn uncopied(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<(Digest, u64)>> {
    let sql = "SELECT digest, size FROM blobs WHERE replica_at IS NULL AND damaged_at IS NULL AND NOT sweeping
         AND digest > $1 ORDER BY digest LIMIT $2";
    sized(&tx.all(sql, &args![after, limit]).await?)
}

pub(crate) async fn has_copy(tx: &mut Tx, digest: &Digest) -> Result<bool> {
    let sql = "SELECT 1 AS one FROM blobs WHERE digest = $1 AND replica_at IS NOT NULL AND NOT sweeping";
    Ok(tx.opt(sql, &args![digest.as_str()]).await?.is_some())
}

/// Copies that were last read before this time, the longest ago first.
pub(crate) async fn copied_before(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<Vec<(Digest, u64)>> {
    let sql =
        "SELECT digest, size FROM blobs WHERE replica_at < $1 AND NOT sweeping ORDER BY replica_at, digest LIMIT $2";
    sized(&tx.all(sql, &args![before, limit]).await?)
}

/// The copies in one of the 256 folders of an algorithm.
pub(crate) async fn copied_in(tx: &mut Tx, algorithm: Algorithm, prefix: u8) -> Result<Vec<(Digest, u64)>> {
    // "g" comes after every hexadecimal digit.
    let (from, to) = (format!("{algorithm}:{prefix:02x}"), format!("{algorithm}:{prefix:02x}g"));
    let sql =
        "SELECT digest, size FROM blobs WHERE digest > $1 AND digest < $2 AND replica_at IS NOT NULL AND NOT sweeping";
    sized(&tx.all(sql, &args![from, to]).await?)
}

pub(crate) async fn set_copied(tx: &mut Tx, digest: &Digest, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE blobs SET replica_at = $2 WHERE digest = $1", &args![digest.as_str(), now]).await?;
    Ok(())
}

pub(crate) async fn set_uncopied(tx: &mut Tx, digest: &Digest) -> Result<()> {
    tx.execute("UPDATE blobs SET replica_at = NULL WHERE digest = $1", &args![digest.as_str()]).await?;
    Ok(())
}

pub(crate) async fn standing(tx: &mut Tx) -> Result<Standing> {
    let row = tx
        .one(
            "SELECT COUNT(replica_at) AS copied,
                CAST(COALESCE(SUM(CASE WHEN replica_at IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS behind,
                CAST(COALESCE(SUM(CASE WHEN replica_at IS NULL THEN size ELSE 0 END), 0) AS BIGINT) AS behind_bytes,
                COUNT(damaged_at) AS damaged
             FROM blobs WHERE NOT sweeping",
            &[],
        )
        .await?;
    let place = tx.opt("SELECT place FROM replica_store", &[]).await?;
    Ok(Standing {
        place: place.map(|row| row.text("place")).transpose()?,
        copied: bytes_of(&row, "copied")?,
        behind: bytes_of(&row, "behind")?,
        behind_bytes: bytes_of(&row, "behind_bytes")?,
        damaged: bytes_of(&row, "damaged")?,
    })
}
