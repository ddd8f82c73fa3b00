//! The SQL of garbage collection: reviews, and bytes on their way out.

use base::{Id, Timestamp};
use db::{Row, Tx, args};
use oci::{Digest, RepoName};

use super::{bytes_of, delete_pieces};
use crate::{Error, Repository};

type Result<T> = std::result::Result<T, db::Error>;

/// Of a row in `reviews`: a link has a repository, bytes have none.
const LINK: &str = "link";
const BYTES: &str = "bytes";

/// Look at a link at this time; an earlier review is put off.
pub(crate) async fn review_link(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
    due: Timestamp,
) -> Result<()> {
    set(tx, LINK, repository.as_str(), digest, due).await
}

/// Look at bytes at this time; an earlier review is put off.
pub(crate) async fn review_bytes(tx: &mut Tx, digest: &Digest, due: Timestamp) -> Result<()> {
    set(tx, BYTES, "", digest, due).await
}

async fn set(tx: &mut Tx, kind: &'static str, repository: &str, digest: &Digest, due: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO reviews (kind, repository, digest, due_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kind, repository, digest) DO UPDATE SET due_at = excluded.due_at",
        &args![kind, repository, digest.as_str(), due],
    )
    .await?;
    Ok(())
}

/// Look at the links of all blobs that a manifest names.
pub(crate) async fn review_links_of(
    tx: &mut Tx,
    repository: &Id<Repository>,
    manifest: &Digest,
    due: Timestamp,
) -> Result<()> {
    tx.execute(
        "INSERT INTO reviews (kind, repository, digest, due_at)
         SELECT DISTINCT 'link', l.repository, l.digest, $3 FROM manifest_references r
         JOIN repository_blobs l ON l.repository = $1 AND l.digest = r.digest WHERE r.manifest = $2
         ON CONFLICT (kind, repository, digest) DO UPDATE SET due_at = excluded.due_at",
        &args![repository, manifest.as_str(), due],
    )
    .await?;
    Ok(())
}

/// Look at the bytes of everything in a repository that is about to be deleted.
pub(crate) async fn review_bytes_of(tx: &mut Tx, repository: &Id<Repository>, due: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO reviews (kind, repository, digest, due_at)
         SELECT 'bytes', '', d.digest, $2 FROM (
            SELECT digest FROM repository_blobs WHERE repository = $1
            UNION SELECT digest FROM repository_manifests WHERE repository = $1) AS d WHERE TRUE
         ON CONFLICT (kind, repository, digest) DO UPDATE SET due_at = excluded.due_at",
        &args![repository, due],
    )
    .await?;
    tx.execute("DELETE FROM reviews WHERE kind = 'link' AND repository = $1", &args![repository]).await?;
    Ok(())
}

/// Whether these bytes wait for a review or are being removed.
pub(crate) async fn is_reviewed(tx: &mut Tx, digest: &Digest) -> Result<bool> {
    let sql = "SELECT 1 AS one FROM reviews WHERE kind = 'bytes' AND repository = '' AND digest = $1";
    Ok(tx.opt(sql, &args![digest.as_str()]).await?.is_some())
}

pub(crate) async fn due_links(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<(Id<Repository>, Digest)>> {
    let sql = "SELECT repository, digest FROM reviews WHERE kind = 'link' AND due_at <= $1 ORDER BY due_at LIMIT $2";
    let rows = tx.all(sql, &args![now, limit]).await?;
    rows.iter().map(|row| Ok((row.parse("repository")?, row.parse("digest")?))).collect()
}

/// Links that a collection would end now.
pub(crate) async fn count_due_links(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    let row = tx
        .one(
            "SELECT COUNT(*) AS n FROM reviews v WHERE v.kind = 'link' AND v.due_at <= $1 AND NOT EXISTS (
                SELECT 1 FROM manifest_references r
                JOIN repository_manifests l ON l.digest = r.manifest AND l.repository = v.repository
                WHERE r.digest = v.digest)",
            &args![now],
        )
        .await?;
    bytes_of(&row, "n")
}

/// Not those that are being removed already.
pub(crate) async fn due_bytes(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Digest>> {
    let rows = tx
        .all(
            "SELECT v.digest FROM reviews v LEFT JOIN blobs b ON b.digest = v.digest
             WHERE v.kind = 'bytes' AND v.due_at <= $1 AND (b.sweeping IS NULL OR NOT b.sweeping)
             ORDER BY v.due_at LIMIT $2",
            &args![now, limit],
        )
        .await?;
    rows.iter().map(|row| row.parse("digest")).collect()
}

/// How many files a collection would remove now, and their bytes.
pub(crate) async fn due_bytes_totals(tx: &mut Tx, now: Timestamp) -> Result<(u64, u64)> {
    let row = tx
        .one(
            "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(b.size), 0) AS BIGINT) AS bytes
             FROM reviews v JOIN blobs b ON b.digest = v.digest
             WHERE v.kind = 'bytes' AND v.due_at <= $1
                AND NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.digest = v.digest)
                AND NOT EXISTS (SELECT 1 FROM repository_manifests l WHERE l.digest = v.digest)",
            &args![now],
        )
        .await?;
    Ok((bytes_of(&row, "n")?, bytes_of(&row, "bytes")?))
}

