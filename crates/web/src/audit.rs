//! The audit log over HTTP: `/api/v1/audit`, and the tiles that anybody who may read them can verify.

use audit::{Filter, Report, StoredEntry};
use axum::{Json, Router, extract::State, routing::get};
use base::limits;
use identity::Level;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    App,
    caller::Caller,
    dtr::{Asked, Params},
    error::ApiError,
    guarded::guarded,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/audit/entries", get(entries))
        .route("/api/v1/audit/entries/{id}", get(entry))
        .route("/api/v1/audit/checkpoint", get(checkpoint))
        .route("/api/v1/audit/verify", get(verify))
}

#[derive(Deserialize)]
struct Wanted {
    kind: Option<String>,
    actor: Option<String>,
    subject: Option<String>,
    limit: Option<usize>,
}

/// `GET /api/v1/audit/entries`: for administrators, newest first.
async fn entries(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Value>, ApiError> {
    Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    let entries = match &wanted.subject {
        Some(subject) => app.log.first_about(subject, wanted.limit.unwrap_or(limits::PAGE_MAX)).await?,
        None => {
            let Wanted { kind, actor, limit, .. } = wanted;
            app.log.entries(&Filter { kind, actor, limit, newest_first: true, ..Filter::default() }).await?
        }
    };
    Ok(Json(json!({"entries": entries.iter().map(view).collect::<Vec<_>>()})))
}

/// One entry by its id, with its offline proof once it is in the log.
async fn entry(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(id): Params<String>,
) -> Result<Json<Value>, ApiError> {
    Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    let entry = app.log.entry(&id).await?;
    let mut answer = view(&entry);
    if let Some(index) = entry.index {
        answer["receipt"] = app.log.receipt(index).await?.to_string().into();
    }
    Ok(Json(answer))
}

/// The latest signed tree head and the key to check it with: public, as a log's head is.
async fn checkpoint(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "checkpoint": app.log.checkpoint().map(|note| note.to_string()),
        "key": app.log.verifier().to_string(),
        "origin": app.log.origin(),
    }))
}

/// `GET /api/v1/audit/verify`: check every row, file and state against the signed tree, now.
async fn verify(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    let mut moment = app.log.snapshot().await?;
    let guarded = guarded(moment.tx()).await.map_err(|error| ApiError::new(error.kind(), error))?;
    Ok(Json(report_view(&moment.verify(guarded, &[]).await?)))
}

/// A report as scripts read it.
pub(crate) fn report_view(report: &Report) -> Value {
    json!({
        "clean": report.is_clean(),
        "entries": report.entries,
        "waiting": report.waiting,
        "size": report.checkpoint.as_ref().map(tlog::Checkpoint::size),
        "problems": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "unlisted": report.unlisted,
    })
}

fn view(entry: &StoredEntry) -> Value {
    json!({
        "id": entry.id,
        "index": entry.index,
        "kind": entry.kind,
        "actor": entry.actor,
        "body": serde_json::from_str::<Value>(&entry.body).unwrap_or_default(),
    })
}
