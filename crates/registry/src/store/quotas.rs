//! The SQL of quotas, of what is used, and of the read-only mode.

use base::Id;
use db::{Error, Tx, args};

use super::{bytes_of, stored};
use crate::{Repository, Usage};

pub(crate) async fn has_quota(tx: &mut Tx, repository: &Id<Repository>) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM repositories WHERE id = $1 AND quota_bytes > 0";
    Ok(tx.opt(sql, &args![repository]).await?.is_some())
}

pub(crate) async fn namespace_has_quota(tx: &mut Tx, namespace: &str) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM namespace_quotas WHERE namespace = $1";
    Ok(tx.opt(sql, &args![namespace]).await?.is_some())
}

pub(crate) async fn repository_usage(tx: &mut Tx, repository: &Id<Repository>) -> Result<Usage, Error> {
    let row = tx
        .one(
            "SELECT r.quota_bytes AS quota, CAST(
                (SELECT COALESCE(SUM(b.size), 0) FROM repository_blobs l JOIN blobs b ON b.digest = l.digest
                 WHERE l.repository = r.id AND NOT l.attached)
                + (SELECT COALESCE(SUM(m.size), 0) FROM repository_manifests l JOIN manifests m ON m.digest = l.digest
                 WHERE l.repository = r.id AND l.attached IS NULL) AS BIGINT) AS used
             FROM repositories r WHERE r.id = $1",
            &args![repository],
        )
        .await?;
    Ok(Usage { used_bytes: bytes_of(&row, "used")?, quota_bytes: bytes_of(&row, "quota")? })
}

pub(crate) async fn namespace_usage(tx: &mut Tx, namespace: &str) -> Result<Usage, Error> {
    let row = tx
        .one(
            "SELECT CAST(COALESCE((SELECT bytes FROM namespace_quotas WHERE namespace = $1), 0) AS BIGINT) AS quota, CAST(
                (SELECT COALESCE(SUM(b.size), 0) FROM repositories r JOIN repository_blobs l ON l.repository = r.id
                 JOIN blobs b ON b.digest = l.digest WHERE r.namespace = $1 AND NOT l.attached)
                + (SELECT COALESCE(SUM(m.size), 0) FROM repositories r JOIN repository_manifests l ON l.repository = r.id
                 JOIN manifests m ON m.digest = l.digest WHERE r.namespace = $1 AND l.attached IS NULL) AS BIGINT) AS used",
            &args![namespace],
        )
        .await?;
    Ok(Usage { used_bytes: bytes_of(&row, "used")?, quota_bytes: bytes_of(&row, "quota")? })
}

pub(crate) async fn set_repository_quota(tx: &mut Tx, repository: &Id<Repository>, bytes: u64) -> Result<(), Error> {
    let sql = "UPDATE repositories SET quota_bytes = $2 WHERE id = $1";
    tx.execute(sql, &args![repository, stored(bytes)?]).await?;
    Ok(())
}

pub(crate) async fn set_namespace_quota(tx: &mut Tx, namespace: &str, bytes: u64) -> Result<(), Error> {
    if bytes == 0 {
        tx.execute("DELETE FROM namespace_quotas WHERE namespace = $1", &args![namespace]).await?;
        return Ok(());
    }
    tx.execute(
        "INSERT INTO namespace_quotas (namespace, bytes) VALUES ($1, $2)
         ON CONFLICT (namespace) DO UPDATE SET bytes = excluded.bytes",
        &args![namespace, stored(bytes)?],
    )
    .await?;
    Ok(())
}

/// Repositories and namespaces with a quota, for what the log guards.
pub(crate) async fn quotas(tx: &mut Tx) -> Result<Vec<(String, bool, u64)>, Error> {
    let rows = tx
        .all(
            "SELECT name, TRUE AS repository, quota_bytes AS bytes FROM repositories WHERE quota_bytes > 0 AND deleted_at IS NULL
             UNION ALL SELECT namespace, FALSE, bytes FROM namespace_quotas",
            &[],
        )
        .await?;
    rows.iter().map(|row| Ok((row.text("name")?, row.bool("repository")?, bytes_of(row, "bytes")?))).collect()
}

pub(crate) async fn read_only(tx: &mut Tx) -> Result<Option<String>, Error> {
    tx.opt("SELECT reason FROM read_only", &[]).await?.map(|row| row.text("reason")).transpose()
}

pub(crate) async fn set_read_only(tx: &mut Tx, reason: Option<&str>) -> Result<(), Error> {
    tx.execute("DELETE FROM read_only", &[]).await?;
    if let Some(reason) = reason {
        tx.execute("INSERT INTO read_only (id, reason) VALUES (1, $1)", &args![reason]).await?;
    }
    Ok(())
}
