//! Waivers: `/api/v1/waivers`. DTR hid findings of a layer; a waiver has a scope, a reason and an end. What DTR's scripts hide by
//! `layeroverride` is a waiver of that layer.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{delete, get, post},
};
use base::{AccountName, Id, Timestamp};
use bom::Justification;
use oci::{Digest, RepoName};
use promote::{Approval, NewWaiver, Waiver, WaiverScope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Asked, Body, Params};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/waivers", get(list).post(create))
        .route("/api/v1/waivers/settings", get(settings).put(change_settings))
        .route("/api/v1/waivers/{waiver}", delete(remove))
        .route("/api/v1/waivers/{waiver}/approval", post(approve))
        .route("/api/v0/imagescan/layeroverride", get(overrides))
        .route("/api/v0/imagescan/layeroverride/{id}", post(hide).delete(show_again))
}

/// Of a namespace, of a repository, of an image, of a layer, or, without any, everywhere.
#[derive(Deserialize)]
pub(super) struct Scope {
    pub(super) namespace: Option<AccountName>,
    pub(super) layer: Option<Digest>,
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
    let waivers: Vec<Value> = waivers.iter().map(|waiver| view(waiver, ctx.now)).collect();
    Ok(Json(json!({"waivers": waivers})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    namespace: Option<AccountName>,
    layer: Option<Digest>,
    repository: Option<RepoName>,
    image: Option<Digest>,
    advisory: String,
    component: Option<String>,
    version: Option<String>,
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
        scope: Scope { namespace: body.namespace, repository: body.repository, image: body.image, layer: body.layer }
            .parse()?,
        advisory: body.advisory,
        component: body.component,
        version: body.version,
        reason: body.reason,
        justification: body.justification,
        expires_at: body.expires_at,
    };
    let waiver = app.promote.create_waiver(&ctx, new).await?;
    Ok((StatusCode::CREATED, Json(view(&waiver, ctx.now))))
}

/// Another person agrees, and the waiver counts from then on.
async fn approve(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(waiver): Params<Id<Waiver>>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(view(&app.promote.approve_waiver(&ctx, &waiver).await?, ctx.now)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    need_approval: bool,
}

async fn settings(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    Ok(Json(json!({"needApproval": app.promote.waivers_need_approval().await?})))
}

async fn change_settings(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(settings): Body<Settings>,
) -> Result<Json<Value>, ApiError> {
    app.promote.set_waivers_need_approval(&ctx, settings.need_approval).await?;
    Ok(Json(json!({"needApproval": settings.need_approval})))
}

/// DTR's "Hide": what is hidden in layers. Who made it and until when stands with the waivers.
async fn overrides(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    let waivers = app.promote.all_waivers(&ctx).await?;
    let hidden = waivers.iter().filter(|waiver| waiver.is_in_force(ctx.now)).filter_map(override_view);
    Ok(Json(hidden.collect()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hide {
    component: String,
    component_version: String,
    cve: String,
    notes: String,
}

async fn hide(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(layer): Params<Digest>,
    Body(body): Body<Hide>,
) -> Result<Json<Value>, ApiError> {
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let new = NewWaiver {
        scope: WaiverScope::Layer(layer),
        advisory: body.cve,
        component: text(body.component),
        version: text(body.component_version),
        reason: body.notes,
        justification: None,
        expires_at: None,
    };
    let waiver = app.promote.create_waiver(&ctx, new).await?;
    Ok(Json(json!(override_view(&waiver))))
}

/// The last part of the path is the override's id here, as in DTR.
async fn show_again(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(waiver): Params<Id<Waiver>>,
) -> Result<StatusCode, ApiError> {
    app.promote.delete_waiver(&ctx, &waiver).await?;
    Ok(StatusCode::OK)
}

pub(super) fn override_view(waiver: &Waiver) -> Option<Value> {
    let WaiverScope::Layer(layer) = &waiver.scope else { return None };
    Some(json!({
        "pk": waiver.id,
        "digest": layer,
        "component": waiver.component.as_deref().unwrap_or_default(),
        "componentVersion": waiver.version.as_deref().unwrap_or_default(),
        "cve": waiver.advisory,
        "notes": waiver.reason,
    }))
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
        match (self.namespace, self.repository, self.image, self.layer) {
            (None, None, None, None) => Ok(WaiverScope::Everywhere),
            (Some(name), None, None, None) => Ok(WaiverScope::Namespace(name)),
            (None, Some(name), None, None) => Ok(WaiverScope::Repository(name)),
            (None, None, Some(digest), None) => Ok(WaiverScope::Image(digest)),
            (None, None, None, Some(digest)) => Ok(WaiverScope::Layer(digest)),
            _ => Err(ApiError::invalid(
                "give one of \"namespace\", \"repository\", \"image\" and \"layer\", or none of them for everywhere",
            )),
        }
    }
}

fn view(waiver: &Waiver, now: Timestamp) -> Value {
    let state = match (&waiver.approval, waiver.is_in_force(now)) {
        (_, true) => "in-force",
        (Approval::Proposed, false) if waiver.expires_at.is_none_or(|at| now < at) => "proposed",
        (_, false) => "expired",
    };
    let approval = match &waiver.approval {
        Approval::Given { by, at } => Some((by, at)),
        Approval::NotNeeded | Approval::Proposed => None,
    };
    json!({
        "id": waiver.id,
        "scope": waiver.scope.to_string(),
        "advisory": waiver.advisory,
        "component": waiver.component,
        "version": waiver.version,
        "reason": waiver.reason,
        "justification": waiver.justification,
        "author": waiver.author,
        "state": state,
        "approvedBy": approval.map(|(by, _)| by),
        "approvedAt": approval.map(|(_, at)| at.to_string()),
        "createdAt": waiver.created_at.to_string(),
        "expiresAt": waiver.expires_at.map(|at| at.to_string()),
    })
}
