//! The SQL of webhooks.

use std::sync::atomic::{AtomicI64, Ordering};

use base::{Id, Timestamp};
use db::{Error, Row, Schema, Tx, args};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Attempt, Delivery, DeliveryState, EventType, Scope, Webhook, WebhookId};

pub const SCHEMA: Schema = Schema {
    context: "events",
    steps: &[
        "CREATE TABLE webhooks (
        id TEXT PRIMARY KEY, event TEXT NOT NULL, scope TEXT NOT NULL, shown TEXT NOT NULL, endpoint BYTEA NOT NULL,
        secret BYTEA, tls_cert TEXT NOT NULL, skip_tls BOOLEAN NOT NULL, author TEXT, created_at BIGINT NOT NULL,
        inactive BOOLEAN NOT NULL, paused TEXT, last_success_at BIGINT, failing_since BIGINT);
      CREATE INDEX webhooks_scope ON webhooks (scope, event);
      CREATE INDEX webhooks_author ON webhooks (author);
      CREATE TABLE webhook_deliveries (
        id TEXT PRIMARY KEY, webhook TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE, source TEXT NOT NULL,
        event TEXT NOT NULL, payload TEXT NOT NULL, repository TEXT NOT NULL, digest TEXT, created_at BIGINT NOT NULL,
        state TEXT NOT NULL, requested_at BIGINT, status BIGINT, response TEXT, error TEXT, attempts BIGINT NOT NULL,
        UNIQUE (webhook, source))",
        // The form of requests; their own headers; the secret before, while it still signs; what each delivery is about and
        // when it is sent, which a job said before; and the request as it was sent.
        "ALTER TABLE webhooks ADD COLUMN format TEXT NOT NULL DEFAULT 'dtr';
      ALTER TABLE webhooks ADD COLUMN headers BYTEA;
      ALTER TABLE webhooks ADD COLUMN header_names TEXT NOT NULL DEFAULT '[]';
      ALTER TABLE webhooks ADD COLUMN previous_secret BYTEA;
      ALTER TABLE webhooks ADD COLUMN previous_until BIGINT;
      ALTER TABLE webhook_deliveries ADD COLUMN subject TEXT NOT NULL DEFAULT '';
      ALTER TABLE webhook_deliveries ADD COLUMN content_type TEXT NOT NULL DEFAULT 'application/json';
      ALTER TABLE webhook_deliveries ADD COLUMN attributes TEXT NOT NULL DEFAULT '[]';
      ALTER TABLE webhook_deliveries ADD COLUMN sample BOOLEAN NOT NULL DEFAULT FALSE;
      ALTER TABLE webhook_deliveries ADD COLUMN cause TEXT;
      ALTER TABLE webhook_deliveries ADD COLUMN ordinal BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE webhook_deliveries ADD COLUMN next_at BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE webhook_deliveries ADD COLUMN request_headers TEXT NOT NULL DEFAULT '[]';
      ALTER TABLE webhook_deliveries ADD COLUMN response_headers TEXT NOT NULL DEFAULT '[]';
      ALTER TABLE webhook_deliveries ADD COLUMN duration_ms BIGINT;
      UPDATE webhook_deliveries SET subject = repository;
      CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, next_at) WHERE state = 'waiting';
      CREATE INDEX webhook_deliveries_order ON webhook_deliveries (webhook, subject, created_at, ordinal)
        WHERE state = 'waiting';
      CREATE INDEX webhook_deliveries_next ON webhook_deliveries (next_at) WHERE state = 'waiting';
      CREATE INDEX webhook_deliveries_age ON webhook_deliveries (webhook, id)",
    ],
};

// ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert(tx: &mut Tx, webhook: &Webhook) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO webhooks (id, event, scope, shown, endpoint, secret, tls_cert, skip_tls, author, created_at, format,
            headers, header_names, inactive)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, FALSE)",
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
            webhook.created_at,
            webhook.format.as_str(),
            webhook.sealed_headers.clone(),
            to_json(&webhook.header_names)
        ],
    )
    .await?;
    Ok(())
}

