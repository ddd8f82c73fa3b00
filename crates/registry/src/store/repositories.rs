//! The SQL of repositories and of finding them.

use std::collections::BTreeSet;

use base::Id;
use db::{Error, Row, Tx, args};
use oci::RepoName;

use crate::Repository;

/// What lists and searches go by: the public ones in order, and the words of names.
pub(super) const LISTS_STEP: &str = "CREATE INDEX repositories_visibility ON repositories (visibility, name);
      CREATE TABLE repository_words (
        word TEXT NOT NULL, name TEXT NOT NULL, repository TEXT NOT NULL REFERENCES repositories (id),
        PRIMARY KEY (word, name, repository));
      CREATE INDEX repository_words_repository ON repository_words (repository, word)";

/// Where only robots push.
pub(super) const PUSHERS_STEP: &str =
    "ALTER TABLE repositories ADD COLUMN only_robots_push BOOLEAN NOT NULL DEFAULT FALSE;
      CREATE TABLE robots_push (namespace TEXT PRIMARY KEY)";

pub(crate) async fn insert_repository(tx: &mut Tx, repository: &Repository) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO repositories (id, name, namespace, visibility, immutable, scan_on_push, short_description,
            long_description, tag_limit, created_at, only_robots_push)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &args![
            &repository.id,
            repository.name.as_str(),
            repository.name.namespace(),
            repository.visibility.to_string(),
            repository.immutable,
            repository.scan_on_push,
            &repository.short_description,
            &repository.long_description,
            repository.tag_limit,
            repository.created_at,
            repository.only_robots_push
        ],
    )
    .await?;
    insert_words(tx, &repository.id, &repository.name).await
}

pub(crate) async fn update_repository(tx: &mut Tx, repository: &Repository) -> Result<(), Error> {
    tx.execute(
        "UPDATE repositories SET visibility = $2, immutable = $3, scan_on_push = $4, short_description = $5,
            long_description = $6, tag_limit = $7, only_robots_push = $8 WHERE id = $1",
        &args![
            &repository.id,
            repository.visibility.to_string(),
            repository.immutable,
            repository.scan_on_push,
            &repository.short_description,
            &repository.long_description,
            repository.tag_limit,
            repository.only_robots_push
        ],
    )
    .await?;
    Ok(())
}

/// Remove a repository with all rows that are in it. Manifests and blobs stay, for garbage collection.
pub(crate) async fn delete_repository(tx: &mut Tx, id: &Id<Repository>) -> Result<(), Error> {
    for sql in [
        "DELETE FROM tags WHERE repository = $1",
        "DELETE FROM tag_names WHERE repository = $1",
        "DELETE FROM repository_manifests WHERE repository = $1",
        "DELETE FROM repository_blobs WHERE repository = $1",
        "DELETE FROM uploads WHERE repository = $1",
        "DELETE FROM holds WHERE repository = $1",
        "DELETE FROM deletions WHERE repository = $1",
        "DELETE FROM repository_words WHERE repository = $1",
        "DELETE FROM repository_traffic WHERE repository = $1",
        "DELETE FROM repositories WHERE id = $1",
    ] {
        tx.execute(sql, &args![id]).await?;
    }
    Ok(())
}

pub(crate) async fn repository(tx: &mut Tx, name: &RepoName) -> Result<Option<Repository>, Error> {
    let row =
        tx.opt("SELECT * FROM repositories WHERE name = $1 AND deleted_at IS NULL", &args![name.as_str()]).await?;
    row.as_ref().map(repository_of).transpose()
}

