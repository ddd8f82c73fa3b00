//! The SQL of webhooks.

use base::{Id, Timestamp};
use db::{Error, Row, Schema, Tx, args};

use crate::{Attempt, Delivery, DeliveryState, EventType, Scope, Webhook, WebhookId};

pub const SCHEMA: Schema = Schema {
    context: "events",
    steps: &["CREATE TABLE webhooks (
        id TEXT PRIMARY KEY, event TEXT NOT NULL, scope TEXT NOT NULL, shown TEXT NOT NULL, endpoint BYTEA NOT NULL,
        secret BYTEA, tls_cert TEXT NOT NULL, skip_tls BOOLEAN NOT NULL, author TEXT, created_at BIGINT NOT NULL,
        inactive BOOLEAN NOT NULL, paused TEXT, last_success_at BIGINT, failing_since BIGINT);
      CREATE INDEX webhooks_scope ON webhooks (scope, event);
      CREATE INDEX webhooks_author ON webhooks (author);
      CREATE TABLE webhook_deliveries (
        id TEXT PRIMARY KEY, webhook TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE, source TEXT NOT NULL,
        event TEXT NOT NULL, payload TEXT NOT NULL, repository TEXT NOT NULL, digest TEXT, created_at BIGINT NOT NULL,
        state TEXT NOT NULL, requested_at BIGINT, status BIGINT, response TEXT, error TEXT, attempts BIGINT NOT NULL,
        UNIQUE (webhook, source))"],
};

// ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert(tx: &mut Tx, webhook: &Webhook) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO webhooks (id, event, scope, shown, endpoint, secret, tls_cert, skip_tls, author, created_at, inactive)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE)",
        &args![
            webhook.id.as_str(),
            webhook.kind.as_str(),
            webhook.scope.to_string(),
            &webhook.endpoint,
            &webhook.sealed_endpoint,
            webhook.sealed_secret.clone(),
            &webhook.tls_cert,
            webhook.skip_tls,
            webhook.author.as_ref(),
            webhook.created_at
        ],
    )
    .await?;
    Ok(())
}

