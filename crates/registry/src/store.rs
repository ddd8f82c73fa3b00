//! The SQL of blobs, uploads and holds; that of manifests and tags is in `store/images.rs`.

use base::{Ctx, Id, Timestamp};
use blob::Upload;
use db::{Error, Row, Schema, Tx, args};
use oci::{Digest, RepoName, Tag};

use crate::{
    Hold, Repository,
    hold::Held,
    record,
    tag::NewTag,
    upload_state::{Note, Noted},
};

mod attachments;
mod bases;
mod bytes;
mod defaults;
mod deletions;
mod images;
mod pieces;
mod quotas;
mod repositories;
mod reviews;
mod traffic;
mod whole;

pub(crate) use attachments::*;
pub(crate) use bases::*;
pub(crate) use bytes::*;
pub(crate) use defaults::*;
pub(crate) use deletions::*;
pub(crate) use images::*;
pub(crate) use pieces::*;
pub(crate) use quotas::*;
pub(crate) use repositories::*;
pub(crate) use reviews::*;
pub(crate) use traffic::*;
pub(crate) use whole::*;

pub const SCHEMA: Schema = Schema {
    context: "registry",
    steps: &[
        "CREATE TABLE repositories (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, namespace TEXT NOT NULL, visibility TEXT NOT NULL,
        immutable BOOLEAN NOT NULL, scan_on_push BOOLEAN NOT NULL, short_description TEXT NOT NULL,
        long_description TEXT NOT NULL, tag_limit BIGINT NOT NULL, created_at BIGINT NOT NULL);
      CREATE INDEX repositories_namespace ON repositories (namespace, name);
      CREATE TABLE blobs (digest TEXT PRIMARY KEY, size BIGINT NOT NULL, created_at BIGINT NOT NULL);
      CREATE TABLE repository_blobs (
        repository TEXT NOT NULL REFERENCES repositories (id), digest TEXT NOT NULL REFERENCES blobs (digest),
        linked_at BIGINT NOT NULL, PRIMARY KEY (repository, digest));
      CREATE INDEX repository_blobs_digest ON repository_blobs (digest);
      CREATE TABLE manifests (
        digest TEXT PRIMARY KEY, media_type TEXT NOT NULL, artifact_type TEXT, subject TEXT, config TEXT,
        config_type TEXT, config_size BIGINT, size BIGINT NOT NULL, total_bytes BIGINT NOT NULL, os TEXT,
        architecture TEXT, variant TEXT, annotations TEXT, created_at BIGINT NOT NULL);
      CREATE INDEX manifests_subject ON manifests (subject);
      CREATE TABLE manifest_references (
        manifest TEXT NOT NULL REFERENCES manifests (digest), kind TEXT NOT NULL, position BIGINT NOT NULL,
        digest TEXT NOT NULL, media_type TEXT NOT NULL, size BIGINT NOT NULL,
        PRIMARY KEY (manifest, kind, position));
      CREATE INDEX manifest_references_digest ON manifest_references (digest);
      CREATE TABLE repository_manifests (
        repository TEXT NOT NULL REFERENCES repositories (id), digest TEXT NOT NULL REFERENCES manifests (digest),
        pushed_by TEXT NOT NULL, pushed_at BIGINT NOT NULL, job BIGINT, PRIMARY KEY (repository, digest));
      CREATE INDEX repository_manifests_digest ON repository_manifests (digest);
      CREATE TABLE tags (
        repository TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, pushed_by TEXT NOT NULL,
        pushed_at BIGINT NOT NULL, job BIGINT, origin TEXT NOT NULL, policy TEXT, source_repository TEXT,
        source_tag TEXT, PRIMARY KEY (repository, name),
        FOREIGN KEY (repository, digest) REFERENCES repository_manifests (repository, digest));
      CREATE INDEX tags_digest ON tags (repository, digest);
      CREATE TABLE tag_names (
        repository TEXT NOT NULL REFERENCES repositories (id), name TEXT NOT NULL, digest TEXT NOT NULL,
        PRIMARY KEY (repository, name));
      CREATE TABLE uploads (
        id TEXT PRIMARY KEY, repository TEXT NOT NULL REFERENCES repositories (id), owner TEXT NOT NULL,
        expires_at BIGINT NOT NULL);
      CREATE INDEX uploads_owner ON uploads (owner, expires_at);
      CREATE TABLE holds (
        repository TEXT NOT NULL REFERENCES repositories (id), kind TEXT NOT NULL, name TEXT NOT NULL,
        owner TEXT NOT NULL, reason TEXT NOT NULL, created_at BIGINT NOT NULL,
        PRIMARY KEY (repository, kind, name, owner))",
        // Garbage collection, quotas, the read-only mode. From here on the bytes of manifests have their row in blobs too.
        "ALTER TABLE blobs ADD COLUMN sweeping BOOLEAN NOT NULL DEFAULT FALSE;
      ALTER TABLE blobs ADD COLUMN checked_at BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE blobs ADD COLUMN damaged_at BIGINT;
      CREATE INDEX blobs_sweeping ON blobs (digest) WHERE sweeping;
      CREATE INDEX blobs_checked ON blobs (checked_at, digest);
      INSERT INTO blobs (digest, size, created_at) SELECT m.digest, m.size, m.created_at FROM manifests m
        WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = m.digest);
      CREATE TABLE reviews (
        kind TEXT NOT NULL, repository TEXT NOT NULL, digest TEXT NOT NULL, due_at BIGINT NOT NULL,
        PRIMARY KEY (kind, repository, digest));
      CREATE INDEX reviews_due ON reviews (kind, due_at);
      ALTER TABLE repository_manifests ADD COLUMN promoted BOOLEAN NOT NULL DEFAULT FALSE;
      UPDATE repository_manifests SET promoted = TRUE WHERE EXISTS (SELECT 1 FROM tags t
        WHERE t.repository = repository_manifests.repository AND t.digest = repository_manifests.digest
            AND t.origin = 'promoted');
      CREATE INDEX repository_manifests_pushed ON repository_manifests (pushed_at, digest);
      ALTER TABLE repositories ADD COLUMN quota_bytes BIGINT NOT NULL DEFAULT 0;
      CREATE TABLE namespace_quotas (namespace TEXT PRIMARY KEY, bytes BIGINT NOT NULL);
      CREATE TABLE read_only (id BIGINT PRIMARY KEY, reason TEXT NOT NULL);
      ALTER TABLE repositories ADD COLUMN deleted_at BIGINT;
      CREATE TABLE deletions (
        id TEXT PRIMARY KEY, repository TEXT NOT NULL, name TEXT NOT NULL, namespace TEXT NOT NULL, deleted TEXT NOT NULL,
        author TEXT NOT NULL, at BIGINT NOT NULL, until BIGINT NOT NULL);
      CREATE INDEX deletions_namespace ON deletions (namespace, at);
      CREATE INDEX deletions_until ON deletions (until);
      CREATE TABLE leases (name TEXT PRIMARY KEY, until BIGINT NOT NULL);
      INSERT INTO leases (name, until) VALUES ('collect', 0)",
        // What was noted of an upload, the length that this note speaks of, and the replica that goes on with it, for how long.
        "ALTER TABLE uploads ADD COLUMN state TEXT;
      ALTER TABLE uploads ADD COLUMN length BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE uploads ADD COLUMN holder TEXT NOT NULL DEFAULT '';
      ALTER TABLE uploads ADD COLUMN held_until BIGINT NOT NULL DEFAULT 0",
        bytes::REPLICA_STEP,
        pieces::PIECES_STEP,
        repositories::LISTS_STEP,
        attachments::ATTACHMENTS_STEP,
        defaults::DEFAULTS_STEP,
        repositories::PUSHERS_STEP,
        traffic::TRAFFIC_STEP,
    ],
};

