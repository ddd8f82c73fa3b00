//! The advisory snapshot in use: `/api/v1/advisories`.

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    routing::get,
};
use base::{Kind, limits};
use http_body_util::{BodyExt, Limited};
use scan::SnapshotInfo;
use serde::Deserialize;

use crate::{App, caller::Caller, dtr::Asked, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/v1/advisories", get(show).put(replace)).layer(DefaultBodyLimit::disable())
}

/// What findings are made with: public to those who signed in, because it stands beside every finding.
async fn show(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<SnapshotInfo>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    Ok(Json(app.scan.snapshot()))
}

#[derive(Deserialize)]
struct Replacing {
    /// Also when it is older than the one in use.
    #[serde(default)]
    force: bool,
}

/// `PUT`: the bytes of a snapshot, as `assay advisories build` writes them. Every stored inventory is matched again.
async fn replace(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(asked): Asked<Replacing>,
    body: Body,
) -> Result<Json<SnapshotInfo>, ApiError> {
    // Before reading a large body, and again in the transaction that adopts it.
    identity::Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    let bytes = Limited::new(body, limits::SNAPSHOT_BYTES).collect().await;
    let bytes =
        bytes.map_err(|error| ApiError::new(Kind::TooLarge, format!("the snapshot cannot be read: {error}")))?;
    Ok(Json(app.scan.use_snapshot(&ctx, bytes.to_bytes().into(), asked.force).await?))
}
