//! The SQL of mirroring policies and of what they want.

use base::{Id, Timestamp};
use db::{Error, Row, Schema, Tx, args};
use oci::{Digest, RepoName, Tag};
use policy::PolicyForm;

use crate::{Direction, MirroringPolicy, Place, Status, Work, work::Progress};

pub const SCHEMA: Schema = Schema {
    context: "mirror",
    steps: &["CREATE TABLE mirroring_policies (
        id TEXT PRIMARY KEY, repository TEXT NOT NULL, direction TEXT NOT NULL, place TEXT NOT NULL, host TEXT NOT NULL,
        remote_repository TEXT NOT NULL, username TEXT NOT NULL, sealed BYTEA, form TEXT NOT NULL, enabled BOOLEAN NOT NULL,
        referrers BOOLEAN NOT NULL, created_by TEXT NOT NULL, created_at BIGINT NOT NULL, last_mirrored_at BIGINT,
        status_code TEXT, status_detail TEXT, status_at BIGINT, next_at BIGINT NOT NULL, failures BIGINT NOT NULL);
      CREATE INDEX mirroring_policies_repository ON mirroring_policies (repository);
      CREATE TABLE mirroring_work (
        policy TEXT NOT NULL REFERENCES mirroring_policies (id) ON DELETE CASCADE, tag TEXT NOT NULL, digest TEXT NOT NULL,
        remote_tag TEXT NOT NULL, form TEXT NOT NULL, done BOOLEAN NOT NULL, due_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL, failures BIGINT NOT NULL, error TEXT, blobs BIGINT NOT NULL, blobs_done BIGINT NOT NULL,
        bytes BIGINT NOT NULL, bytes_done BIGINT NOT NULL, PRIMARY KEY (policy, tag));
      CREATE INDEX mirroring_work_due ON mirroring_work (due_at) WHERE NOT done"],
};