// ── blobs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Make a blob readable in a repository; gives whether it was not before.
pub(crate) async fn link_blob(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
    now: Timestamp,
) -> Result<bool, Error> {
    let linked = tx
        .execute(
            "INSERT INTO repository_blobs (repository, digest, linked_at) VALUES ($1, $2, $3)
             ON CONFLICT (repository, digest) DO NOTHING",
            &args![repository, digest.as_str(), now],
        )
        .await?;
    Ok(linked > 0)
}

/// Make the blobs a manifest names readable in another repository, as far as they are in the first.
pub(crate) async fn link_blobs_of(
    tx: &mut Tx,
    from: &Id<Repository>,
    to: &Id<Repository>,
    manifest: &Digest,
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO repository_blobs (repository, digest, linked_at, attached)
         SELECT DISTINCT $2, b.digest, $4, b.attached FROM manifest_references r
         JOIN repository_blobs b ON b.repository = $1 AND b.digest = r.digest WHERE r.manifest = $3
         ON CONFLICT (repository, digest) DO NOTHING",
        &args![from, to, manifest.as_str(), now],
    )
    .await?;
    Ok(())
}

/// The size of a blob that is readable in the repository.
pub(crate) async fn blob_size(tx: &mut Tx, repository: &Id<Repository>, digest: &Digest) -> Result<Option<u64>, Error> {
    let row = tx
        .opt(
            "SELECT b.size FROM repository_blobs l JOIN blobs b ON b.digest = l.digest
             WHERE l.repository = $1 AND l.digest = $2",
            &args![repository, digest.as_str()],
        )
        .await?;
    row.map(|row| bytes_of(&row, "size")).transpose()
}

