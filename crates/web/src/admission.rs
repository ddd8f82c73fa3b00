//! What may run: `/api/v1/admission`, for guards and administrators.

use std::time::Duration;

use admit::{Policy, Reported};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base::limits;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{App, caller::Caller, dtr::Body, error::ApiError};

/// The longest an answer is held: the server stops within seconds.
const WAIT_MAX_S: u64 = 5;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/admission/key", get(key))
        .route("/api/v1/admission/set", get(set))
        .route("/api/v1/admission/policy", get(policy).put(set_policy))
        .route("/api/v1/admission/verdicts", post(report).layer(DefaultBodyLimit::max(limits::ADMISSION_REPORT_BYTES)))
}

/// The key that signs allow-sets, for guards to pin. Public, as the CA is.
async fn key(State(app): State<App>) -> Json<Value> {
    Json(json!({"verifierKey": app.admit.verifier_key().to_string()}))
}

/// The signed allow-set; 304 to a guard that has it. `Prefer: wait=N` (RFC 7240, section 4.3) asks to hold that answer, so
/// that a revocation is known at once.
async fn set(State(app): State<App>, Caller(ctx): Caller, headers: HeaderMap) -> Result<Response, ApiError> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let known = text(header::IF_NONE_MATCH).map(|value| value.trim().trim_matches('"'));
    let wait = text(header::HeaderName::from_static("prefer"));
    let wait_s = wait.and_then(|value| value.trim().strip_prefix("wait=")?.parse::<u64>().ok());
    let issued = match (known, wait_s) {
        (Some(known), Some(wait_s)) => {
            let patience = Duration::from_secs(wait_s.min(WAIT_MAX_S));
            app.admit.allow_set_after(&ctx, known, patience).await?
        }
        _ => app.admit.allow_set(&ctx).await?,
    };
    let etag = format!("\"{}\"", issued.version);
    if known == Some(&*issued.version) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let headers = [
        (header::ETAG, etag),
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    Ok((headers, issued.document.to_string()).into_response())
}

async fn policy(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Policy>, ApiError> {
    Ok(Json(app.admit.policy(&ctx).await?))
}

async fn set_policy(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(policy): Body<Policy>,
) -> Result<Json<Policy>, ApiError> {
    Ok(Json(app.admit.set_policy(&ctx, policy).await?))
}

#[derive(Deserialize)]
struct Report {
    verdicts: Vec<Reported>,
}

async fn report(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(report): Body<Report>,
) -> Result<StatusCode, ApiError> {
    app.admit.report(&ctx, &report.verdicts).await?;
    Ok(StatusCode::NO_CONTENT)
}
