//! Waivers: `/api/v1/waivers`. DTR hid findings of a layer; a waiver has a scope, a reason and an end.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{delete, get},
};
use base::{Id, Timestamp};
use bom::Justification;
use oci::{Digest, RepoName};
use promote::{NewWaiver, Waiver, WaiverScope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Asked, Body, Params};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/v1/waivers", get(list).post(create)).route("/api/v1/waivers/{waiver}", delete(remove))
}

/// Of a repository, of an image, or, without both, everywhere.
#[derive(Deserialize)]
pub(super) struct Scope {
    pub(super) repository: Option<RepoName>,
    pub(super) image: Option<Digest>,
}

/// `any`: all scopes of which one may see something.
#[derive(Deserialize)]
pub(super) struct Which {
    pub(super) scope: Option<String>,
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(which): Asked<Which>,
    Asked(scope): Asked<Scope>,
) -> Result<Json<Value>, ApiError> {
    let waivers = match which.is_any()? {
        false => app.promote.waivers(&ctx, &scope.parse()?).await?,
        true => app.promote.all_waivers(&ctx).await?,
    };
    let waivers: Vec<Value> = waivers.iter().map(view).collect();
    Ok(Json(json!({"waivers": waivers})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    repository: Option<RepoName>,
    image: Option<Digest>,
    advisory: String,
    component: Option<String>,
    reason: String,
    justification: Option<Justification>,
    expires_at: Option<Timestamp>,
}

async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Create>,
) -> Result<impl IntoResponse, ApiError> {
    let new = NewWaiver {
        scope: Scope { repository: body.repository, image: body.image }.parse()?,
        advisory: body.advisory,
        component: body.component,
        reason: body.reason,
        justification: body.justification,
        expires_at: body.expires_at,
    };
    let waiver = app.promote.create_waiver(&ctx, new).await?;
    Ok((StatusCode::CREATED, Json(view(&waiver))))
}

async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(waiver): Params<Id<Waiver>>,
) -> Result<StatusCode, ApiError> {
    app.promote.delete_waiver(&ctx, &waiver).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Which {
    pub(super) fn is_any(&self) -> Result<bool, ApiError> {
        match self.scope.as_deref() {
            None => Ok(false),
            Some("any") => Ok(true),
            Some(other) => {
                Err(ApiError::invalid(format!("scope={other:?} is not \"any\"; leave it out for one scope")))
            }
        }
    }
}

impl Scope {
    pub(super) fn parse(self) -> Result<WaiverScope, ApiError> {
        match (self.repository, self.image) {
            (None, None) => Ok(WaiverScope::Everywhere),
            (Some(name), None) => Ok(WaiverScope::Repository(name)),
            (None, Some(digest)) => Ok(WaiverScope::Image(digest)),
            (Some(_), Some(_)) => Err(ApiError::invalid("give either \"repository\" or \"image\", or neither")),
        }
    }
}

fn view(waiver: &Waiver) -> Value {
    json!({
        "id": waiver.id,
        "scope": waiver.scope.to_string(),
        "advisory": waiver.advisory,
        "component": waiver.component,
        "reason": waiver.reason,
        "justification": waiver.justification,
        "author": waiver.author,
        "createdAt": waiver.created_at.to_string(),
        "expiresAt": waiver.expires_at.map(|at| at.to_string()),
    })
}