/// What is known of a blob in a repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldBlob {
    pub(crate) size: u64,
    /// A check of the stored bytes found other ones.
    pub(crate) damaged: bool,
    /// When garbage collection looks whether it is still named.
    pub(crate) review_due: Option<Timestamp>,
}

pub(crate) async fn held_blob(
    tx: &mut Tx,
    repository: &Id<Repository>,
    digest: &Digest,
) -> Result<Option<HeldBlob>, Error> {
    let row = tx
        .opt(
            "SELECT b.size, b.damaged_at, v.due_at FROM repository_blobs l JOIN blobs b ON b.digest = l.digest
             LEFT JOIN reviews v ON v.kind = 'link' AND v.repository = l.repository AND v.digest = l.digest
             WHERE l.repository = $1 AND l.digest = $2",
            &args![repository, digest.as_str()],
        )
        .await?;
    row.map(|row| {
        Ok(HeldBlob {
            size: bytes_of(&row, "size")?,
            damaged: row.opt_int("damaged_at")?.is_some(),
            review_due: row.opt_time("due_at")?,
        })
    })
    .transpose()
}

pub(crate) async fn unlink_blob(tx: &mut Tx, repository: &Id<Repository>, digest: &Digest) -> Result<(), Error> {
    let sql = "DELETE FROM repository_blobs WHERE repository = $1 AND digest = $2";
    tx.execute(sql, &args![repository, digest.as_str()]).await?;
    Ok(())
}

pub(crate) async fn repositories_with_blob(tx: &mut Tx, digest: &Digest, limit: i64) -> Result<Vec<Repository>, Error> {
    let rows = tx
        .all(
            "SELECT r.* FROM repository_blobs l JOIN repositories r ON r.id = l.repository
             WHERE l.digest = $1 AND r.deleted_at IS NULL ORDER BY r.name LIMIT $2",
            &args![digest.as_str(), limit],
        )
        .await?;
    rows.iter().map(repository_of).collect()
}

// ── uploads ─────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert_upload(
    tx: &mut Tx,
    id: &Id<Upload>,
    repository: &Id<Repository>,
    owner: &str,
    expires_at: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO uploads (id, repository, owner, expires_at) VALUES ($1, $2, $3, $4)",
        &args![id, repository, owner, expires_at],
    )
    .await?;
    Ok(())
}

