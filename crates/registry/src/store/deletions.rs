//! The SQL of deletions that can be undone.

use base::{Id, Timestamp};
use db::{Error, Row, Tx, args};
use oci::{Digest, RepoName, Tag};

use super::{tag_view, tags};
use crate::{Deleted, DeletedTag, Deletion, Repository, record};

pub(crate) async fn insert_deletion(
    tx: &mut Tx,
    repository: &Id<Repository>,
    deletion: &Deletion,
) -> Result<(), Error> {
    let deleted = serde_json::to_string(&deletion.deleted).expect("a deletion has only text keys");
    tx.execute(
        "INSERT INTO deletions (id, repository, name, namespace, deleted, author, at, until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &args![
            &deletion.id,
            repository,
            deletion.repository.as_str(),
            deletion.repository.namespace(),
            deleted,
            &deletion.author,
            deletion.at,
            deletion.until
        ],
    )
    .await?;
    Ok(())
}

/// A deletion whose time is not over, and the repository it was in.
pub(crate) async fn deletion(
    tx: &mut Tx,
    id: &Id<Deletion>,
    now: Timestamp,
) -> Result<Option<(Id<Repository>, Deletion)>, Error> {
    let row = tx.opt("SELECT * FROM deletions WHERE id = $1 AND until > $2", &args![id, now]).await?;
    row.map(|row| Ok((row.parse("repository")?, deletion_of(&row)?))).transpose()
}

pub(crate) async fn deletions(
    tx: &mut Tx,
    namespace: &str,
    repository: Option<&RepoName>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Deletion>, Error> {
    let rows = tx
        .all(
            "SELECT * FROM deletions WHERE namespace = $1 AND (name = $2 OR $2 IS NULL) AND until > $3
             ORDER BY at DESC, id LIMIT $4",
            &args![namespace, repository.map(RepoName::as_str), now, limit],
        )
        .await?;
    rows.iter().map(deletion_of).collect()
}

pub(crate) async fn deletions_over(
    tx: &mut Tx,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(Id<Deletion>, Id<Repository>, Deleted)>, Error> {
    let sql = "SELECT * FROM deletions WHERE until <= $1 ORDER BY until LIMIT $2";
    let rows = tx.all(sql, &args![now, limit]).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.parse("repository")?, deletion_of(row)?.deleted))).collect()
}

pub(crate) async fn delete_deletion(tx: &mut Tx, id: &Id<Deletion>) -> Result<(), Error> {
    tx.execute("DELETE FROM deletions WHERE id = $1", &args![id]).await?;
    Ok(())
}

fn deletion_of(row: &Row) -> Result<Deletion, Error> {
    Ok(Deletion {
        id: row.parse("id")?,
        repository: row.parse("name")?,
        deleted: serde_json::from_str(&row.text("deleted")?).map_err(|error| Error::Corrupt(error.to_string()))?,
        author: row.text("author")?,
        at: row.time("at")?,
        until: row.time("until")?,
    })
}

/// A manifest and the tags that name it, as they are before they are deleted.
pub(crate) async fn deleted_manifest(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
    tags: &[Tag],
) -> Result<Deleted, Error> {
    let sql = "SELECT * FROM repository_manifests WHERE repository = $1 AND digest = $2";
    let row = tx.one(sql, &args![repository, digest.as_str()]).await?;
    let mut views = Vec::with_capacity(tags.len());
    for tag in tags {
        views.extend(tag_view(tx, repository, tag).await?.as_ref().map(DeletedTag::of));
    }
    Ok(Deleted::Manifest {
        digest: digest.clone(),
        pushed_by: row.text("pushed_by")?,
        pushed_at: row.time("pushed_at")?,
        job: row.opt_int("job")?,
        promoted: row.bool("promoted")?,
        tags: views,
    })
}

/// Give a deleted repository a name that nobody can ask for, so that its own is free.
pub(crate) async fn put_repository_aside(tx: &mut Tx, id: &Id<Repository>, now: Timestamp) -> Result<(), Error> {
    tx.execute("DELETE FROM uploads WHERE repository = $1", &args![id]).await?;
    let aside = format!("deleted/{id}");
    let sql = "UPDATE repositories SET name = $2, namespace = '', deleted_at = $3 WHERE id = $1";
    tx.execute(sql, &args![id, aside, now]).await?;
    Ok(())
}

pub(crate) async fn take_repository_back(tx: &mut Tx, id: &Id<Repository>, name: &RepoName) -> Result<(), Error> {
    let sql = "UPDATE repositories SET name = $2, namespace = $3, deleted_at = NULL WHERE id = $1";
    tx.execute(sql, &args![id, name.as_str(), name.namespace()]).await?;
    Ok(())
}

/// What the log guards of a repository's tags: keys and values.
pub(crate) async fn tag_state(tx: &mut Tx, repository: &Repository) -> Result<Vec<(String, String)>, Error> {
    const PAGE: i64 = 1_000;
    let (mut state, mut after, name) = (Vec::new(), String::new(), &repository.name);
    loop {
        let page = tags(tx, &repository.id, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.to_string();
        for tag in &page {
            let row = tx
                .one("SELECT * FROM tags WHERE repository = $1 AND name = $2", &args![&repository.id, tag.as_str()])
                .await?;
            let new = super::new_tag_of(&row)?;
            state.push((record::tag_key(name, tag), new.digest.to_string()));
            state.push((record::origin_key(name, tag), new.account()));
        }
    }
    let sql = "SELECT name, digest FROM tag_names WHERE repository = $1 ORDER BY name";
    for row in tx.all(sql, &args![&repository.id]).await? {
        state.push((record::tag_name_key(name, &row.parse("name")?), row.text("digest")?));
    }
    Ok(state)
}
