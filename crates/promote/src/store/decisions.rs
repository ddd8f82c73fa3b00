//! The SQL of decisions, their documents, and promotions.

use base::Id;
use db::{Error, Row, Tx, args};
use oci::{Digest, RepoName, Tag};
use policy::Decision;

use crate::{DecisionRecord, Effect, Promotion, PromotionPolicy, decision::StoredVerdict, evaluate::Subject};

// ── documents ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// Keep a document under its digest; the same one is kept once.
pub(crate) async fn insert_document(tx: &mut Tx, digest: &str, body: &[u8]) -> Result<(), Error> {
    let sql = "INSERT INTO decision_documents (digest, body) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
    tx.execute(sql, &args![digest, body]).await?;
    Ok(())
}

/// Digests and texts of documents after this one, by digest.
pub(crate) async fn documents_after(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let sql = "SELECT digest, body FROM decision_documents WHERE digest > $1 ORDER BY digest LIMIT $2";
    let rows = tx.all(sql, &args![after, limit]).await?;
    rows.iter().map(|row| Ok((row.text("digest")?, row.bytes("body")?))).collect()
}

pub(crate) async fn document(tx: &mut Tx, digest: &str) -> Result<Option<Vec<u8>>, Error> {
    let row = tx.opt("SELECT body FROM decision_documents WHERE digest = $1", &args![digest]).await?;
    row.map(|row| row.bytes("body")).transpose()
}

// ── decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// `ordinal` counts the decisions of one policy about one tag and image: two evaluations at once cannot both be the next.
pub(crate) async fn insert_decision(tx: &mut Tx, record: &DecisionRecord) -> Result<(), Error> {
    let reasons = serde_json::to_string(&record.decision.reasons).expect("reasons have only text keys");
    let (effect, effect_reason) = record.effect.columns();
    tx.execute(
        "INSERT INTO decisions (id, policy, repository, tag, digest, verdict, reasons, evaluator, policy_digest,
            evidence_digest, inputs, decided_at, effect, effect_reason, entry, ordinal)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, COUNT(*) FROM decisions
         WHERE policy = $2 AND repository = $3 AND tag = $4 AND digest = $5",
        &args![
            &record.id,
            &record.policy,
            record.repository.as_str(),
            record.tag.as_str(),
            record.digest.as_str(),
            record.decision.verdict.as_str(),
            reasons,
            &record.decision.evaluator,
            &record.decision.policy_digest,
            &record.decision.evidence_digest,
            &record.inputs,
            record.decided_at,
            effect,
            effect_reason,
            &record.entry
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_effect(tx: &mut Tx, id: &Id<DecisionRecord>, effect: &Effect) -> Result<(), Error> {
    let (word, reason) = effect.columns();
    tx.execute("UPDATE decisions SET effect = $2, effect_reason = $3 WHERE id = $1", &args![id, word, reason]).await?;
    Ok(())
}

pub(crate) async fn latest_decision(
    tx: &mut Tx,
    policy: &Id<PromotionPolicy>,
    subject: &Subject,
) -> Result<Option<DecisionRecord>, Error> {
    let row = tx
        .opt(
            "SELECT * FROM decisions WHERE policy = $1 AND repository = $2 AND tag = $3 AND digest = $4
             ORDER BY ordinal DESC LIMIT 1",
            &args![policy, subject.repository.as_str(), subject.tag.as_str(), subject.digest.as_str()],
        )
        .await?;
    row.as_ref().map(decision_of).transpose()
}

pub(crate) async fn decision(tx: &mut Tx, id: &Id<DecisionRecord>) -> Result<Option<DecisionRecord>, Error> {
    let row = tx.opt("SELECT * FROM decisions WHERE id = $1", &args![id]).await?;
    row.as_ref().map(decision_of).transpose()
}

/// The decision about an image that this entry tells of.
pub(crate) async fn decision_of_entry(
    tx: &mut Tx,
    digest: &Digest,
    entry: &str,
) -> Result<Option<DecisionRecord>, Error> {
    let sql = "SELECT * FROM decisions WHERE digest = $1 AND entry = $2";
    tx.opt(sql, &args![digest.as_str(), entry]).await?.as_ref().map(decision_of).transpose()
}

pub(crate) async fn decisions_of_tag(
    tx: &mut Tx,
    repository: &RepoName,
    tag: &Tag,
    limit: i64,
) -> Result<Vec<DecisionRecord>, Error> {
    let sql = "SELECT * FROM decisions WHERE repository = $1 AND tag = $2
               ORDER BY decided_at DESC, ordinal DESC, policy LIMIT $3";
    tx.all(sql, &args![repository.as_str(), tag.as_str(), limit]).await?.iter().map(decision_of).collect()
}

pub(crate) async fn decisions_about(tx: &mut Tx, digest: &Digest, limit: i64) -> Result<Vec<DecisionRecord>, Error> {
    let sql = "SELECT * FROM decisions WHERE digest = $1 ORDER BY decided_at DESC, ordinal DESC, policy LIMIT $2";
    tx.all(sql, &args![digest.as_str(), limit]).await?.iter().map(decision_of).collect()
}

/// Decisions about images of a repository before this one, the newest first.
pub(crate) async fn decisions_of_repository(
    tx: &mut Tx,
    repository: &RepoName,
    before: &str,
    limit: i64,
) -> Result<Vec<DecisionRecord>, Error> {
    let sql = "SELECT * FROM decisions WHERE repository = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3";
    tx.all(sql, &args![repository.as_str(), before, limit]).await?.iter().map(decision_of).collect()
}

/// All decisions, for the fold of the audit log.
pub(crate) async fn all_decisions(tx: &mut Tx) -> Result<Vec<DecisionRecord>, Error> {
    tx.all("SELECT * FROM decisions ORDER BY id", &[]).await?.iter().map(decision_of).collect()
}

fn decision_of(row: &Row) -> Result<DecisionRecord, Error> {
    let reasons = serde_json::from_str(&row.text("reasons")?);
    let decision = Decision {
        verdict: row.parse::<StoredVerdict>("verdict")?.0,
        reasons: reasons.map_err(|error| Error::Corrupt(format!("the reasons of a decision: {error}")))?,
        evaluator: row.text("evaluator")?,
        policy_digest: row.text("policy_digest")?,
        evidence_digest: row.text("evidence_digest")?,
    };
    Ok(DecisionRecord {
        id: row.parse("id")?,
        policy: row.parse("policy")?,
        repository: row.parse("repository")?,
        tag: row.parse("tag")?,
        digest: row.parse("digest")?,
        decision,
        decided_at: row.time("decided_at")?,
        effect: Effect::of_columns(&row.text("effect")?, row.opt_text("effect_reason")?)?,
        entry: row.text("entry")?,
        inputs: row.text("inputs")?,
    })
}

// ── statements ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Whose key signed it, by the key's name; of those kept before this column it is not known.
pub(crate) const STATEMENT_KEY_STEP: &str =
    "ALTER TABLE decision_statements ADD COLUMN signed_by TEXT NOT NULL DEFAULT '';
      CREATE INDEX decision_statements_signed_by ON decision_statements (signed_by)";

pub(crate) async fn insert_statement(
    tx: &mut Tx,
    decision: &Id<DecisionRecord>,
    bundle: &[u8],
    key: &str,
) -> Result<(), Error> {
    let sql = "INSERT INTO decision_statements (decision, bundle, wanted, signed_by) VALUES ($1, $2, FALSE, $3)";
    tx.execute(sql, &args![decision, bundle, key]).await?;
    Ok(())
}

pub(crate) async fn set_statement_key(tx: &mut Tx, decision: &Id<DecisionRecord>, key: &str) -> Result<(), Error> {
    tx.execute("UPDATE decision_statements SET signed_by = $2 WHERE decision = $1", &args![decision, key]).await?;
    Ok(())
}

/// Put a statement in the place of one that another key signed, and have it attached, or not.
pub(crate) async fn renew_statement(
    tx: &mut Tx,
    decision: &Id<DecisionRecord>,
    bundle: &[u8],
    key: &str,
    wanted: bool,
) -> Result<(), Error> {
    let sql = "UPDATE decision_statements SET bundle = $2, signed_by = $3, wanted = $4 WHERE decision = $1";
    tx.execute(sql, &args![decision, bundle, key, wanted]).await?;
    Ok(())
}

/// Statements after this one that were signed with another key than this, by decision.
pub(crate) async fn statements_of_others(
    tx: &mut Tx,
    key: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<(DecisionRecord, Vec<u8>)>, Error> {
    // Written so that the index is used: it says at once that there are none.
    let sql = "SELECT decisions.*, bundle FROM decision_statements JOIN decisions ON decisions.id = decision
               WHERE (signed_by < $1 OR signed_by > $1) AND decision > $2 ORDER BY decision LIMIT $3";
    let rows = tx.all(sql, &args![key, after, limit]).await?;
    rows.iter().map(|row| Ok((decision_of(row)?, row.bytes("bundle")?))).collect()
}

pub(crate) async fn statement(tx: &mut Tx, decision: &Id<DecisionRecord>) -> Result<Option<Vec<u8>>, Error> {
    let row = tx.opt("SELECT bundle FROM decision_statements WHERE decision = $1", &args![decision]).await?;
    row.map(|row| row.bytes("bundle")).transpose()
}

/// Have a statement attached, or no more; gives whether there is one.
pub(crate) async fn want_statement(tx: &mut Tx, decision: &Id<DecisionRecord>, wanted: bool) -> Result<bool, Error> {
    let sql = "UPDATE decision_statements SET wanted = $2 WHERE decision = $1";
    Ok(tx.execute(sql, &args![decision, wanted]).await? > 0)
}

/// Statements that are to be attached, after this one, the oldest first.
pub(crate) async fn statements_wanted(
    tx: &mut Tx,
    after: &str,
    limit: i64,
) -> Result<Vec<(DecisionRecord, Vec<u8>)>, Error> {
    let sql = "SELECT decisions.*, bundle FROM decision_statements JOIN decisions ON decisions.id = decision
               WHERE wanted AND decision > $1 ORDER BY decision LIMIT $2";
    let rows = tx.all(sql, &args![after, limit]).await?;
    rows.iter().map(|row| Ok((decision_of(row)?, row.bytes("bundle")?))).collect()
}

// ── promotions ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// `ordinal` counts the promotions to one tag, so that the latest is known also within one microsecond.
pub(crate) async fn insert_promotion(tx: &mut Tx, promotion: &Promotion) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO promotions (id, policy, policy_digest, decision, source, source_tag, target, target_tag, digest,
            source_pushed_at, promoted_at, promoted_by, ordinal)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, COUNT(*) FROM promotions
         WHERE target = $7 AND target_tag = $8",
        &args![
            &promotion.id,
            promotion.policy.as_ref(),
            promotion.policy_digest.as_ref(),
            promotion.decision.as_ref(),
            promotion.source.as_str(),
            promotion.source_tag.as_str(),
            promotion.target.as_str(),
            promotion.target_tag.as_str(),
            promotion.digest.as_str(),
            promotion.source_pushed_at,
            promotion.promoted_at,
            &promotion.promoted_by
        ],
    )
    .await?;
    Ok(())
}

/// Whether this policy has promoted this image from this tag before: to the same tag, or, with the same text of the policy,
/// to another one that its template made then.
pub(crate) async fn promoted_before(tx: &mut Tx, promotion: &Promotion) -> Result<bool, Error> {
    let row = tx
        .opt(
            "SELECT 1 AS one FROM promotions WHERE policy = $1 AND source = $2 AND source_tag = $3 AND digest = $4
             AND target = $5 AND (target_tag = $6 OR policy_digest = $7) LIMIT 1",
            &args![
                promotion.policy.as_ref(),
                promotion.source.as_str(),
                promotion.source_tag.as_str(),
                promotion.digest.as_str(),
                promotion.target.as_str(),
                promotion.target_tag.as_str(),
                promotion.policy_digest.as_ref()
            ],
        )
        .await?;
    Ok(row.is_some())
}

/// Whether somebody was told that this policy promoted this image to this tag.
pub(crate) async fn told_before(tx: &mut Tx, promotion: &Promotion) -> Result<bool, Error> {
    let row = tx
        .opt(
            "SELECT 1 AS one FROM promotions WHERE policy = $1 AND digest = $2 AND target = $3 AND target_tag = $4 LIMIT 1",
            &args![
                promotion.policy.as_ref(),
                promotion.digest.as_str(),
                promotion.target.as_str(),
                promotion.target_tag.as_str()
            ],
        )
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn latest_promotion(tx: &mut Tx, target: &RepoName, tag: &Tag) -> Result<Option<Promotion>, Error> {
    let sql = "SELECT * FROM promotions WHERE target = $1 AND target_tag = $2 ORDER BY ordinal DESC LIMIT 1";
    tx.opt(sql, &args![target.as_str(), tag.as_str()]).await?.as_ref().map(promotion_of).transpose()
}

/// The promotions of an image by one policy, the newest first.
pub(crate) async fn promotions_by(
    tx: &mut Tx,
    policy: &Id<PromotionPolicy>,
    digest: &Digest,
) -> Result<Vec<Promotion>, Error> {
    let sql = "SELECT * FROM promotions WHERE policy = $1 AND digest = $2 ORDER BY promoted_at DESC, id LIMIT 1000";
    tx.all(sql, &args![policy, digest.as_str()]).await?.iter().map(promotion_of).collect()
}

/// Where an image of a source was promoted to.
pub(crate) async fn promotions_from(tx: &mut Tx, source: &RepoName, digest: &Digest) -> Result<Vec<Promotion>, Error> {
    let sql = "SELECT * FROM promotions WHERE source = $1 AND digest = $2 ORDER BY promoted_at DESC, id LIMIT 1000";
    tx.all(sql, &args![source.as_str(), digest.as_str()]).await?.iter().map(promotion_of).collect()
}

/// The promotions by which a tag came to name an image, by whatever policies, the newest first.
pub(crate) async fn promotions_to(
    tx: &mut Tx,
    target: &RepoName,
    tag: &Tag,
    digest: &Digest,
) -> Result<Vec<Promotion>, Error> {
    let sql = "SELECT * FROM promotions WHERE target = $1 AND target_tag = $2 AND digest = $3
               ORDER BY ordinal DESC LIMIT 1000";
    tx.all(sql, &args![target.as_str(), tag.as_str(), digest.as_str()]).await?.iter().map(promotion_of).collect()
}

pub(crate) async fn promotions_of(tx: &mut Tx, digest: &Digest, limit: i64) -> Result<Vec<Promotion>, Error> {
    let sql = "SELECT * FROM promotions WHERE digest = $1 ORDER BY promoted_at DESC, id LIMIT $2";
    tx.all(sql, &args![digest.as_str(), limit]).await?.iter().map(promotion_of).collect()
}

fn promotion_of(row: &Row) -> Result<Promotion, Error> {
    Ok(Promotion {
        id: row.parse("id")?,
        policy: row.opt_parse("policy")?,
        policy_digest: row.opt_text("policy_digest")?,
        decision: row.opt_parse("decision")?,
        source: row.parse("source")?,
        source_tag: row.parse("source_tag")?,
        target: row.parse("target")?,
        target_tag: row.parse("target_tag")?,
        digest: row.parse("digest")?,
        source_pushed_at: row.time("source_pushed_at")?,
        promoted_at: row.time("promoted_at")?,
        promoted_by: row.text("promoted_by")?,
    })
}