/// The upload, if it is this owner's in this repository and still runs.
pub(crate) async fn upload(
    tx: &mut Tx,
    id: &Id<Upload>,
    repository: &Id<Repository>,
    owner: &str,
    now: Timestamp,
) -> Result<Option<Noted>, Error> {
    let sql = "SELECT state, length FROM uploads WHERE id = $1 AND repository = $2 AND owner = $3 AND expires_at > $4";
    tx.opt(sql, &args![id, repository, owner, now]).await?.as_ref().map(noted_of).transpose()
}

fn noted_of(row: &Row) -> Result<Noted, Error> {
    Ok(Noted { state: row.opt_parse("state")?, length: row.int("length")? })
}

/// Claim an upload for a replica, unless another one holds it. Gives whether that worked.
pub(crate) async fn hold_upload(
    tx: &mut Tx,
    id: &Id<Upload>,
    holder: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let sql = "UPDATE uploads SET holder = $2, held_until = $3
         WHERE id = $1 AND (holder = '' OR holder = $2 OR held_until <= $4)";
    Ok(tx.execute(sql, &args![id, holder, until, now]).await? > 0)
}

/// Note how far an upload is, from the length that was noted before. Gives whether it was so far, and this holder's.
pub(crate) async fn note_upload(tx: &mut Tx, id: &Id<Upload>, was: i64, note: &Note<'_>) -> Result<bool, Error> {
    let length = note.state.as_ref().map_or(Ok(0), |state| stored(state.length()))?;
    let (holder, until) = note.next;
    let sql = "UPDATE uploads SET state = $4, length = $5, holder = $6, held_until = $7
         WHERE id = $1 AND length = $2 AND holder = $3";
    let state = note.state.as_ref().map(ToString::to_string);
    Ok(tx.execute(sql, &args![id, was, note.holder, state, length, holder, until]).await? > 0)
}

/// Uploads whose time is over, with what was noted of them.
pub(crate) async fn expired_uploads(
    tx: &mut Tx,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(Id<Upload>, Noted)>, Error> {
    let sql = "SELECT id, state, length FROM uploads WHERE expires_at <= $1 AND state IS NOT NULL ORDER BY id LIMIT $2";
    let rows = tx.all(sql, &args![now, limit]).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, noted_of(row)?))).collect()
}

pub(crate) async fn upload_is_live(tx: &mut Tx, id: &Id<Upload>, now: Timestamp) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM uploads WHERE id = $1 AND expires_at > $2";
    Ok(tx.opt(sql, &args![id, now]).await?.is_some())
}

pub(crate) async fn count_uploads(tx: &mut Tx, owner: &str, now: Timestamp) -> Result<i64, Error> {
    let sql = "SELECT COUNT(*) AS n FROM uploads WHERE owner = $1 AND expires_at > $2";
    tx.one(sql, &args![owner, now]).await?.int("n")
}

pub(crate) async fn delete_upload(tx: &mut Tx, id: &Id<Upload>) -> Result<(), Error> {
    tx.execute("DELETE FROM uploads WHERE id = $1", &args![id]).await?;
    Ok(())
}

pub(crate) async fn delete_expired_uploads(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    tx.execute("DELETE FROM uploads WHERE expires_at <= $1 AND state IS NULL", &args![now]).await
}