// ── policies ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// `next_at` is when it polls first; for one that pushes it says nothing.
pub(crate) async fn insert(tx: &mut Tx, policy: &MirroringPolicy, next_at: Timestamp) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO mirroring_policies (id, repository, direction, place, host, remote_repository, username, sealed, form,
            enabled, referrers, created_by, created_at, next_at, failures)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0)",
        &args![
            &policy.id,
            policy.repository.as_str(),
            policy.direction.to_string(),
            place_of(policy),
            &policy.place.host,
            &policy.place.repository,
            &policy.username,
            policy.sealed.clone(),
            form_of(policy),
            policy.policy.enabled(),
            policy.referrers,
            &policy.created_by,
            policy.created_at,
            next_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn update(tx: &mut Tx, policy: &MirroringPolicy, next_at: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE mirroring_policies SET place = $2, host = $3, remote_repository = $4, username = $5, sealed = $6, form = $7,
            enabled = $8, referrers = $9, next_at = $10, failures = 0 WHERE id = $1",
        &args![
            &policy.id,
            place_of(policy),
            &policy.place.host,
            &policy.place.repository,
            &policy.username,
            policy.sealed.clone(),
            form_of(policy),
            policy.policy.enabled(),
            policy.referrers,
            next_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_next(tx: &mut Tx, id: &Id<MirroringPolicy>, next_at: Timestamp) -> Result<(), Error> {
    tx.execute("UPDATE mirroring_policies SET next_at = $2 WHERE id = $1", &args![id, next_at]).await?;
    Ok(())
}

/// A poll is over.
pub(crate) async fn polled(
    tx: &mut Tx,
    id: &Id<MirroringPolicy>,
    next_at: Timestamp,
    failures: i64,
) -> Result<(), Error> {
    let sql = "UPDATE mirroring_policies SET next_at = $2, failures = $3 WHERE id = $1";
    tx.execute(sql, &args![id, next_at, failures]).await?;
    Ok(())
}

pub(crate) async fn set_status(
    tx: &mut Tx,
    id: &Id<MirroringPolicy>,
    (code, detail): (&str, &str),
    now: Timestamp,
    mirrored: bool,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE mirroring_policies SET status_code = $2, status_detail = $3, status_at = $4,
            last_mirrored_at = CASE WHEN $5 THEN $4 ELSE last_mirrored_at END WHERE id = $1",
        &args![id, code, detail, now, mirrored],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, id: &Id<MirroringPolicy>) -> Result<(), Error> {
    tx.execute("DELETE FROM mirroring_work WHERE policy = $1", &args![id]).await?;
    tx.execute("DELETE FROM mirroring_policies WHERE id = $1", &args![id]).await?;
    Ok(())
}

pub(crate) async fn policy(tx: &mut Tx, id: &Id<MirroringPolicy>) -> Result<Option<MirroringPolicy>, Error> {
    let row = tx.opt("SELECT * FROM mirroring_policies WHERE id = $1", &args![id]).await?;
    row.as_ref().map(policy_of).transpose()
}

/// In the order they were made; of one direction, or of both.
pub(crate) async fn of_repository(
    tx: &mut Tx,
    repository: &RepoName,
    direction: Option<Direction>,
) -> Result<Vec<MirroringPolicy>, Error> {
    let sql = "SELECT * FROM mirroring_policies WHERE repository = $1 ORDER BY created_at, id";
    let rows = tx.all(sql, &args![repository.as_str()]).await?;
    let mut found = rows.iter().map(policy_of).collect::<Result<Vec<_>, _>>()?;
    found.retain(|policy| direction.is_none_or(|direction| policy.direction == direction));
    Ok(found)
}

/// The repositories that have push policies.
pub(crate) async fn push_repositories(tx: &mut Tx) -> Result<Vec<RepoName>, Error> {
    let sql = "SELECT DISTINCT repository FROM mirroring_policies WHERE direction = 'push' ORDER BY repository";
    tx.all(sql, &[]).await?.iter().map(|row| row.parse("repository")).collect()
}

/// All policies, for the fold of the audit log.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<MirroringPolicy>, Error> {
    tx.all("SELECT * FROM mirroring_policies ORDER BY id", &[]).await?.iter().map(policy_of).collect()
}

/// Enabled policies with something to do now.
pub(crate) async fn policies_due(tx: &mut Tx, now: Timestamp) -> Result<Vec<Id<MirroringPolicy>>, Error> {
    let sql = "SELECT id FROM mirroring_policies p WHERE enabled AND (
            (direction = 'poll' AND next_at <= $1)
            OR (direction <> 'poll' AND EXISTS (SELECT 1 FROM mirroring_work w
                WHERE w.policy = p.id AND NOT w.done AND w.due_at <= $1))) ORDER BY id LIMIT 1000";
    tx.all(sql, &args![now]).await?.iter().map(|row| row.parse("id")).collect()
}

pub(crate) async fn poll_is_due(tx: &mut Tx, id: &Id<MirroringPolicy>, now: Timestamp) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM mirroring_policies WHERE id = $1 AND enabled AND next_at <= $2";
    Ok(tx.opt(sql, &args![id, now]).await?.is_some())
}

/// Another repository on the same host that images were pushed to by the same user: blobs may be mounted from there.
pub(crate) async fn beside(tx: &mut Tx, policy: &MirroringPolicy) -> Result<Option<String>, Error> {
    let sql = "SELECT p.remote_repository FROM mirroring_policies p WHERE p.direction = 'push' AND p.host = $1
            AND p.username = $2 AND p.remote_repository <> $3 AND p.repository = $4
            AND EXISTS (SELECT 1 FROM mirroring_work w WHERE w.policy = p.id AND w.done)
         ORDER BY p.last_mirrored_at DESC LIMIT 1";
    let Place { host, repository, .. } = &policy.place;
    let args = args![host, &policy.username, repository, policy.repository.as_str()];
    tx.opt(sql, &args).await?.map(|row| row.text("remote_repository")).transpose()
}

fn form_of(policy: &MirroringPolicy) -> String {
    String::from_utf8(policy.policy.canonical()).expect("canonical JSON is text")
}

fn place_of(policy: &MirroringPolicy) -> String {
    serde_json::to_string(&policy.place).expect("a place has only text keys")
}

fn policy_of(row: &Row) -> Result<MirroringPolicy, Error> {
    let corrupt = |error: String| Error::Corrupt(format!("a mirroring policy: {error}"));
    let form: PolicyForm = serde_json::from_str(&row.text("form")?).map_err(|error| corrupt(error.to_string()))?;
    let status = match (row.opt_text("status_code")?, row.opt_text("status_detail")?, row.opt_time("status_at")?) {
        (Some(code), Some(detail), Some(at)) => Some(Status { code, detail, at }),
        _ => None,
    };
    Ok(MirroringPolicy {
        id: row.parse("id")?,
        repository: row.parse("repository")?,
        direction: row.parse("direction")?,
        place: serde_json::from_str(&row.text("place")?).map_err(|error| corrupt(error.to_string()))?,
        username: row.text("username")?,
        sealed: row.opt_bytes("sealed")?,
        policy: form.try_into().map_err(|error: policy::PolicyError| corrupt(error.to_string()))?,
        referrers: row.bool("referrers")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        last_mirrored_at: row.opt_time("last_mirrored_at")?,
        status,
        failures: row.int("failures")?,
    })
}

