//! GitLab's API, the subset that its clients and our story use: `/api/v4`.
//!
//! Shapes as python-gitlab and glab read them. A project is named by its number or by its path with `%2F`.

mod error;
mod fields;
mod jobs;
mod paging;
mod pipelines;
mod projects;
mod runners;
mod triggers;
mod variables;

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};

pub(crate) use error::GitlabError;
pub(crate) use fields::{Fields, Known, Place, Places};
pub(crate) use runners::wanted as wanted_runner;

use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/version", get(version))
        .route("/api/v4/metadata", get(version))
        .route("/api/v4/user", get(user))
        .merge(projects::routes())
        .merge(variables::routes())
        .merge(triggers::routes())
        .merge(pipelines::routes())
        .merge(jobs::routes())
        .merge(runners::routes())
}

/// Clients choose what they ask for by GitLab's version; what we serve existed in 15.0.
async fn version() -> Json<Value> {
    let version = concat!("15.11.0-assay-", env!("CARGO_PKG_VERSION"));
    Json(json!({"version": version, "revision": "assay", "enterprise": false, "kas": {"enabled": false}}))
}

async fn user(State(app): State<App>, Known(ctx): Known) -> Result<Json<Value>, GitlabError> {
    let principal = ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let account = app.identity.account(&ctx, &principal.name).await?;
    let name = if account.full_name.is_empty() { account.name.as_str() } else { account.full_name.as_str() };
    Ok(Json(json!({
        "id": account.id,
        "username": account.name,
        "name": name,
        "state": if account.active { "active" } else { "blocked" },
        "is_admin": account.admin,
        "web_url": format!("{}/{}", app.site.url, account.name),
        "created_at": account.created_at.to_string(),
    })))
}
