//! The settings of DTR that mean something here: `/api/v0/meta/settings`.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use scan::SettingsChanges;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::Body;
use crate::{App, caller::Caller, error::ApiError};

/// What may be set.
const SET: [&str; 6] = [
    "readOnlyRegistry",
    "scanningEnabled",
    "scanningDeadline",
    "scanningSyncOnline",
    "scanningEnableAutoRecheck",
    "scanningAttest",
];

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/v0/meta/settings", get(show).post(change))
}

async fn show(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let scanning = app.scan.settings().await?;
    Ok(Json(json!({
        "dtrHost": app.site.authority,
        "createRepositoryOnPush": true,
        "readOnlyRegistry": app.registry.read_only().await?.is_some(),
        "scanningEnabled": scanning.enabled,
        "scanningDeadline": scanning.deadline_minutes,
        "scanningSyncOnline": scanning.sync_online,
        "scanningEnableAutoRecheck": scanning.auto_recheck,
        // Ours.
        "scanningAttest": scanning.attest,
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    read_only_registry: Option<bool>,
    scanning_enabled: Option<bool>,
    /// In minutes.
    scanning_deadline: Option<u32>,
    scanning_sync_online: Option<bool>,
    scanning_enable_auto_recheck: Option<bool>,
    scanning_attest: Option<bool>,
}

async fn change(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Map<String, Value>>,
) -> Result<StatusCode, ApiError> {
    let wrong = |why: String| ApiError::invalid(why).coded("INVALID_SETTINGS");
    if let Some(other) = body.keys().find(|key| !SET.contains(&key.as_str())) {
        return Err(wrong(format!("{other:?} cannot be set here; what can is {}", SET.join(", "))));
    }
    let settings: Settings = serde_json::from_value(body.into()).map_err(|error| wrong(error.to_string()))?;
    let scanning = SettingsChanges {
        enabled: settings.scanning_enabled,
        deadline_minutes: settings.scanning_deadline,
        sync_online: settings.scanning_sync_online,
        auto_recheck: settings.scanning_enable_auto_recheck,
        attest: settings.scanning_attest,
    };
    app.scan.change_settings(&ctx, scanning).await?;
    if let Some(on) = settings.read_only_registry {
        app.registry.set_read_only(&ctx, on.then_some("an administrator switched it to read-only")).await?;
    }
    Ok(StatusCode::ACCEPTED)
}
