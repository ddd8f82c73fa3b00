//! The SQL of policies and waivers; that of decisions and promotions is in `store/decisions.rs`, that of VEX documents in `store/vex.rs`.

use base::{Id, Timestamp};
use db::{Error, Row, Schema, Tx, args};
use oci::RepoName;
use policy::PolicyForm;

use crate::PromotionPolicy;

mod decisions;
mod vex;
mod waivers;

pub(crate) use decisions::*;
pub(crate) use vex::*;
pub(crate) use waivers::*;

pub const SCHEMA: Schema = Schema {
    context: "promote",
    steps: &[
        "CREATE TABLE promotion_policies (
        id TEXT PRIMARY KEY, source TEXT NOT NULL, target TEXT NOT NULL, form TEXT NOT NULL, digest TEXT NOT NULL,
        created_by TEXT NOT NULL, created_at BIGINT NOT NULL, last_promoted_at BIGINT);
      CREATE INDEX promotion_policies_source ON promotion_policies (source);
      CREATE INDEX promotion_policies_target ON promotion_policies (target);
      CREATE TABLE waivers (
        id TEXT PRIMARY KEY, scope TEXT NOT NULL, advisory TEXT NOT NULL, component TEXT, reason TEXT NOT NULL,
        author TEXT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT);
      CREATE INDEX waivers_scope ON waivers (scope);
      CREATE TABLE decision_documents (digest TEXT PRIMARY KEY, body BYTEA NOT NULL);
      CREATE TABLE decisions (
        id TEXT PRIMARY KEY, policy TEXT NOT NULL, repository TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,
        verdict TEXT NOT NULL, reasons TEXT NOT NULL, evaluator TEXT NOT NULL,
        policy_digest TEXT NOT NULL REFERENCES decision_documents (digest),
        evidence_digest TEXT NOT NULL REFERENCES decision_documents (digest),
        inputs TEXT NOT NULL, decided_at BIGINT NOT NULL, effect TEXT NOT NULL, effect_reason TEXT,
        entry TEXT NOT NULL, ordinal BIGINT NOT NULL,
        UNIQUE (policy, repository, tag, digest, ordinal));
      CREATE INDEX decisions_digest ON decisions (digest, decided_at);
      CREATE INDEX decisions_tag ON decisions (repository, tag, decided_at);
      CREATE TABLE promotions (
        id TEXT PRIMARY KEY, policy TEXT, policy_digest TEXT, decision TEXT REFERENCES decisions (id),
        source TEXT NOT NULL, source_tag TEXT NOT NULL, target TEXT NOT NULL, target_tag TEXT NOT NULL,
        digest TEXT NOT NULL, source_pushed_at BIGINT NOT NULL, promoted_at BIGINT NOT NULL,
        promoted_by TEXT NOT NULL, ordinal BIGINT NOT NULL,
        UNIQUE (target, target_tag, ordinal),
        UNIQUE (policy, source, source_tag, digest, target, target_tag));
      CREATE INDEX promotions_digest ON promotions (digest)",
        "ALTER TABLE waivers ADD COLUMN ended BOOLEAN NOT NULL DEFAULT FALSE;
      CREATE INDEX waivers_expiry ON waivers (expires_at)",
        // Why what is waived is not affected, in a word of OpenVEX.
        "ALTER TABLE waivers ADD COLUMN justification TEXT",
        "CREATE TABLE vex_documents (
        id TEXT PRIMARY KEY, scope TEXT NOT NULL, name TEXT NOT NULL, format TEXT NOT NULL, author TEXT NOT NULL, dated BIGINT,
        statements BIGINT NOT NULL, digest TEXT NOT NULL, size BIGINT NOT NULL, added_by TEXT NOT NULL, added_at BIGINT NOT NULL,
        body BYTEA NOT NULL, UNIQUE (scope, name))",
        // What is signed of a decision, and whether it is still to be attached to the image.
        "CREATE TABLE decision_statements (
        decision TEXT PRIMARY KEY REFERENCES decisions (id), bundle BYTEA NOT NULL, wanted BOOLEAN NOT NULL);
      CREATE INDEX decision_statements_wanted ON decision_statements (decision) WHERE wanted;
      CREATE INDEX decisions_repository ON decisions (repository, id);
      CREATE INDEX promotions_policy ON promotions (policy, digest)",
        waivers::APPROVAL_STEP,
        decisions::STATEMENT_KEY_STEP,
    ],
};