// ── holds ───────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert_hold(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &Id<Repository>,
    hold: &Hold,
    owner: &str,
    reason: &str,
) -> Result<(), Error> {
    let (kind, name) = hold.columns();
    tx.execute(
        "INSERT INTO holds (repository, kind, name, owner, reason, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (repository, kind, name, owner) DO UPDATE SET reason = excluded.reason",
        &args![repository, kind, name, owner, reason, ctx.now],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete_hold(tx: &mut Tx, name: &RepoName, hold: &Hold, owner: &str) -> Result<bool, Error> {
    let (kind, what) = hold.columns();
    let deleted = tx
        .execute(
            "DELETE FROM holds WHERE repository IN (SELECT id FROM repositories WHERE name = $1)
                AND kind = $2 AND name = $3 AND owner = $4",
            &args![name.as_str(), kind, what, owner],
        )
        .await?;
    Ok(deleted > 0)
}

pub(crate) async fn held(tx: &mut Tx, repository: &Id<Repository>, hold: &Hold) -> Result<Option<Held>, Error> {
    let (kind, name) = hold.columns();
    let sql = "SELECT * FROM holds WHERE repository = $1 AND kind = $2 AND name = $3 ORDER BY owner LIMIT 1";
    tx.opt(sql, &args![repository, kind, name]).await?.as_ref().map(held_of).transpose()
}

pub(crate) async fn first_hold(tx: &mut Tx, repository: &Id<Repository>) -> Result<Option<Held>, Error> {
    let sql = "SELECT * FROM holds WHERE repository = $1 ORDER BY kind, name, owner LIMIT 1";
    tx.opt(sql, &args![repository]).await?.as_ref().map(held_of).transpose()
}

fn held_of(row: &Row) -> Result<Held, Error> {
    let hold = Hold::of_columns(&row.text("kind")?, &row.text("name")?)?;
    Ok(Held { hold, owner: row.text("owner")?, reason: row.text("reason")? })
}

// ── what the log guards ─────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
    let mut state = Vec::new();
    for row in tx.all("SELECT * FROM repositories WHERE deleted_at IS NULL", &[]).await? {
        let repository = repository_of(&row)?;
        state.push((record::repository_key(&repository.name), repository.settings()));
    }
    let tags = "SELECT t.*, r.name AS repository_name FROM tags t JOIN repositories r ON r.id = t.repository
        WHERE r.deleted_at IS NULL";
    for row in tx.all(tags, &[]).await? {
        let (name, new) = (row.parse("repository_name")?, new_tag_of(&row)?);
        state.push((record::tag_key(&name, &new.tag), new.digest.to_string()));
        state.push((record::origin_key(&name, &new.tag), new.account()));
    }
    let names = "SELECT t.name AS tag, t.digest, r.name FROM tag_names t JOIN repositories r ON r.id = t.repository
        WHERE r.deleted_at IS NULL";
    for row in tx.all(names, &[]).await? {
        state.push((record::tag_name_key(&row.parse("name")?, &row.parse("tag")?), row.text("digest")?));
    }
    for (name, repository, bytes) in quotas(tx).await? {
        let key = match repository {
            true => record::repository_quota_key(&name.parse().map_err(|_| Error::Corrupt(format!("{name:?}")))?),
            false => record::namespace_quota_key(&name),
        };
        state.push((key, bytes.to_string()));
    }
    for namespace in robots_push(tx).await? {
        state.push((record::pushers_key(&namespace), "robots".to_owned()));
    }
    if !made_on_push(tx).await? {
        state.push((record::ON_PUSH_KEY.to_owned(), "off".to_owned()));
    }
    if let Some(reason) = read_only(tx).await? {
        state.push((record::READ_ONLY_KEY.to_owned(), base::digest_hex(reason.as_bytes())));
    }
    Ok(state)
}

fn new_tag_of(row: &Row) -> Result<NewTag, Error> {
    Ok(NewTag {
        tag: row.parse::<Tag>("name")?,
        digest: row.parse("digest")?,
        pushed_by: row.text("pushed_by")?,
        pushed_at: row.time("pushed_at")?,
        job: row.opt_int("job")?,
        origin: images::origin_of(row)?,
    })
}

/// A number of bytes as a column takes it.
fn stored(bytes: u64) -> Result<i64, Error> {
    i64::try_from(bytes).map_err(|_| Error::Refused("a size above 2^63 - 1 bytes".to_owned()))
}

fn bytes_of(row: &Row, column: &str) -> Result<u64, Error> {
    u64::try_from(row.int(column)?).map_err(|_| Error::Corrupt(format!("column {column}: a negative size")))
}