pub(crate) async fn drop_link_review(tx: &mut Tx, repository: &Id<Repository>, digest: &Digest) -> Result<()> {
    let sql = "DELETE FROM reviews WHERE kind = 'link' AND repository = $1 AND digest = $2";
    tx.execute(sql, &args![repository, digest.as_str()]).await?;
    Ok(())
}

pub(crate) async fn drop_bytes_review(tx: &mut Tx, digest: &Digest) -> Result<()> {
    let sql = "DELETE FROM reviews WHERE kind = 'bytes' AND repository = '' AND digest = $1";
    tx.execute(sql, &args![digest.as_str()]).await?;
    Ok(())
}

/// Nobody may link these bytes from now on; false when somebody does.
pub(crate) async fn mark_sweeping(tx: &mut Tx, digest: &Digest) -> Result<bool> {
    let marked = tx
        .execute(
            "UPDATE blobs SET sweeping = TRUE WHERE digest = $1
                AND NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.digest = $1)
                AND NOT EXISTS (SELECT 1 FROM repository_manifests l WHERE l.digest = $1)",
            &args![digest.as_str()],
        )
        .await?;
    Ok(marked > 0)
}

pub(crate) async fn sweeping(tx: &mut Tx, limit: i64) -> Result<Vec<(Digest, u64)>> {
    let rows = tx.all("SELECT digest, size FROM blobs WHERE sweeping ORDER BY digest LIMIT $1", &args![limit]).await?;
    rows.iter().map(|row: &Row| Ok((row.parse("digest")?, bytes_of(row, "size")?))).collect()
}

pub(crate) async fn delete_swept(tx: &mut Tx, digest: &Digest) -> Result<()> {
    tx.execute("DELETE FROM blobs WHERE digest = $1 AND sweeping", &args![digest.as_str()]).await?;
    delete_pieces(tx, digest).await?;
    drop_bytes_review(tx, digest).await
}

/// Refuse to use bytes that are being removed.
pub(crate) async fn refuse_sweeping(tx: &mut Tx, digest: &Digest) -> std::result::Result<(), Error> {
    let sql = "SELECT 1 AS one FROM blobs WHERE digest = $1 AND sweeping";
    match tx.opt(sql, &args![digest.as_str()]).await? {
        Some(_) => Err(Error::Sweeping(digest.clone())),
        None => Ok(()),
    }
}

/// Let one collection run at a time: a second one that lagged behind could remove what was just pushed again. The lease ends
/// by itself when its holder died.
pub(crate) async fn take_lease(tx: &mut Tx, now: Timestamp, until: Timestamp) -> Result<bool> {
    let sql = "UPDATE leases SET until = $2 WHERE name = 'collect' AND until <= $1";
    Ok(tx.execute(sql, &args![now, until]).await? > 0)
}

pub(crate) async fn has_lease(tx: &mut Tx, now: Timestamp) -> Result<bool> {
    let sql = "SELECT until FROM leases WHERE name = 'collect' AND until > $1";
    Ok(tx.opt(sql, &args![now]).await?.is_some())
}

pub(crate) async fn end_lease(tx: &mut Tx, until: Timestamp) -> Result<()> {
    tx.execute("UPDATE leases SET until = 0 WHERE name = 'collect' AND until = $1", &args![until]).await?;
    Ok(())
}

// ── manifests that no tag names ─────────────────────────────────────────────────────────────────────────────────────

/// What keeps a manifest: a tag, a hold, an index or a subject in the same repository, a promotion, and in an immutable
/// repository a name that was ever given to it.
macro_rules! untagged {
    ($select:literal, $end:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM repository_manifests l JOIN repositories r ON r.id = l.repository
              JOIN manifests m ON m.digest = l.digest
              WHERE l.pushed_at < $1 AND NOT l.promoted AND r.deleted_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository = l.repository AND t.digest = l.digest)
                AND NOT EXISTS (SELECT 1 FROM holds h
                    WHERE h.repository = l.repository AND h.kind = 'manifest' AND h.name = l.digest)
                AND NOT EXISTS (SELECT 1 FROM manifest_references p JOIN repository_manifests i
                    ON i.digest = p.manifest AND i.repository = l.repository WHERE p.digest = l.digest)
                AND NOT EXISTS (SELECT 1 FROM repository_manifests s
                    WHERE s.repository = l.repository AND s.digest = m.subject)
                AND NOT (r.immutable AND EXISTS (SELECT 1 FROM tag_names n
                    WHERE n.repository = l.repository AND n.digest = l.digest))",
            $end
        )
    };
}

pub(crate) async fn untagged(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<Vec<(RepoName, Digest)>> {
    const SQL: &str = untagged!("r.name, l.digest", " ORDER BY l.pushed_at, l.digest LIMIT $2");
    let rows = tx.all(SQL, &args![before, limit]).await?;
    rows.iter().map(|row| Ok((row.parse("name")?, row.parse("digest")?))).collect()
}

pub(crate) async fn count_untagged(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    const SQL: &str = untagged!("COUNT(*) AS n", "");
    bytes_of(&tx.one(SQL, &args![before]).await?, "n")
}