// ── policies ────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert_policy(tx: &mut Tx, policy: &PromotionPolicy) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO promotion_policies (id, source, target, form, digest, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &args![
            &policy.id,
            policy.source.as_str(),
            policy.target.as_str(),
            form_of(policy),
            policy.policy.digest(),
            &policy.created_by,
            policy.created_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn update_policy(tx: &mut Tx, policy: &PromotionPolicy) -> Result<(), Error> {
    tx.execute(
        "UPDATE promotion_policies SET target = $2, form = $3, digest = $4 WHERE id = $1",
        &args![&policy.id, policy.target.as_str(), form_of(policy), policy.policy.digest()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_last_promoted(tx: &mut Tx, id: &Id<PromotionPolicy>, now: Timestamp) -> Result<(), Error> {
    tx.execute("UPDATE promotion_policies SET last_promoted_at = $2 WHERE id = $1", &args![id, now]).await?;
    Ok(())
}

pub(crate) async fn delete_policy(tx: &mut Tx, id: &Id<PromotionPolicy>) -> Result<(), Error> {
    tx.execute("DELETE FROM promotion_policies WHERE id = $1", &args![id]).await?;
    Ok(())
}

pub(crate) async fn policy(tx: &mut Tx, id: &Id<PromotionPolicy>) -> Result<Option<PromotionPolicy>, Error> {
    let row = tx.opt("SELECT * FROM promotion_policies WHERE id = $1", &args![id]).await?;
    row.as_ref().map(policy_of).transpose()
}

/// In the order they were made.
pub(crate) async fn policies_of_source(tx: &mut Tx, source: &RepoName) -> Result<Vec<PromotionPolicy>, Error> {
    let sql = "SELECT * FROM promotion_policies WHERE source = $1 ORDER BY created_at, id";
    tx.all(sql, &args![source.as_str()]).await?.iter().map(policy_of).collect()
}

pub(crate) async fn policies_of_target(tx: &mut Tx, target: &RepoName) -> Result<Vec<PromotionPolicy>, Error> {
    let sql = "SELECT * FROM promotion_policies WHERE target = $1 ORDER BY created_at, id LIMIT 1000";
    tx.all(sql, &args![target.as_str()]).await?.iter().map(policy_of).collect()
}

/// The repositories that policies are about.
pub(crate) async fn sources_and_targets(tx: &mut Tx) -> Result<Vec<RepoName>, Error> {
    let sql = "SELECT source AS name FROM promotion_policies UNION SELECT target FROM promotion_policies ORDER BY name";
    tx.all(sql, &[]).await?.iter().map(|row| row.parse("name")).collect()
}

/// All policies, for the fold of the audit log.
pub(crate) async fn all_policies(tx: &mut Tx) -> Result<Vec<PromotionPolicy>, Error> {
    tx.all("SELECT * FROM promotion_policies ORDER BY id", &[]).await?.iter().map(policy_of).collect()
}

fn form_of(policy: &PromotionPolicy) -> String {
    String::from_utf8(policy.policy.canonical()).expect("canonical JSON is text")
}

fn policy_of(row: &Row) -> Result<PromotionPolicy, Error> {
    let corrupt = |error: String| Error::Corrupt(format!("a promotion policy: {error}"));
    let form: PolicyForm = serde_json::from_str(&row.text("form")?).map_err(|error| corrupt(error.to_string()))?;
    Ok(PromotionPolicy {
        id: row.parse("id")?,
        source: row.parse("source")?,
        target: row.parse("target")?,
        policy: form.try_into().map_err(|error: policy::PolicyError| corrupt(error.to_string()))?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        last_promoted_at: row.opt_time("last_promoted_at")?,
    })
}
