//! DTR's settings: `/api/v0/meta/settings`. What means something here can be set; the rest is told as it is, and cannot.

use std::time::Duration;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use jobs::HistoryChanges;
use scan::SettingsChanges;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::Body;
use crate::{App, caller::Caller, error::ApiError};

/// What may be set.
const SET: [&str; 10] = [
    "readOnlyRegistry",
    "createRepositoryOnPush",
    "scanningEnabled",
    "scanningDeadline",
    "scanningSyncOnline",
    "scanningEnableAutoRecheck",
    "scanningAttest",
    "jobHistoryCompactionEnabled",
    "jobHistoryToKeep",
    "jobHistoryMaxAge",
];

/// What cannot, and why.
const FIXED: [(&str, &str); 14] = [
    ("dtrHost", "the name of the server is url in its configuration"),
    ("sso", "sign-in with a provider is [oidc] in the configuration"),
    ("disableUpgrades", "the server looks for no upgrades"),
    ("reportAnalytics", "the server reports to nobody"),
    ("anonymizeAnalytics", "the server reports to nobody"),
    ("disableBackupWarning", "there is no such warning"),
    ("webTLSCert", "the server's certificate is made by its own authority, see /ca"),
    ("webTLSKey", "the server's key stays in its folder"),
    ("webTLSCA", "the authority is the installation's own"),
    ("webTLSClientCA", "client certificates do not sign in to the registry; use access tokens"),
    ("clientCertAuthEnabled", "client certificates do not sign in to the registry; use access tokens"),
    ("repoEventHistoryCompactionEnabled", "events are the audit log, of which nothing is ever deleted"),
    ("repoEventHistoryToKeep", "events are the audit log, of which nothing is ever deleted"),
    ("repoEventHistoryMaxAge", "events are the audit log, of which nothing is ever deleted"),
];

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/v0/meta/settings", get(show).post(change))
}

async fn show(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    Ok(Json(shown(&app).await?))
}

async fn shown(app: &App) -> Result<Value, ApiError> {
    let scanning = app.scan.settings().await?;
    let history = app.board.history().await?;
    let port = app.site.authority.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).unwrap_or(443);
    let mut settings = json!({
        "dtrHost": app.site.authority,
        "createRepositoryOnPush": app.registry.created_on_push().await?,
        "readOnlyRegistry": app.registry.read_only().await?.is_some(),
        "scanningEnabled": scanning.enabled,
        "scanningDeadline": scanning.deadline_minutes,
        "scanningSyncOnline": scanning.sync_online,
        "scanningEnableAutoRecheck": scanning.auto_recheck,
        // Ours.
        "scanningAttest": scanning.attest,
        "jobHistoryCompactionEnabled": history.compaction,
        "jobHistoryToKeep": history.to_keep,
        "jobHistoryMaxAge": written(history.max_age),
        "sso": app.oidc.is_some(),
        "webTLSCA": app.site.ca_pem,
        "replicaID": app.board.worker(),
        "replicaSettings": {app.board.worker(): {"HTTPPort": 0, "HTTPSPort": port, "node": ""}},
    });
    for off in ["reportAnalytics", "anonymizeAnalytics", "clientCertAuthEnabled", "repoEventHistoryCompactionEnabled"] {
        settings[off] = false.into();
    }
    // The session of a browser ends with it.
    for on in ["disableUpgrades", "disableBackupWarning", "disablePersistentCookies"] {
        settings[on] = true.into();
    }
    settings["repoEventHistoryToKeep"] = 0.into();
    for empty in [
        "repoEventHistoryMaxAge",
        "webTLSCert",
        "webTLSKey",
        "webTLSClientCA",
        "httpProxy",
        "httpsProxy",
        "noProxy",
        "logProtocol",
        "logHost",
        "logLevel",
        "storageVolume",
        "nfsHost",
        "nfsPath",
    ] {
        settings[empty] = "".into();
    }
    Ok(settings)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    read_only_registry: Option<bool>,
    create_repository_on_push: Option<bool>,
    scanning_enabled: Option<bool>,
    /// In minutes.
    scanning_deadline: Option<u32>,
    scanning_sync_online: Option<bool>,
    scanning_enable_auto_recheck: Option<bool>,
    scanning_attest: Option<bool>,
    job_history_compaction_enabled: Option<bool>,
    job_history_to_keep: Option<u32>,
    job_history_max_age: Option<String>,
}

async fn change(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Map<String, Value>>,
) -> Result<StatusCode, ApiError> {
    let wrong = |why: String| ApiError::invalid(why).coded("INVALID_SETTINGS");
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let present = shown(&app).await?;
    // Scripts send back all that they were told.
    let fixed = body.iter().find(|(name, value)| !SET.contains(&name.as_str()) && present[name.as_str()] != **value);
    if let Some((name, _)) = fixed {
        let why = FIXED.iter().find(|(fixed, _)| fixed == name).map(|(_, why)| format!(": {why}")).unwrap_or_default();
        return Err(wrong(format!("{name:?} cannot be set here{why}; what can is {}", SET.join(", "))));
    }
    let settings: Settings = serde_json::from_value(body.into()).map_err(|error| wrong(error.to_string()))?;
    let history = HistoryChanges {
        compaction: settings.job_history_compaction_enabled,
        to_keep: settings.job_history_to_keep,
        max_age: settings.job_history_max_age.as_deref().map(read).transpose().map_err(wrong)?,
    };
    let scanning = SettingsChanges {
        enabled: settings.scanning_enabled,
        deadline_minutes: settings.scanning_deadline,
        sync_online: settings.scanning_sync_online,
        auto_recheck: settings.scanning_enable_auto_recheck,
        attest: settings.scanning_attest,
    };
    app.scan.change_settings(&ctx, scanning).await?;
    app.board.set_history(&ctx, history).await?;
    if let Some(on) = settings.create_repository_on_push {
        app.registry.set_created_on_push(&ctx, on).await?;
    }
    // Whoever said why it is read-only is not overwritten.
    if let Some(on) = settings.read_only_registry.filter(|on| present["readOnlyRegistry"] != *on) {
        app.registry.set_read_only(&ctx, on.then_some("an administrator switched it to read-only")).await?;
    }
    Ok(StatusCode::ACCEPTED)
}

/// An age in Go's units; nothing is no limit.
fn read(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Ok(Duration::ZERO);
    }
    let age = policy::parse_duration(text).map(|age| Duration::from_secs(age.unsigned_abs().as_secs()));
    age.ok_or_else(|| {
        format!("jobHistoryMaxAge {text:?} is no duration in Go's units, such as 720h; empty is no limit")
    })
}

fn written(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0 => String::new(),
        _ => format!("{}h{}m{}s", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use jobs::History;

    use super::{read, written};

    #[test]
    fn an_age_is_read_as_it_is_written() {
        assert_eq!(written(History::default().max_age), "720h0m0s");
        for text in ["720h0m0s", "1h1m1s", ""] {
            assert_eq!(written(read(text).unwrap()), text);
        }
        assert!(read("a month").unwrap_err().contains("720h"));
    }
}
