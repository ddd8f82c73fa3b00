//! The SQL of pruning policies.

use base::{Id, Timestamp};
use db::{Error, Row, Schema, Tx, args};
use oci::RepoName;
use policy::PolicyForm;

use crate::PruningPolicy;

pub const SCHEMA: Schema = Schema {
    context: "prune",
    steps: &["CREATE TABLE pruning_policies (
        id TEXT PRIMARY KEY, repository TEXT NOT NULL, form TEXT NOT NULL, promoted_too BOOLEAN NOT NULL, since BIGINT,
        created_by TEXT NOT NULL, created_at BIGINT NOT NULL, last_pruned_at BIGINT);
      CREATE INDEX pruning_policies_repository ON pruning_policies (repository)"],
};

pub(crate) async fn insert(tx: &mut Tx, policy: &PruningPolicy) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO pruning_policies (id, repository, form, promoted_too, since, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &args![
            &policy.id,
            policy.repository.as_str(),
            form_of(policy),
            policy.promoted_too,
            policy.since,
            &policy.created_by,
            policy.created_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn update(tx: &mut Tx, policy: &PruningPolicy) -> Result<(), Error> {
    tx.execute(
        "UPDATE pruning_policies SET form = $2, promoted_too = $3, since = $4 WHERE id = $1",
        &args![&policy.id, form_of(policy), policy.promoted_too, policy.since],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_last_pruned(tx: &mut Tx, id: &Id<PruningPolicy>, now: Timestamp) -> Result<(), Error> {
    tx.execute("UPDATE pruning_policies SET last_pruned_at = $2 WHERE id = $1", &args![id, now]).await?;
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, id: &Id<PruningPolicy>) -> Result<(), Error> {
    tx.execute("DELETE FROM pruning_policies WHERE id = $1", &args![id]).await?;
    Ok(())
}

pub(crate) async fn policy(tx: &mut Tx, id: &Id<PruningPolicy>) -> Result<Option<PruningPolicy>, Error> {
    let row = tx.opt("SELECT * FROM pruning_policies WHERE id = $1", &args![id]).await?;
    row.as_ref().map(policy_of).transpose()
}

/// In the order they were made.
pub(crate) async fn of_repository(tx: &mut Tx, repository: &RepoName) -> Result<Vec<PruningPolicy>, Error> {
    let sql = "SELECT * FROM pruning_policies WHERE repository = $1 ORDER BY created_at, id";
    tx.all(sql, &args![repository.as_str()]).await?.iter().map(policy_of).collect()
}

/// The repositories that have policies.
pub(crate) async fn repositories(tx: &mut Tx) -> Result<Vec<RepoName>, Error> {
    let rows = tx.all("SELECT DISTINCT repository FROM pruning_policies ORDER BY repository", &[]).await?;
    rows.iter().map(|row| row.parse("repository")).collect()
}

/// All policies, for the fold of the audit log.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<PruningPolicy>, Error> {
    tx.all("SELECT * FROM pruning_policies ORDER BY id", &[]).await?.iter().map(policy_of).collect()
}

fn form_of(policy: &PruningPolicy) -> String {
    String::from_utf8(policy.policy.canonical()).expect("canonical JSON is text")
}

fn policy_of(row: &Row) -> Result<PruningPolicy, Error> {
    let corrupt = |error: String| Error::Corrupt(format!("a pruning policy: {error}"));
    let form: PolicyForm = serde_json::from_str(&row.text("form")?).map_err(|error| corrupt(error.to_string()))?;
    Ok(PruningPolicy {
        id: row.parse("id")?,
        repository: row.parse("repository")?,
        policy: form.try_into().map_err(|error: policy::PolicyError| corrupt(error.to_string()))?,
        promoted_too: row.bool("promoted_too")?,
        since: row.opt_time("since")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        last_pruned_at: row.opt_time("last_pruned_at")?,
    })
}
