//! How many there are of what lists show in pages, and the list of manifests.

use base::Id;
use db::{Error, Tx, args};
use oci::Digest;

use super::images::{image_of, tag_view_of};
use crate::{Image, Repository, TagView};

pub(crate) async fn count_repositories(tx: &mut Tx, namespace: Option<&str>) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) AS n FROM repositories WHERE (namespace = $1 OR $1 IS NULL) AND deleted_at IS NULL";
    Ok(tx.one(sql, &args![namespace]).await?.int("n")?.unsigned_abs())
}

pub(crate) async fn count_tags(tx: &mut Tx, repository: &Id<Repository>) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) AS n FROM tags WHERE repository = $1";
    Ok(tx.one(sql, &args![repository]).await?.int("n")?.unsigned_abs())
}

pub(crate) async fn count_manifests(tx: &mut Tx, repository: &Id<Repository>) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) AS n FROM repository_manifests WHERE repository = $1";
    Ok(tx.one(sql, &args![repository]).await?.int("n")?.unsigned_abs())
}

/// The manifests of a repository after this digest.
pub(crate) async fn manifests(
    tx: &mut Tx,
    repository: &Id<Repository>,
    after: &str,
    limit: i64,
) -> Result<Vec<Image>, Error> {
    let sql = "SELECT m.* FROM repository_manifests l JOIN manifests m ON m.digest = l.digest
        WHERE l.repository = $1 AND l.digest > $2 ORDER BY l.digest LIMIT $3";
    tx.all(sql, &args![repository, after, limit]).await?.iter().map(image_of).collect()
}

/// The tags of a repository that name this digest.
pub(crate) async fn tag_views_of(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
) -> Result<Vec<TagView>, Error> {
    let sql =
        "SELECT m.*, t.name, t.pushed_by, t.pushed_at, t.job, t.origin, t.policy, t.source_repository, t.source_tag
        FROM tags t JOIN manifests m ON m.digest = t.digest WHERE t.repository = $1 AND t.digest = $2 ORDER BY t.name";
    tx.all(sql, &args![repository, digest.as_str()]).await?.iter().map(tag_view_of).collect()
}