/// What can change in a webhook.
pub(crate) async fn update(tx: &mut Tx, webhook: &Webhook) -> Result<(), Error> {
    tx.execute(
        "UPDATE webhooks SET inactive = $2, paused = $3, tls_cert = $4, skip_tls = $5, failing_since = $6, format = $7,
            headers = $8, header_names = $9, secret = $10, previous_secret = $11, previous_until = $12 WHERE id = $1",
        &args![
            webhook.id.as_str(),
            webhook.inactive,
            webhook.paused.as_ref(),
            &webhook.tls_cert,
            webhook.skip_tls,
            webhook.failing_since,
            webhook.format.as_str(),
            webhook.sealed_headers.clone(),
            to_json(&webhook.header_names),
            webhook.sealed_secret.clone(),
            webhook.sealed_previous.clone(),
            webhook.previous_until
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

/// A page of webhooks in order of id, after `after`; of one author or of all, of one type or of all.
pub(crate) async fn list(
    tx: &mut Tx,
    author: Option<&str>,
    kind: Option<EventType>,
    after: &str,
    limit: i64,
) -> Result<Vec<Webhook>, Error> {
    let kind = kind.map(EventType::as_str).unwrap_or_default();
    let rows = match author {
        Some(author) => {
            let sql = "SELECT * FROM webhooks WHERE author = $1 AND id > $2 AND ($3 = '' OR event = $3)
                ORDER BY id LIMIT $4";
            tx.all(sql, &args![author, after, kind, limit]).await?
        }
        None => {
            let sql = "SELECT * FROM webhooks WHERE id > $1 AND ($2 = '' OR event = $2) ORDER BY id LIMIT $3";
            tx.all(sql, &args![after, kind, limit]).await?
        }
    };
    rows.iter().map(webhook_of).collect()
}

/// The webhooks of exactly this scope, which a limit on their number keeps few.
pub(crate) async fn of_scope(tx: &mut Tx, scope: &Scope) -> Result<Vec<Webhook>, Error> {
    let sql = "SELECT * FROM webhooks WHERE scope = $1 ORDER BY created_at, id";
    tx.all(sql, &args![scope.to_string()]).await?.iter().map(webhook_of).collect()
}

/// The active webhooks that listen to this type on this repository, or on everything.
pub(crate) async fn matching(
    tx: &mut Tx,
    kind: EventType,
    repository: Option<&oci::RepoName>,
) -> Result<Vec<Webhook>, Error> {
    let (name, namespace) = repository.map_or(("", ""), |name| (name.as_str(), name.namespace()));
    let rows = tx
        .all(
            "SELECT * FROM webhooks WHERE scope IN ($1, $2, '') AND event = $3 AND NOT inactive ORDER BY created_at, id",
            &args![name, namespace, kind.as_str()],
        )
        .await?;
    rows.iter().map(webhook_of).collect()
}

/// The scopes in which an active webhook listens to this type.
pub(crate) async fn scopes(tx: &mut Tx, kind: EventType) -> Result<Vec<Scope>, Error> {
    let sql = "SELECT DISTINCT scope FROM webhooks WHERE event = $1 AND NOT inactive";
    tx.all(sql, &args![kind.as_str()]).await?.iter().map(|row| row.parse("scope")).collect()
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
        format: row.parse("format")?,
        header_names: from_json(row, "header_names")?,
        previous_until: row.opt_time("previous_until")?,
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
        sealed_previous: row.opt_bytes("previous_secret")?,
        sealed_headers: row.opt_bytes("headers")?,
    })
}

fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("texts only")
}

fn from_json<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T, Error> {
    serde_json::from_str(&row.text(column)?).map_err(|error| Error::Corrupt(format!("{column}: {error}")))
}

// ── deliveries ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Orders deliveries that were written in the same microsecond by the same process.
static ORDINAL: AtomicI64 = AtomicI64::new(0);

/// Write a delivery unless the same source made one already; gives whether it was written.
pub(crate) async fn insert_delivery(tx: &mut Tx, delivery: &Delivery, source: &str) -> Result<bool, Error> {
    let written = tx
        .execute(
            "INSERT INTO webhook_deliveries
                (id, webhook, source, event, payload, repository, digest, created_at, state, attempts, subject, content_type,
                 attributes, sample, cause, ordinal, next_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', 0, $9, $10, $11, $12, $13, $14, $15)
             ON CONFLICT (webhook, source) DO NOTHING",
            &args![
                &delivery.id,
                delivery.webhook.as_str(),
                source,
                delivery.kind.as_str(),
                &delivery.payload,
                &delivery.repository,
                delivery.digest.as_ref(),
                delivery.created_at,
                &delivery.subject,
                &delivery.content_type,
                to_json(&delivery.attributes),
                delivery.sample,
                delivery.cause.as_ref(),
                ORDINAL.fetch_add(1, Ordering::Relaxed),
                delivery.next_at
            ],
        )
        .await?;
    Ok(written == 1)
}

/// The active webhooks that have something to send whose time has come, and whether their calls fail.
pub(crate) async fn due(tx: &mut Tx, now: Timestamp) -> Result<Vec<(WebhookId, bool)>, Error> {
    let rows = tx
        .all(
            "SELECT id, failing_since FROM webhooks w WHERE NOT inactive AND EXISTS (
                SELECT 1 FROM webhook_deliveries d WHERE d.webhook = w.id AND d.state = 'waiting' AND d.next_at <= $1)
             ORDER BY id",
            &args![now],
        )
        .await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.opt_time("failing_since")?.is_some()))).collect()
}

