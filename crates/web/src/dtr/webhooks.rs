//! Webhooks: `/api/v0/webhooks`, and `/api/v1/webhooks/{id}/deliveries`, which DTR lacked.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{delete, get, post},
};
use base::{AccountName, Id, Kind, Secret, limits};
use events::{
    Change, Delivery, DeliveryState, Endpoint, EventType, Format, Headers, NewWebhook, Probe, Scope, Webhook, WebhookId,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Asked, Body, Params},
    repositories::{next_page, repo_name},
};
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
        .route("/api/v1/webhooks/{webhook}", get(show))
        .route("/api/v1/webhooks/{webhook}/test", post(try_webhook))
        .route("/api/v1/webhooks/{webhook}/deliveries", get(deliveries))
        .route("/api/v1/webhooks/{webhook}/deliveries/{delivery}", get(one_delivery))
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
) -> Result<(HeaderMap, Json<Value>), ApiError> {
    let kind = match which.webhook_type.as_str() {
        "" | "any" => None,
        other => Some(other.parse()?),
    };
    let found = app.events.list(&ctx, kind, &which.page_start).await?;
    let last = found.last().map(|webhook| webhook.id.to_string());
    let next = next_page(found.len() == limits::PAGE_MAX, last);
    Ok((next, Json(found.iter().map(view).collect())))
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
    /// Ours: the form of requests, what signs each of them, and headers of their own.
    format: Option<String>,
    secret: Option<Secret>,
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
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
        format: body.format.as_deref().map_or(Ok(Format::default()), str::parse)?,
        secret: body.secret,
        headers: Headers::new(body.headers)?,
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
    format: Option<String>,
    /// Empty for none.
    secret: Option<Secret>,
    /// In place of all that there were.
    headers: Option<BTreeMap<String, Secret>>,
}

async fn update(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Update>,
) -> Result<Json<Value>, ApiError> {
    let change = Change {
        inactive: body.inactive,
        tls_cert: body.tls_cert,
        skip_tls: body.skip_tls,
        format: body.format.as_deref().map(str::parse).transpose()?,
        secret: body.secret,
        headers: body.headers.map(Headers::new).transpose()?,
    };
    // A list, as DTR answered.
    Ok(Json(json!([view(&app.events.update(&ctx, &body.id.parse()?, change).await?)])))
}

#[derive(Deserialize)]
struct Try {
    #[serde(rename = "type")]
    kind: String,
    endpoint: Secret,
    format: Option<String>,
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
        format: body.format.as_deref().map_or(Ok(Format::default()), str::parse)?,
        tls_cert: body.tls_cert,
        skip_tls: body.skip_tls,
    };
    let attempt = app.events.test(&ctx, probe).await?;
    match attempt.error {
        None => Ok(Json(json!({"status": attempt.status}))),
        Some(error) => Err(ApiError::invalid(error).coded("WEBHOOK_TEST_FAILED")),
    }
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(webhook): Params<WebhookIdText>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(view(&app.events.webhook(&ctx, &webhook.parse()?).await?)))
}

/// The same as the webhook itself calls, with its secret and headers; what came of it stands in its log, and is the answer.
async fn try_webhook(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(webhook): Params<WebhookIdText>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(delivery_view(&app.events.try_webhook(&ctx, &webhook.parse()?).await?)))
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
    let name = repo_name(org.as_str(), &repo)?;
    app.registry.repository(&ctx, &name).await?;
    let scope = Scope::Repository(name);
    let found = app.events.of_scope(&ctx, &scope).await?;
    Ok(Json(found.iter().map(view).collect()))
}

async fn of_namespace(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(org): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    app.identity.require_account(&org).await?;
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
    Ok(Json(json!({"deliveries": found, "nextPageStart": next})))
}

async fn one_delivery(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((webhook, delivery)): Params<(WebhookIdText, Id<Delivery>)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(delivery_view(&app.events.delivery_of(&ctx, &webhook.parse()?, &delivery).await?)))
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
        "format": webhook.format.as_str(),
        "signed": webhook.signed,
        "previousSecretUntil": webhook.previous_until.map(|at| at.to_string()),
        "headers": hidden(&webhook.header_names),
        "pausedReason": webhook.paused,
        "failingSince": webhook.failing_since.map(|at| at.to_string()),
    })
}

/// Names with values that nobody is shown.
fn hidden(names: &[String]) -> Value {
    names.iter().map(|name| (name.clone(), Value::from("[redacted]"))).collect()
}

/// A name may stand in a head more than once.
fn head(headers: &[(String, String)]) -> Value {
    headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn delivery_view(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "webhook": delivery.webhook.as_str(),
        "type": delivery.kind.as_str(),
        "subject": delivery.subject,
        "test": delivery.sample,
        "payload": delivery.payload,
        "contentType": delivery.content_type,
        "createdAt": delivery.created_at.to_string(),
        "state": delivery.state.to_string(),
        "nextAt": (delivery.state == DeliveryState::Waiting).then(|| delivery.next_at.to_string()),
        "requestedAt": delivery.requested_at.map(|at| at.to_string()),
        "requestHeaders": head(&delivery.request_headers),
        "status": delivery.status,
        "responseHeaders": head(&delivery.response_headers),
        "response": delivery.response,
        "durationMs": delivery.duration_ms,
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
