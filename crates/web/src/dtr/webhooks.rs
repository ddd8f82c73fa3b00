//! Webhooks: `/api/v0/webhooks`, and `/api/v1/webhooks/{id}/deliveries`, which DTR lacked.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{delete, get, post},
};
use base::{AccountName, Id, Kind, Secret, limits};
use events::{Change, Delivery, Endpoint, EventType, NewWebhook, Probe, Scope, Webhook, WebhookId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Asked, Body, Params};
use crate::{App, caller::Caller, error::ApiError};

/// What DTR wrote for "never": Go's zero time.
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/webhooks", get(list).post(create))
        .route("/api/v0/webhooks/update", post(update))
        .route("/api/v0/webhooks/test", post(test))
        .route("/api/v0/webhooks/{webhook}", delete(remove))
        .route("/api/v0/repositories/{org}/{repo}/webhooks", get(of_repository))
        .route("/api/v0/accounts/{org}/webhooks", get(of_namespace))
        .route("/api/v1/webhooks/{webhook}/deliveries", get(deliveries))
        .route("/api/v1/webhooks/{webhook}/deliveries/{delivery}/redeliver", post(redeliver))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    /// `any`, or one type.
    #[serde(default)]
    webhook_type: String,
    #[serde(default)]
    page_start: String,
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(which): Asked<Which>,
) -> Result<Json<Value>, ApiError> {
    let kind = match which.webhook_type.as_str() {
        "" | "any" => None,
        other => Some(other.parse()?),
    };
    let found = app.events.list(&ctx, kind, &which.page_start).await?;
    Ok(Json(found.iter().map(view).collect()))
}

#[derive(Deserialize)]
struct Create {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    key: String,
    endpoint: Secret,
    #[serde(default, rename = "tlsCert")]
    tls_cert: String,
    #[serde(default, rename = "skipTLSVerification")]
    skip_tls: bool,
    /// Ours: signs each delivery.
    secret: Option<Secret>,
}

async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Create>,
) -> Result<impl IntoResponse, ApiError> {
    let new = NewWebhook {
        kind: body.kind.parse()?,
        scope: body.key.parse::<Scope>().map_err(events::Error::from)?,
        endpoint: body.endpoint.expose().parse()?,
        secret: body.secret,
        tls_cert: body.tls_cert,
        skip_tls: body.skip_tls,
    };
    let webhook = app.events.create(&ctx, new).await?;
    Ok((StatusCode::CREATED, Json(view(&webhook))))
}

#[derive(Deserialize)]
struct Update {
    id: WebhookIdText,
    inactive: Option<bool>,
    #[serde(rename = "tlsCert")]
    tls_cert: Option<String>,
    #[serde(rename = "skipTLSVerification")]
    skip_tls: Option<bool>,
}

async fn update(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Update>,
) -> Result<Json<Value>, ApiError> {
    let change = Change { inactive: body.inactive, tls_cert: body.tls_cert, skip_tls: body.skip_tls };
    Ok(Json(view(&app.events.update(&ctx, &body.id.parse()?, change).await?)))
}

#[derive(Deserialize)]
struct Try {
    #[serde(rename = "type")]
    kind: String,
    endpoint: Secret,
    #[serde(default, rename = "tlsCert")]
    tls_cert: String,
    #[serde(default, rename = "skipTLSVerification")]
    skip_tls: bool,
}

/// DTR's Test button: a made-up payload, sent at once. A receiver that does not take it is an error with its reason.
async fn test(State(app): State<App>, Caller(ctx): Caller, Body(body): Body<Try>) -> Result<Json<Value>, ApiError> {
    let probe = Probe {
        kind: body.kind.parse::<EventType>()?,
        endpoint: body.endpoint.expose().parse::<Endpoint>()?,
        tls_cert: body.tls_cert,
        skip_tls: body.skip_tls,
    };
    let attempt = app.events.test(&ctx, probe).await?;
    match attempt.error {
        None => Ok(Json(json!({"status": attempt.status}))),
        Some(error) => Err(ApiError::invalid(error).coded("WEBHOOK_TEST_FAILED")),
    }
}