pub(crate) async fn repositories(
    tx: &mut Tx,
    namespace: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<Repository>, Error> {
    let rows = tx
        .all(
            "SELECT * FROM repositories WHERE (namespace = $1 OR $1 IS NULL) AND name > $2 AND deleted_at IS NULL
             ORDER BY name LIMIT $3",
            &args![namespace, after, limit],
        )
        .await?;
    rows.iter().map(repository_of).collect()
}

pub(super) fn repository_of(row: &Row) -> Result<Repository, Error> {
    Ok(Repository {
        id: row.parse("id")?,
        name: row.parse("name")?,
        visibility: row.parse("visibility")?,
        immutable: row.bool("immutable")?,
        scan_on_push: row.bool("scan_on_push")?,
        only_robots_push: row.bool("only_robots_push")?,
        short_description: row.text("short_description")?,
        long_description: row.text("long_description")?,
        tag_limit: u32::try_from(row.int("tag_limit")?)
            .map_err(|_| Error::Corrupt("a tag limit is no number of tags".to_owned()))?,
        created_at: row.time("created_at")?,
    })
}

/// Repositories that everybody may see.
pub(crate) async fn public_repositories(
    tx: &mut Tx,
    after: &str,
    (first, last): (&str, &str),
    limit: i64,
) -> Result<Vec<Repository>, Error> {
    let rows = tx
        .all(
            "SELECT * FROM repositories WHERE visibility = 'public' AND name > $1 AND name >= $2 AND name < $3
                AND deleted_at IS NULL ORDER BY name LIMIT $4",
            &args![after, first, last, limit],
        )
        .await?;
    rows.iter().map(repository_of).collect()
}

/// Repositories with a word in their name that begins so, by the word and by name, after the pair given, which is not
/// before the first such word; each once, for its first one.
pub(crate) async fn repositories_by_word(
    tx: &mut Tx,
    (begins, end): (&str, &str),
    (word, name): (&str, &str),
    limit: i64,
) -> Result<Vec<(String, Repository)>, Error> {
    let rows = tx
        .all(
            "SELECT w.word, r.* FROM repository_words w JOIN repositories r ON r.id = w.repository
             WHERE (w.word, w.name) > ($3, $4) AND w.word < $2 AND r.deleted_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM repository_words e
                    WHERE e.repository = w.repository AND e.word >= $1 AND e.word < w.word)
             ORDER BY w.word, w.name LIMIT $5",
            &args![begins, end, word, name, limit],
        )
        .await?;
    rows.iter().map(|row| Ok((row.text("word")?, repository_of(row)?))).collect()
}

/// Repositories whose words were not written: an earlier program made them.
pub(crate) async fn repositories_without_words(
    tx: &mut Tx,
    limit: i64,
) -> Result<Vec<(Id<Repository>, RepoName)>, Error> {
    let rows = tx
        .all(
            "SELECT id, name FROM repositories r WHERE NOT EXISTS (
                SELECT 1 FROM repository_words w WHERE w.repository = r.id) LIMIT $1",
            &args![limit],
        )
        .await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.parse("name")?))).collect()
}

/// The whole name, what follows each slash, and each of its words.
pub(crate) async fn insert_words(tx: &mut Tx, id: &Id<Repository>, name: &RepoName) -> Result<(), Error> {
    let name = name.as_str();
    let mut words: BTreeSet<&str> = name.split(['/', '-', '_', '.']).filter(|word| !word.is_empty()).collect();
    words.extend(name.match_indices('/').map(|(slash, _)| &name[slash + 1..]));
    words.insert(name);
    for word in words {
        let sql = "INSERT INTO repository_words (word, name, repository) VALUES ($1, $2, $3)";
        tx.execute(sql, &args![word, name, id]).await?;
    }
    Ok(())
}

/// Whether only robots push to the repositories of a namespace.
pub(crate) async fn only_robots_push(tx: &mut Tx, namespace: &str) -> Result<bool, Error> {
    Ok(tx.opt("SELECT 1 AS one FROM robots_push WHERE namespace = $1", &args![namespace]).await?.is_some())
}

pub(crate) async fn set_only_robots_push(tx: &mut Tx, namespace: &str, on: bool) -> Result<(), Error> {
    let sql = match on {
        true => "INSERT INTO robots_push (namespace) VALUES ($1) ON CONFLICT (namespace) DO NOTHING",
        false => "DELETE FROM robots_push WHERE namespace = $1",
    };
    tx.execute(sql, &args![namespace]).await?;
    Ok(())
}

/// The namespaces where only robots push.
pub(crate) async fn robots_push(tx: &mut Tx) -> Result<Vec<String>, Error> {
    tx.all("SELECT namespace FROM robots_push", &[]).await?.iter().map(|row| row.text("namespace")).collect()
}

/// A repository of a namespace, or (`true`) something of one that was deleted and can be brought back.
pub(crate) async fn any_repository(tx: &mut Tx, namespace: &str) -> Result<Option<(String, bool)>, Error> {
    for (sql, deleted) in [
        ("SELECT name FROM repositories WHERE namespace = $1 ORDER BY name LIMIT 1", false),
        ("SELECT name FROM deletions WHERE namespace = $1 ORDER BY name LIMIT 1", true),
    ] {
        if let Some(row) = tx.opt(sql, &args![namespace]).await? {
            return Ok(Some((row.text("name")?, deleted)));
        }
    }
    Ok(None)
}