// ── what they want ──────────────────────────────────────────────────────────────────────────────────────────────────

/// Want a tag elsewhere; gives whether that is news. The same image is not sent twice by one text of a policy, though its template may
/// make another tag by now.
pub(crate) async fn want(
    tx: &mut Tx,
    policy: &MirroringPolicy,
    (tag, digest, remote_tag): (&Tag, &Digest, &Tag),
    now: Timestamp,
) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "INSERT INTO mirroring_work (policy, tag, digest, remote_tag, form, done, due_at, updated_at, failures, blobs,
                blobs_done, bytes, bytes_done)
             VALUES ($1, $2, $3, $4, $5, FALSE, $6, $6, 0, 0, 0, 0, 0)
             ON CONFLICT (policy, tag) DO UPDATE SET digest = excluded.digest, remote_tag = excluded.remote_tag,
                form = excluded.form, done = FALSE, due_at = excluded.due_at, updated_at = excluded.updated_at, failures = 0,
                error = NULL, blobs = 0, blobs_done = 0, bytes = 0, bytes_done = 0
             WHERE mirroring_work.digest <> excluded.digest OR mirroring_work.form <> excluded.form",
            &args![&policy.id, tag.as_str(), digest.as_str(), remote_tag.as_str(), of_form(policy), now],
        )
        .await?;
    Ok(changed > 0)
}

/// Want a tag from elsewhere, also when it was here before.
pub(crate) async fn want_again(
    tx: &mut Tx,
    policy: &MirroringPolicy,
    (tag, digest): (&Tag, &Digest),
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO mirroring_work (policy, tag, digest, remote_tag, form, done, due_at, updated_at, failures, blobs,
            blobs_done, bytes, bytes_done)
         VALUES ($1, $2, $3, $2, $4, FALSE, $5, $5, 0, 0, 0, 0, 0)
         ON CONFLICT (policy, tag) DO UPDATE SET digest = excluded.digest, done = FALSE, updated_at = excluded.updated_at,
            failures = CASE WHEN mirroring_work.digest = excluded.digest THEN mirroring_work.failures ELSE 0 END,
            blobs = 0, blobs_done = 0, bytes = 0, bytes_done = 0",
        &args![&policy.id, tag.as_str(), digest.as_str(), of_form(policy), now],
    )
    .await?;
    Ok(())
}

/// What makes the same image be sent again: another text of the policy, or another place.
fn of_form(policy: &MirroringPolicy) -> String {
    base::digest_hex(format!("{} {}", place_of(policy), policy.policy.digest()).as_bytes())
}

/// Try again now what failed.
pub(crate) async fn hurry(tx: &mut Tx, policy: &Id<MirroringPolicy>, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE mirroring_work SET due_at = $2 WHERE policy = $1 AND NOT done";
    tx.execute(sql, &args![policy, now]).await?;
    Ok(())
}

/// The next that is due of a policy.
pub(crate) async fn due(tx: &mut Tx, policy: &Id<MirroringPolicy>, now: Timestamp) -> Result<Option<Work>, Error> {
    let sql =
        "SELECT * FROM mirroring_work WHERE policy = $1 AND NOT done AND due_at <= $2 ORDER BY due_at, tag LIMIT 1";
    tx.opt(sql, &args![policy, now]).await?.as_ref().map(work_row).transpose()
}

pub(crate) async fn work(tx: &mut Tx, policy: &Id<MirroringPolicy>, tag: &Tag) -> Result<Option<Work>, Error> {
    let sql = "SELECT * FROM mirroring_work WHERE policy = $1 AND tag = $2";
    tx.opt(sql, &args![policy, tag.as_str()]).await?.as_ref().map(work_row).transpose()
}

/// First what is not done, then the latest.
pub(crate) async fn work_of(tx: &mut Tx, policy: &Id<MirroringPolicy>, limit: i64) -> Result<Vec<Work>, Error> {
    let sql = "SELECT * FROM mirroring_work WHERE policy = $1 ORDER BY done, updated_at DESC, tag LIMIT $2";
    tx.all(sql, &args![policy, limit]).await?.iter().map(work_row).collect()
}