/// What can change in a webhook.
pub(crate) async fn update(tx: &mut Tx, webhook: &Webhook) -> Result<(), Error> {
    tx.execute(
        "UPDATE webhooks SET inactive = $2, paused = $3, tls_cert = $4, skip_tls = $5, failing_since = $6 WHERE id = $1",
        &args![
            webhook.id.as_str(),
            webhook.inactive,
            webhook.paused.as_ref(),
            &webhook.tls_cert,
            webhook.skip_tls,
            webhook.failing_since
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, id: &WebhookId) -> Result<(), Error> {
    tx.execute("DELETE FROM webhooks WHERE id = $1", &args![id.as_str()]).await?;
    Ok(())
}

pub(crate) async fn webhook(tx: &mut Tx, id: &WebhookId) -> Result<Option<Webhook>, Error> {
    let row = tx.opt("SELECT * FROM webhooks WHERE id = $1", &args![id.as_str()]).await?;
    row.as_ref().map(webhook_of).transpose()
}

/// A page of webhooks in order of id, after `after`; of one author or of all.
pub(crate) async fn list(tx: &mut Tx, author: Option<&str>, after: &str, limit: i64) -> Result<Vec<Webhook>, Error> {
    let rows = match author {
        Some(author) => {
            let sql = "SELECT * FROM webhooks WHERE author = $1 AND id > $2 ORDER BY id LIMIT $3";
            tx.all(sql, &args![author, after, limit]).await?
        }
        None => tx.all("SELECT * FROM webhooks WHERE id > $1 ORDER BY id LIMIT $2", &args![after, limit]).await?,
    };
    rows.iter().map(webhook_of).collect()
}

/// The webhooks of exactly this scope, which a limit on their number keeps few.
pub(crate) async fn of_scope(tx: &mut Tx, scope: &Scope) -> Result<Vec<Webhook>, Error> {
    let sql = "SELECT * FROM webhooks WHERE scope = $1 ORDER BY created_at, id";
    tx.all(sql, &args![scope.to_string()]).await?.iter().map(webhook_of).collect()
}

/// The active webhooks that listen to this type on this repository.
pub(crate) async fn matching(tx: &mut Tx, kind: EventType, repository: &oci::RepoName) -> Result<Vec<Webhook>, Error> {
    let rows = tx
        .all(
            "SELECT * FROM webhooks WHERE scope IN ($1, $2, '') AND event = $3 AND NOT inactive ORDER BY created_at, id",
            &args![repository.as_str(), repository.namespace(), kind.as_str()],
        )
        .await?;
    rows.iter().map(webhook_of).collect()
}

/// Note how a call ended: a success ends a time of failing, a failure begins one. Gives since when it fails.
pub(crate) async fn note_call(
    tx: &mut Tx,
    id: &WebhookId,
    succeeded: bool,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let sql = if succeeded {
        "UPDATE webhooks SET last_success_at = $2, failing_since = NULL WHERE id = $1 RETURNING failing_since"
    } else {
        "UPDATE webhooks SET failing_since = COALESCE(failing_since, $2) WHERE id = $1 RETURNING failing_since"
    };
    let row = tx.opt(sql, &args![id.as_str(), now]).await?;
    row.map_or(Ok(None), |row| row.opt_time("failing_since"))
}

/// Whether there is a webhook.
pub(crate) async fn any(tx: &mut Tx) -> Result<bool, Error> {
    Ok(tx.opt("SELECT 1 AS one FROM webhooks LIMIT 1", &[]).await?.is_some())
}

/// All webhooks, for the fold of the audit log.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Webhook>, Error> {
    tx.all("SELECT * FROM webhooks ORDER BY id", &[]).await?.iter().map(webhook_of).collect()
}

fn webhook_of(row: &Row) -> Result<Webhook, Error> {
    let sealed_secret = row.opt_bytes("secret")?;
    Ok(Webhook {
        id: row.parse("id")?,
        kind: row.parse("event")?,
        scope: row.parse("scope")?,
        endpoint: row.text("shown")?,
        signed: sealed_secret.is_some(),
        tls_cert: row.text("tls_cert")?,
        skip_tls: row.bool("skip_tls")?,
        author: row.opt_parse("author")?,
        created_at: row.time("created_at")?,
        inactive: row.bool("inactive")?,
        paused: row.opt_text("paused")?,
        last_success_at: row.opt_time("last_success_at")?,
        failing_since: row.opt_time("failing_since")?,
        sealed_endpoint: row.bytes("endpoint")?,
        sealed_secret,
    })
}

// ── deliveries ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Write a delivery unless the same source made one already; gives whether it was written.
pub(crate) async fn insert_delivery(tx: &mut Tx, delivery: &Delivery, source: &str) -> Result<bool, Error> {
    let written = tx
        .execute(
            "INSERT INTO webhook_deliveries
                (id, webhook, source, event, payload, repository, digest, created_at, state, attempts)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', 0) ON CONFLICT (webhook, source) DO NOTHING",
            &args![
                &delivery.id,
                delivery.webhook.as_str(),
                source,
                delivery.kind.as_str(),
                &delivery.payload,
                &delivery.repository,
                delivery.digest.as_ref(),
                delivery.created_at
            ],
        )
        .await?;
    Ok(written == 1)
}

/// Forget the oldest ended deliveries of a webhook but `kept`.
pub(crate) async fn prune(tx: &mut Tx, webhook: &WebhookId, kept: i64) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM webhook_deliveries WHERE webhook = $1 AND state <> 'waiting' AND id <
            (SELECT id FROM webhook_deliveries WHERE webhook = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
        &args![webhook.as_str(), kept],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delivery(tx: &mut Tx, id: &Id<Delivery>) -> Result<Option<Delivery>, Error> {
    let row = tx.opt("SELECT * FROM webhook_deliveries WHERE id = $1", &args![id]).await?;
    row.as_ref().map(delivery_of).transpose()
}

/// The newest first, older than `before` when that is not empty.
pub(crate) async fn deliveries(
    tx: &mut Tx,
    webhook: &WebhookId,
    before: &str,
    limit: i64,
) -> Result<Vec<Delivery>, Error> {
    let rows = tx
        .all(
            "SELECT * FROM webhook_deliveries WHERE webhook = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3",
            &args![webhook.as_str(), before, limit],
        )
        .await?;
    rows.iter().map(delivery_of).collect()
}

/// Record a call of a waiting delivery and the state it left; gives whether the delivery was still waiting.
pub(crate) async fn note_attempt(
    tx: &mut Tx,
    id: &Id<Delivery>,
    state: DeliveryState,
    at: Timestamp,
    attempt: &Attempt,
) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "UPDATE webhook_deliveries SET state = $2, requested_at = $3, status = $4, response = $5, error = $6,
                attempts = attempts + 1 WHERE id = $1 AND state = 'waiting'",
            &args![id, state.to_string(), at, attempt.status.map(i64::from), &attempt.response, attempt.error.as_ref()],
        )
        .await?;
    Ok(changed == 1)
}

/// Give up a waiting delivery without a call.
pub(crate) async fn give_up(tx: &mut Tx, id: &Id<Delivery>, error: &str) -> Result<(), Error> {
    let sql = "UPDATE webhook_deliveries SET state = 'failed', error = $2 WHERE id = $1 AND state = 'waiting'";
    tx.execute(sql, &args![id, error]).await?;
    Ok(())
}

/// Make an ended delivery wait again; gives whether it had ended.
pub(crate) async fn reopen(tx: &mut Tx, id: &Id<Delivery>) -> Result<bool, Error> {
    let sql = "UPDATE webhook_deliveries SET state = 'waiting' WHERE id = $1 AND state <> 'waiting'";
    Ok(tx.execute(sql, &args![id]).await? == 1)
}

fn delivery_of(row: &Row) -> Result<Delivery, Error> {
    Ok(Delivery {
        id: row.parse("id")?,
        webhook: row.parse("webhook")?,
        kind: row.parse("event")?,
        payload: row.text("payload")?,
        repository: row.text("repository")?,
        digest: row.opt_text("digest")?,
        created_at: row.time("created_at")?,
        state: row.parse("state")?,
        requested_at: row.opt_time("requested_at")?,
        status: row.opt_int("status")?,
        response: row.opt_text("response")?,
        error: row.opt_text("error")?,
        attempts: row.int("attempts")?,
    })
}
