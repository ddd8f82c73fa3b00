//! The chain of a digest: `/api/v1/chain/{digest}`.

use axum::{Json, Router, extract::State, routing::get};
use base::Kind;
use chain::{Chain, Story};
use oci::Digest;

use crate::{App, caller::Caller, dtr::Params, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/v1/chain/{digest}", get(show))
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(digest): Params<String>,
) -> Result<Json<Story>, ApiError> {
    let digest: Digest = digest.parse().map_err(|error| ApiError::new(Kind::NotFound, error))?;
    Ok(Json(teller(&app).of(&ctx, &digest).await?))
}

/// Who tells chains.
pub(crate) fn teller(app: &App) -> Chain {
    Chain::new(app.db.clone(), app.log.clone(), app.trust.clone())
}