/// The latest mirroring of a tag while it names this image, with where that is.
pub(crate) async fn mirrored(
    tx: &mut Tx,
    repository: &RepoName,
    tag: &Tag,
    digest: &Digest,
) -> Result<Option<(String, Work)>, Error> {
    let sql = "SELECT w.*, p.place FROM mirroring_work w JOIN mirroring_policies p ON p.id = w.policy
         WHERE p.repository = $1 AND w.tag = $2 AND w.digest = $3 AND w.done ORDER BY w.updated_at DESC LIMIT 1";
    let Some(row) = tx.opt(sql, &args![repository.as_str(), tag.as_str(), digest.as_str()]).await? else {
        return Ok(None);
    };
    let place: Place =
        serde_json::from_str(&row.text("place")?).map_err(|error| Error::Corrupt(format!("a place: {error}")))?;
    Ok(Some((format!("{}/{}", place.bare_host(), place.repository), work_row(&row)?)))
}

pub(crate) async fn note(tx: &mut Tx, work: &Work, progress: &Progress, now: Timestamp) -> Result<(), Error> {
    tx.execute(
        "UPDATE mirroring_work SET blobs = $3, blobs_done = $4, bytes = $5, bytes_done = $6, updated_at = $7
         WHERE policy = $1 AND tag = $2 AND digest = $8 AND NOT done",
        &args![
            &work.policy,
            work.tag.as_str(),
            progress.blobs,
            progress.blobs_done,
            progress.bytes,
            progress.bytes_done,
            now,
            work.digest.as_str()
        ],
    )
    .await?;
    Ok(())
}

/// Gives whether the row still wanted this image and did not have it.
pub(crate) async fn finish(tx: &mut Tx, work: &Work, progress: &Progress, now: Timestamp) -> Result<bool, Error> {
    note(tx, work, progress, now).await?;
    let sql = "UPDATE mirroring_work SET done = TRUE, failures = 0, error = NULL
         WHERE policy = $1 AND tag = $2 AND digest = $3 AND remote_tag = $4 AND NOT done";
    let args = args![&work.policy, work.tag.as_str(), work.digest.as_str(), work.remote_tag.as_str()];
    Ok(tx.execute(sql, &args).await? > 0)
}

/// Gives whether the row still wanted this image.
pub(crate) async fn fail(
    tx: &mut Tx,
    work: &Work,
    error: &str,
    (now, due_at): (Timestamp, Timestamp),
) -> Result<bool, Error> {
    let sql = "UPDATE mirroring_work SET error = $4, failures = failures + 1, due_at = $5, updated_at = $6
         WHERE policy = $1 AND tag = $2 AND digest = $3 AND NOT done";
    let args = args![&work.policy, work.tag.as_str(), work.digest.as_str(), error, due_at, now];
    Ok(tx.execute(sql, &args).await? > 0)
}

pub(crate) async fn drop_work(tx: &mut Tx, work: &Work) -> Result<(), Error> {
    let sql = "DELETE FROM mirroring_work WHERE policy = $1 AND tag = $2 AND digest = $3";
    tx.execute(sql, &args![&work.policy, work.tag.as_str(), work.digest.as_str()]).await?;
    Ok(())
}

/// The tag is not here any more: how it was pushed need not be known.
pub(crate) async fn forget_tag(tx: &mut Tx, repository: &RepoName, tag: &Tag) -> Result<(), Error> {
    let sql = "DELETE FROM mirroring_work WHERE tag = $2 AND done AND policy IN (
            SELECT id FROM mirroring_policies WHERE repository = $1 AND direction = 'push')";
    tx.execute(sql, &args![repository.as_str(), tag.as_str()]).await?;
    Ok(())
}

fn work_row(row: &Row) -> Result<Work, Error> {
    Ok(Work {
        policy: row.parse("policy")?,
        tag: row.parse("tag")?,
        digest: row.parse("digest")?,
        remote_tag: row.parse("remote_tag")?,
        done: row.bool("done")?,
        updated_at: row.time("updated_at")?,
        failures: row.int("failures")?,
        error: row.opt_text("error")?,
        progress: Progress {
            blobs: row.int("blobs")?,
            blobs_done: row.int("blobs_done")?,
            bytes: row.int("bytes")?,
            bytes_done: row.int("bytes_done")?,
        },
    })
}
