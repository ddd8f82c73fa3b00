//! What DTR told of itself: features, replicas, alerts, version, and MSR's metrics.

use axum::{Json, Router, extract::State, http::header, response::IntoResponse, routing::get};
use base::{Ctx, limits};
use identity::Level;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::ConstGauge, gauge::Gauge},
    registry::Registry as MetricsRegistry,
};
use registry::{Totals, Traffic};
use serde_json::{Value, json};

use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/meta/features", get(features))
        .route("/api/v0/meta/cluster_status", get(cluster_status))
        .route("/api/v0/meta/alerts", get(alerts))
        .route("/api/v0/admin/version", get(version))
        .route("/api/v0/admin/metrics", get(metrics))
}

/// Everything is licensed.
async fn features(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    let standing = app.scan.standing(&ctx).await?;
    Ok(Json(json!({
        "scanningEnabled": standing.settings.enabled,
        "scanningLicensed": true,
        "promotionLicensed": true,
        "mirroringLicensed": true,
        // Nothing is ever locked for it, and there is no other store of metadata to change to.
        "onlineGCEnabled": true,
        "metadataStoreOptedIn": false,
        "db_version": standing.snapshot_number,
        "ucpHost": app.site.authority,
    })))
}

/// How this process is. There is no RethinkDB, and so none of its tables.
async fn cluster_status(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    let replica = app.board.worker();
    let health = match app.log.contradiction() {
        None => "OK".to_owned(),
        Some(why) => format!("the audit log contradicts itself: {why}"),
    };
    let holder = if app.registry.is_collecting(&ctx).await? { replica } else { "" };
    Ok(Json(json!({
        "rethink_system_tables": {},
        "replica_health": {replica: health},
        "replica_timestamp": {replica: ctx.now},
        "replica_readonly": {replica: app.registry.read_only().await?.is_some()},
        "gc_lock_holder": holder,
    })))
}

/// What somebody should look at.
async fn alerts(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let (standing, mut alerts) = (app.scan.standing(&ctx).await?, Vec::new());
    let mut alert = |id: &str, class: &str, url: &str, message: String| {
        alerts.push(json!({"message": message, "id": id, "class": class, "img": "", "url": url}));
    };
    if let Some(why) = app.log.contradiction() {
        alert(
            "audit-log",
            "error",
            "",
            format!("The audit log contradicts itself, and nothing is signed any more: {why}"),
        );
    }
    if let Some(why) = app.registry.read_only().await? {
        alert("read-only", "warning", "", format!("Nothing may be pushed or deleted: {why}"));
    }
    if !standing.settings.enabled {
        alert("scanning-off", "warning", "", "The scanner is switched off.".to_owned());
    }
    if standing.age.stale {
        let message = format!("The advisories are from {}.", standing.age.created.map_or("nowhere".to_owned(), day));
        alert("advisories-stale", "warning", "/advisories", message);
    }
    if let Some(why) = standing.update_error {
        alert("advisories-failed", "warning", "/advisories", format!("New advisories could not be taken: {why}"));
    }
    Ok(Json(alerts.into()))
}

fn day(at: base::Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

async fn version(Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    Ok(Json(json!({"version": env!("CARGO_PKG_VERSION")})))
}

/// MSR's metrics, by its names; ours are at `/metrics`.
async fn metrics(State(app): State<App>, Caller(ctx): Caller) -> Result<impl IntoResponse, ApiError> {
    Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    // What this process counted is part of it.
    app.registry.write_traffic(&Ctx { actor: base::Actor::System("metrics"), ..ctx }).await?;
    let busiest = app.registry.busiest(limits::PAGE_MAX).await?;
    let registry = counted(&app.registry.totals().await?, &busiest);
    let mut text = String::new();
    let text = encode(&mut text, &registry).map_or_else(|error| format!("# {error}\n"), |()| text);
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRepository {
    repository: String,
}

fn counted(totals: &Totals, busiest: &[(oci::RepoName, Traffic)]) -> MetricsRegistry {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut registry = MetricsRegistry::default();
    for (name, help, value) in [
        ("repos", "Repositories", totals.public + totals.private),
        ("public_repos", "Repositories that everybody may see", totals.public),
        ("private_repos", "Repositories that only those with rights see", totals.private),
        ("pull_count", "Manifests that were sent", totals.traffic.pulls),
        ("push_count", "Manifests that were taken", totals.traffic.pushes),
    ] {
        registry.register(name, help, ConstGauge::new(number(value)));
    }
    let (pulls, pushes) = (Family::<OfRepository, Gauge>::default(), Family::<OfRepository, Gauge>::default());
    for (name, traffic) in busiest {
        let of = OfRepository { repository: name.to_string() };
        pulls.get_or_create(&of).set(number(traffic.pulls));
        pushes.get_or_create(&of).set(number(traffic.pushes));
    }
    registry.register("pull_count_per_repo", "Manifests that were sent, of the repositories pulled the most", pulls);
    registry.register("push_count_per_repo", "Manifests that were taken, of the same repositories", pushes);
    registry
}
