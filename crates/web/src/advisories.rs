//! The advisory snapshot in use: `/api/v1/advisories`.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    routing::get,
};
use base::{Kind, limits};
use http_body_util::{BodyExt, Limited};
use scan::{Age, SnapshotInfo, Updates, UpdatesChanges};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    App,
    caller::Caller,
    dtr::{Asked, Body},
    error::ApiError,
};

pub(crate) fn routes() -> Router<App> {
    let settings = Router::new().route("/api/v1/advisories/settings", get(settings).put(change));
    let advisories = Router::new().route("/api/v1/advisories", get(show).put(replace));
    advisories.layer(DefaultBodyLimit::disable()).merge(settings)
}

/// What findings are made with: public to those who signed in, because it stands beside every finding.
async fn show(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Shown>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let standing = app.scan.standing(&ctx).await?;
    Ok(Json(Shown { snapshot: standing.snapshot, age: standing.age }))
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    snapshot: SnapshotInfo,
    age: Age,
}

/// Where new ones come from, and when.
async fn settings(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    Ok(Json(view(&app.scan.updates().await?, app.scan.settings().await?.sync_online)))
}

/// What is not named stays.
async fn change(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(changes): Body<UpdatesChanges>,
) -> Result<Json<Value>, ApiError> {
    let updates = app.scan.change_updates(&ctx, changes).await?;
    Ok(Json(view(&updates, app.scan.settings().await?.sync_online)))
}

fn view(updates: &Updates, online: bool) -> Value {
    let keys: Vec<String> = updates.keys.iter().map(ToString::to_string).collect();
    json!({
        "online": online,
        "urls": updates.urls,
        "dailyAt": updates.daily_at.to_string(),
        "keys": keys,
        "staleDays": updates.stale_days,
    })
}

#[derive(Deserialize)]
struct Replacing {
    /// Also when it is older than the one in use.
    #[serde(default)]
    force: bool,
}

/// `PUT`: the bytes that `assay advisories build` or `delta` wrote. Every stored inventory is matched again.
async fn replace(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(asked): Asked<Replacing>,
    body: axum::body::Body,
) -> Result<Json<SnapshotInfo>, ApiError> {
    // Before reading a large body, and again in the transaction that adopts it.
    identity::Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    let bytes = Limited::new(body, limits::SNAPSHOT_BYTES).collect().await;
    let bytes =
        bytes.map_err(|error| ApiError::new(Kind::TooLarge, format!("the snapshot cannot be read: {error}")))?;
    Ok(Json(app.scan.use_snapshot(&ctx, bytes.to_bytes().into(), asked.force).await?))
}