async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(webhook): Params<WebhookIdText>,
) -> Result<StatusCode, ApiError> {
    app.events.delete(&ctx, &webhook.parse()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn of_repository(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo)): Params<(AccountName, String)>,
) -> Result<Json<Value>, ApiError> {
    let scope = Scope::Repository(format!("{org}/{repo}").parse().map_err(events::Error::from)?);
    let found = app.events.of_scope(&ctx, &scope).await?;
    Ok(Json(found.iter().map(view).collect()))
}

async fn of_namespace(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(org): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    let found = app.events.of_scope(&ctx, &Scope::Namespace(org)).await?;
    Ok(Json(found.iter().map(view).collect()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    /// The id of the last delivery of the page before.
    #[serde(default)]
    page_start: String,
    page_size: Option<usize>,
}

async fn deliveries(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(webhook): Params<WebhookIdText>,
    Asked(page): Asked<Page>,
) -> Result<Json<Value>, ApiError> {
    let limit = page.page_size.unwrap_or(limits::PAGE_DEFAULT).clamp(1, limits::PAGE_MAX);
    let found = app.events.deliveries(&ctx, &webhook.parse()?, &page.page_start, limit).await?;
    let next = if found.len() == limit { found.last().map(|delivery| delivery.id.to_string()) } else { None };
    let found: Vec<Value> = found.iter().map(delivery_view).collect();
    Ok(Json(json!({"deliveries": found, "nextPageStart": next.unwrap_or_default()})))
}

async fn redeliver(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((webhook, delivery)): Params<(WebhookIdText, Id<Delivery>)>,
) -> Result<impl IntoResponse, ApiError> {
    let delivery = app.events.redeliver(&ctx, &webhook.parse()?, &delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery_view(&delivery))))
}

/// An id as it came; one that has not the form of ours is simply no webhook.
#[derive(Deserialize)]
struct WebhookIdText(String);

impl WebhookIdText {
    fn parse(&self) -> Result<WebhookId, ApiError> {
        let unknown = |error| ApiError::new(Kind::NotFound, error).coded("NO_SUCH_WEBHOOK");
        self.0.parse().map_err(unknown)
    }
}

/// A webhook as DTR showed it; the endpoint's query is redacted, for everybody.
fn view(webhook: &Webhook) -> Value {
    json!({
        "id": webhook.id.as_str(),
        "type": webhook.kind.as_str(),
        "key": webhook.scope.to_string(),
        "endpoint": webhook.endpoint,
        "authorID": webhook.author,
        "createdAt": webhook.created_at.to_string(),
        "lastSuccessfulAt": webhook.last_success_at.map_or(NEVER.to_owned(), |at| at.to_string()),
        "inactive": webhook.inactive,
        "tlsCert": webhook.tls_cert,
        "skipTLSVerification": webhook.skip_tls,
        "signed": webhook.signed,
        "pausedReason": webhook.paused,
        "failingSince": webhook.failing_since.map(|at| at.to_string()),
    })
}

fn delivery_view(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "webhook": delivery.webhook.as_str(),
        "type": delivery.kind.as_str(),
        "payload": delivery.payload,
        "createdAt": delivery.created_at.to_string(),
        "state": delivery.state.to_string(),
        "requestedAt": delivery.requested_at.map(|at| at.to_string()),
        "status": delivery.status,
        "response": delivery.response,
        "error": delivery.error,
        "attempts": delivery.attempts,
    })
}

impl From<events::Error> for ApiError {
    fn from(error: events::Error) -> ApiError {
        let code = match &error {
            events::Error::NotFound { what: "webhook", .. } => "NO_SUCH_WEBHOOK",
            events::Error::NotFound { .. } => "NO_SUCH_DELIVERY",
            events::Error::Identity(error) => return error.clone().into(),
            _ => return ApiError::new(error.kind(), error),
        };
        ApiError::new(error.kind(), error).coded(code)
    }
}
