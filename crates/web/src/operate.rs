//! What operators ask: is it alive, is it ready, what does it count, whom does it trust.

use axum::{Json, Router, extract::State, http::header, response::IntoResponse, routing::get};
use base::Ctx;
use serde_json::json;

use crate::{App, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/ca", get(ca))
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/_ping", get(health))
        .route("/health", get(health))
}

/// The certificate of the installation's authority, PEM: `/etc/docker/certs.d/HOST:PORT/ca.crt` is made of it.
async fn ca(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], app.site.ca_pem.clone())
}

/// Ready means: the database answers.
async fn ready(State(app): State<App>) -> Result<&'static str, ApiError> {
    app.db.ping().await?;
    Ok("ready\n")
}

/// DTR's health answer.
async fn health(State(app): State<App>) -> impl IntoResponse {
    let error = match app.db.ping().await {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    };
    Json(json!({"healthy": error.is_empty(), "error": error}))
}

/// Prometheus' text format.
async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let mut text = String::new();
    let ctx = Ctx::system("metrics", &app.clock, &app.entropy);
    let advisories = app.scan.standing(&ctx).await.ok();
    let encoded = prometheus_client::encoding::text::encode(&mut text, &app.metrics.registry(advisories.as_ref()));
    let text = encoded.map_or_else(|error| format!("# {error}\n"), |()| text);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
