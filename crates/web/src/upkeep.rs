//! Keeping the registry: garbage collection, scrubbing, quotas, the read-only mode, and deletions that can be undone.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post, put},
};
use base::{AccountName, Id, limits};
use registry::{Collected, Deletion, QuotaOf, Scrubbed, Standing, Usage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    App,
    caller::Caller,
    dtr::{Asked, Body, Named, Params},
    error::ApiError,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/registry/collect", post(collect))
        .route("/api/v1/registry/scrub", post(scrub))
        .route("/api/v1/registry/replica", get(replica))
        .route("/api/v1/registry/read-only", get(read_only).put(set_read_only))
        .route("/api/v1/namespaces/{namespace}/usage", get(namespace_usage))
        .route("/api/v1/namespaces/{namespace}/quota", put(set_namespace_quota))
        .route("/api/v1/namespaces/{namespace}/deletions", get(deletions))
        .route("/api/v1/repositories/{namespace}/{repo}/usage", get(usage))
        .route("/api/v1/repositories/{namespace}/{repo}/quota", put(set_quota))
        .route("/api/v1/deletions/{id}/restore", post(restore))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collect {
    #[serde(default)]
    dry_run: bool,
}

/// Remove now what the hourly run would remove, or say how much that is.
async fn collect(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(asked): Asked<Collect>,
) -> Result<Json<Collected>, ApiError> {
    Ok(Json(match asked.dry_run {
        true => app.registry.collectable(&ctx).await?,
        false => app.registry.collect(&ctx).await?,
    }))
}

/// One run of what the hourly job does.
async fn scrub(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Scrubbed>, ApiError> {
    Ok(Json(app.registry.scrub(&ctx, limits::SCRUB_RUN_BYTES).await?))
}

/// How far the replica store is.
async fn replica(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Standing>, ApiError> {
    Ok(Json(app.registry.replica_standing(&ctx).await?))
}

/// Everybody who signed in may know why a push is refused.
async fn read_only(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let reason = app.registry.read_only().await?;
    Ok(Json(json!({"readOnly": reason.is_some(), "reason": reason})))
}

#[derive(Deserialize)]
struct ReadOnly {
    reason: Option<String>,
}

async fn set_read_only(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<ReadOnly>,
) -> Result<StatusCode, ApiError> {
    app.registry.set_read_only(&ctx, body.reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn usage(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
) -> Result<Json<Usage>, ApiError> {
    Ok(Json(app.registry.repository_usage(&ctx, &named.name()?).await?))
}

async fn namespace_usage(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
) -> Result<Json<Usage>, ApiError> {
    Ok(Json(app.registry.namespace_usage(&ctx, &namespace).await?))
}

/// 0 takes a quota away.
#[derive(Deserialize)]
struct Quota {
    bytes: u64,
}

async fn set_quota(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Body(quota): Body<Quota>,
) -> Result<StatusCode, ApiError> {
    app.registry.set_quota(&ctx, &QuotaOf::Repository(named.name()?), quota.bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_namespace_quota(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
    Body(quota): Body<Quota>,
) -> Result<StatusCode, ApiError> {
    app.registry.set_quota(&ctx, &QuotaOf::Namespace(namespace), quota.bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct DeletedIn {
    /// The name of one repository in the namespace.
    repository: Option<String>,
}

async fn deletions(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
    Asked(asked): Asked<DeletedIn>,
) -> Result<Json<Value>, ApiError> {
    let name = asked.repository.map(|name| format!("{namespace}/{name}").parse()).transpose();
    let name = name.map_err(ApiError::invalid)?;
    let page = app.registry.deletions(&ctx, &namespace, name.as_ref(), limits::PAGE_MAX).await?;
    Ok(Json(json!({"deletions": page.items, "more": page.more})))
}

async fn restore(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(id): Params<Id<Deletion>>,
) -> Result<Json<Deletion>, ApiError> {
    Ok(Json(app.registry.restore(&ctx, &id).await?))
}
