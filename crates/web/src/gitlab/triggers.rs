//! Triggers, and the URL that webhooks call: `/api/v4/projects/:id/trigger/pipeline`.

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ci::{Trigger, Triggered};
use serde_json::{Value, json};

use super::{Fields, GitlabError, Known, Place, Places, paging::Page, pipelines::view as pipeline_view};
use crate::{App, caller::Unchecked};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/projects/{id}/triggers", get(list).post(create))
        .route("/api/v4/projects/{id}/triggers/{trigger}", get(show).put(update).delete(remove))
        .route("/api/v4/projects/{id}/trigger/pipeline", post(run))
        .route("/api/v4/projects/{id}/ref/{ref}/trigger/pipeline", post(run_on))
}

async fn list(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let triggers = app.ci.triggers(&ctx, &id).await?;
    let views: Vec<Value> = triggers.iter().map(|trigger| view(trigger, None)).collect();
    Ok(Page::of(&fields).cut(&app, uri.path(), &views))
}

async fn create(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    fields: Fields,
) -> Result<impl IntoResponse, GitlabError> {
    let description = fields.text("description").unwrap_or_default();
    let (trigger, token) = app.ci.create_trigger(&ctx, &id, &description).await?;
    Ok((StatusCode::CREATED, Json(view(&trigger, Some(token.expose())))))
}

async fn show(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<Json<Value>, GitlabError> {
    let trigger = app.ci.trigger(&ctx, &place.0, place.id()?).await?;
    Ok(Json(view(&trigger, None)))
}

async fn update(
    State(app): State<App>,
    Known(ctx): Known,
    place: Places,
    fields: Fields,
) -> Result<Json<Value>, GitlabError> {
    let description = fields.require("description")?;
    let trigger = app.ci.describe_trigger(&ctx, &place.0, place.id()?, &description).await?;
    Ok(Json(view(&trigger, None)))
}

async fn remove(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<StatusCode, GitlabError> {
    app.ci.delete_trigger(&ctx, &place.0, place.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn run(
    state: State<App>,
    unchecked: Unchecked,
    Place(id): Place,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let reference = fields.require("ref")?;
    trigger(state, unchecked, id, headers, fields, reference).await
}

async fn run_on(
    state: State<App>,
    unchecked: Unchecked,
    Places(id, reference): Places,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, GitlabError> {
    trigger(state, unchecked, id, headers, fields, reference).await
}

/// The token is in the URL, in a form or in JSON; whatever else a webhook posts becomes `$TRIGGER_PAYLOAD`.
async fn trigger(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    id: forge::ProjectRef,
    headers: HeaderMap,
    fields: Fields,
    reference: String,
) -> Result<Response, GitlabError> {
    if headers.get("x-gitlab-event").is_some_and(|event| event == "Pipeline Hook") {
        let message = "403 Forbidden: a pipeline cannot start itself by its own webhook";
        return Err(GitlabError::new(StatusCode::FORBIDDEN, message));
    }
    let token = fields.secret("token").ok_or_else(|| GitlabError::invalid("token is missing"))?;
    // A body of JSON that is the request itself is no payload: it would hand the token to the job.
    let own = fields.body.contains(token.expose().as_str());
    let payload = (!fields.body.is_empty() && !own).then(|| fields.body.clone());
    let variables = match fields.variables() {
        // What a webhook calls its variables need not be ours.
        Err(_) if payload.is_some() => Vec::new(),
        variables => variables?,
    };
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let asked = Triggered { token, reference, variables, payload, key };
    let pipeline = app.ci.trigger_pipeline(&ctx, &id, asked).await?;
    Ok((StatusCode::CREATED, Json(pipeline_view(&app, &pipeline))).into_response())
}

/// The token is whole only in the answer that made it.
fn view(trigger: &Trigger, token: Option<&String>) -> Value {
    json!({
        "id": trigger.id,
        "description": trigger.description,
        "created_at": trigger.created_at.to_string(),
        "updated_at": trigger.updated_at.to_string(),
        "last_used": trigger.last_used.map(|at| at.to_string()),
        "token": token.unwrap_or(&trigger.short),
        "owner": {"id": trigger.owner, "username": trigger.who, "name": trigger.who},
    })
}