/// What a webhook may send now: the first of each subject whose time has come, at most so many.
pub(crate) async fn firsts(
    tx: &mut Tx,
    webhook: &WebhookId,
    now: Timestamp,
    most: usize,
) -> Result<Vec<Id<Delivery>>, Error> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let rows = tx
        .all(
            "SELECT d.id FROM webhook_deliveries d WHERE d.webhook = $1 AND d.state = 'waiting' AND d.next_at <= $2
                AND NOT EXISTS (SELECT 1 FROM webhook_deliveries e WHERE e.webhook = d.webhook AND e.subject = d.subject
                    AND e.state = 'waiting' AND (e.created_at, e.ordinal) < (d.created_at, d.ordinal))
             ORDER BY d.next_at, d.created_at, d.ordinal LIMIT $3",
            &args![webhook.as_str(), now, i64::try_from(most).unwrap_or(i64::MAX)],
        )
        .await?;
    rows.iter().map(|row| row.parse("id")).collect()
}

/// Take a delivery that is due until the lease ends, unless somebody else did.
pub(crate) async fn claim(
    tx: &mut Tx,
    id: &Id<Delivery>,
    now: Timestamp,
    lease: Timestamp,
) -> Result<Option<Delivery>, Error> {
    let sql =
        "UPDATE webhook_deliveries SET next_at = $3 WHERE id = $1 AND state = 'waiting' AND next_at <= $2 RETURNING *";
    tx.opt(sql, &args![id, now, lease]).await?.as_ref().map(delivery_of).transpose()
}

/// Make due what is due before `end` anyhow, what a dead process had taken among it.
pub(crate) async fn release(tx: &mut Tx, now: Timestamp, end: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE webhook_deliveries SET next_at = $1 WHERE state = 'waiting' AND next_at > $1 AND next_at <= $2";
    tx.execute(sql, &args![now, end]).await?;
    Ok(())
}

/// When the next delivery is due that is not yet.
pub(crate) async fn next_due(tx: &mut Tx, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let sql = "SELECT MIN(next_at) AS due FROM webhook_deliveries WHERE state = 'waiting' AND next_at > $1";
    tx.one(sql, &args![now]).await?.opt_time("due")
}

/// Let a subject wait: the first of it failed, and those behind it go out in order.
pub(crate) async fn postpone(tx: &mut Tx, webhook: &WebhookId, subject: &str, until: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE webhook_deliveries SET next_at = $3 WHERE webhook = $1 AND subject = $2 AND state = 'waiting'";
    tx.execute(sql, &args![webhook.as_str(), subject, until]).await?;
    Ok(())
}

pub(crate) async fn more_wait_than(tx: &mut Tx, webhook: &WebhookId, most: i64) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM webhook_deliveries WHERE webhook = $1 AND state = 'waiting' LIMIT 1 OFFSET $2";
    Ok(tx.opt(sql, &args![webhook.as_str(), most]).await?.is_some())
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
                request_headers = $7, response_headers = $8, duration_ms = $9, attempts = attempts + 1
             WHERE id = $1 AND state = 'waiting'",
            &args![
                id,
                state.to_string(),
                at,
                attempt.status.map(i64::from),
                &attempt.response,
                attempt.error.as_ref(),
                to_json(&attempt.request_headers),
                to_json(&attempt.response_headers),
                attempt.duration_ms
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Give up all that waits of a webhook that does not act any more.
pub(crate) async fn give_up_all(tx: &mut Tx, webhook: &WebhookId, error: &str) -> Result<(), Error> {
    let sql = "UPDATE webhook_deliveries SET state = 'failed', error = $2 WHERE webhook = $1 AND state = 'waiting'";
    tx.execute(sql, &args![webhook.as_str(), error]).await?;
    Ok(())
}

/// Make an ended delivery wait again, from now on and with all its tries; gives whether it had ended.
pub(crate) async fn reopen(tx: &mut Tx, id: &Id<Delivery>, cause: &str, now: Timestamp) -> Result<bool, Error> {
    let sql = "UPDATE webhook_deliveries SET state = 'waiting', cause = $2, next_at = $3, attempts = 0
        WHERE id = $1 AND state <> 'waiting'";
    Ok(tx.execute(sql, &args![id, cause, now]).await? == 1)
}

fn delivery_of(row: &Row) -> Result<Delivery, Error> {
    Ok(Delivery {
        id: row.parse("id")?,
        webhook: row.parse("webhook")?,
        kind: row.parse("event")?,
        payload: row.text("payload")?,
        content_type: row.text("content_type")?,
        attributes: from_json(row, "attributes")?,
        subject: row.text("subject")?,
        repository: row.text("repository")?,
        digest: row.opt_text("digest")?,
        sample: row.bool("sample")?,
        cause: row.opt_text("cause")?,
        created_at: row.time("created_at")?,
        state: row.parse("state")?,
        next_at: row.time("next_at")?,
        requested_at: row.opt_time("requested_at")?,
        request_headers: from_json(row, "request_headers")?,
        status: row.opt_int("status")?,
        response_headers: from_json(row, "response_headers")?,
        response: row.opt_text("response")?,
        duration_ms: row.opt_int("duration_ms")?,
        error: row.opt_text("error")?,
        attempts: row.int("attempts")?,
    })
}
