//! Jobs: `/api/v0/jobs`, what DTR called their actions, and who runs them.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use base::{Ctx, Id, Timestamp};
use jobs::{ATTEMPTS_MAX, Job, JobRecord, Wanted, Worker};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::body::{Asked, Body, Params};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/jobs", get(list).post(ask))
        .route("/api/v0/jobs/{job}", get(show))
        .route("/api/v0/jobs/{job}/logs", get(logs))
        .route("/api/v0/jobs/{job}/cancel", post(cancel))
        .route("/api/v0/workers", get(workers))
        .route("/api/v0/workers/{worker}/capacity", get(capacity))
}

/// What DTR called jobs of ours. One that has no such name is shown under its own.
const ACTIONS: &[(&str, &[&str])] = &[
    ("onlinegc", &[registry::COLLECT_JOB]),
    ("onlinegc_metadata", &[scan::COLLECT_JOB]),
    ("onlinegc_joblogs", &[jobs::FORGET_JOB]),
    ("tag_pruning", &[prune::EVERY_JOB, prune::REPOSITORY_JOB]),
    ("poll_mirror", &[mirror::POLL_JOB]),
    ("push_mirror_tag", &[mirror::EVERY_JOB]),
    ("scan_check", &[scan::IMAGE_JOB]),
    ("scan_check_all", &[scan::REMATCH_JOB, scan::RENEW_JOB]),
    ("update_vuln_db", &[scan::FETCH_JOB]),
    ("webhook", &[events::DELIVER_JOB]),
];

/// Other names of the same: DTR's older ones.
const OLD_NAMES: [(&str, &str); 3] =
    [("gc", "onlinegc"), ("nautilus_update_db", "update_vuln_db"), ("update_db", "update_vuln_db")];

/// What can be asked for.
const ASKED: &str =
    "onlinegc (gc), onlinegc_joblogs, poll_mirror, push_mirror_tag, scan_check_all, tag_pruning, update_vuln_db";

/// Jobs of a page when nobody says how many.
const PAGE: usize = 10;
/// Lines of a log at once.
const LINES: usize = 100;

/// The present name of an action.
pub(super) fn named(action: &str) -> &str {
    OLD_NAMES.iter().find(|(old, _)| *old == action).map_or(action, |(_, name)| *name)
}

/// What DTR called jobs of this kind.
pub(super) fn action_of(kind: &str) -> &str {
    ACTIONS.iter().find(|(_, kinds)| kinds.contains(&kind)).map_or(kind, |(action, _)| *action)
}

fn kinds_of(action: &str) -> Vec<String> {
    let action = named(action);
    match ACTIONS.iter().find(|(name, _)| *name == action) {
        Some((_, kinds)) => kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        None => vec![action.to_owned()],
    }
}

#[derive(Deserialize)]
struct List {
    action: Option<String>,
    worker: Option<String>,
    running: Option<String>,
    #[serde(default)]
    start: usize,
    limit: Option<usize>,
}

async fn list(State(app): State<App>, Caller(ctx): Caller, Asked(asked): Asked<List>) -> Result<Json<Value>, ApiError> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty() && text != "any");
    let running = match given(asked.running).as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(other) => return Err(ApiError::invalid(format!("running is true, false or any, not {other:?}"))),
    };
    let kinds = given(asked.action).map(|action| kinds_of(&action));
    let wanted = Wanted { kinds, worker: given(asked.worker), running };
    let records = app.board.list(&ctx, &wanted, asked.start, asked.limit.unwrap_or(PAGE)).await?;
    Ok(Json(json!({"jobs": records.iter().map(view).collect::<Vec<_>>()})))
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(job): Params<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(view(&app.board.job(&ctx, &job).await?)))
}

async fn cancel(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(job): Params<String>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    app.board.cancel(&ctx, &job).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&app.board.job(&ctx, &job).await?))))
}

#[derive(Deserialize)]
struct Lines {
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
    /// What there is is given at once.
    #[serde(rename = "stream")]
    _stream: Option<bool>,
}

/// What is known of how a job went, a line for each thing that happened.
async fn logs(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(job): Params<String>,
    Asked(asked): Asked<Lines>,
) -> Result<Json<Value>, ApiError> {
    let record = app.board.job(&ctx, &job).await?;
    let mut lines = vec![format!("{} {} was asked for", record.created_at, record.kind)];
    lines.extend(record.log.lines().map(str::to_owned));
    if let Some(at) = record.started_at {
        lines.push(format!("{at} try {} began on {}", record.attempts, record.worker));
    }
    if let Some(at) = record.ended_at {
        lines.push(format!("{at} it is {}", status(&record)));
    }
    // Each begins with its time.
    lines.sort();
    let line = |(number, text): (usize, &String)| json!({"jobID": job, "lineNum": number, "data": text});
    let lines = lines.iter().enumerate().skip(asked.offset).take(asked.limit.unwrap_or(LINES));
    Ok(Json(lines.map(line).collect()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ask {
    action: String,
    parameters: Option<Map<String, Value>>,
    /// Empty, as DTR's form has it, is now.
    #[serde(default)]
    scheduled_at: String,
}

/// Have something done now. How often it is tried and by whom is the server's business.
async fn ask(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Ask>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    if body.parameters.is_some_and(|parameters| !parameters.is_empty()) {
        return Err(ApiError::invalid(format!("{} takes no parameters here; it is about everything", body.action)));
    }
    let at = Some(body.scheduled_at.as_str()).filter(|at| !at.is_empty()).map(str::parse::<Timestamp>).transpose();
    if at.map_err(ApiError::invalid)?.is_some_and(|at| at > ctx.now) {
        return Err(ApiError::invalid("a job that is asked for runs now; leave scheduledAt out, or use /api/v0/crons"));
    }
    let id = asked(&app, &ctx, &body.action).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&app.board.job(&ctx, id.as_str()).await?))))
}

async fn asked(app: &App, ctx: &Ctx, action: &str) -> Result<Id<Job>, ApiError> {
    Ok(match named(action) {
        "onlinegc" => app.registry.request_collection(ctx).await?,
        "onlinegc_joblogs" => app.board.forget_now(ctx).await?,
        "poll_mirror" => app.mirror.poll_now(ctx).await?.0,
        "push_mirror_tag" => app.mirror.push_now(ctx).await?,
        "scan_check_all" => app.scan.request_recheck(ctx).await?,
        "tag_pruning" => app.prune.request_all(ctx).await?,
        "update_vuln_db" => app.scan.request_fetch(ctx).await?,
        other => {
            let instead = match other {
                "scan_check" | "scan_check_single" => {
                    "; an image is scanned by POST /api/v0/imagescan/scan/{namespace}/{repo}/{tag}/{os}/{arch}"
                }
                "ro_registry" => "; POST {\"readOnlyRegistry\": true} to /api/v0/meta/settings",
                "webhook" => "; POST /api/v1/webhooks/{webhook}/deliveries/{delivery}/redeliver",
                _ => "",
            };
            return Err(ApiError::invalid(format!("{other:?} cannot be asked for{instead}; what can is {ASKED}")));
        }
    })
}

/// The states of DTR's API.
fn status(record: &JobRecord) -> &'static str {
    match record.state {
        jobs::State::Waiting => "waiting",
        jobs::State::Running => "running",
        jobs::State::Done => "done",
        jobs::State::Failed => "errored",
        jobs::State::Canceled => "canceled",
    }
}

fn view(record: &JobRecord) -> Value {
    let updated = record.ended_at.or(record.started_at).unwrap_or(record.created_at);
    json!({
        "id": record.id,
        "retryFromID": "",
        "workerID": record.worker,
        "status": status(record),
        "scheduledAt": record.created_at,
        "lastUpdated": updated,
        "action": action_of(&record.kind),
        "retriesLeft": (ATTEMPTS_MAX - record.attempts).clamp(0, ATTEMPTS_MAX - 1),
        "retriesTotal": ATTEMPTS_MAX - 1,
        "capacityMap": null,
        "parameters": parameters(&record.payload),
        "deadline": "",
        "stopTimeout": "",
        // Ours.
        "startedAt": record.started_at,
        "endedAt": record.ended_at,
        "error": record.last_error,
        "auditEntry": record.cause,
    })
}

/// What a job is about: the plain members of its payload, and of the event in it.
fn parameters(payload: &Value) -> Map<String, Value> {
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let plain = members(payload).into_iter().chain(members(&payload["data"]));
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Some((name, text.into())),
        Value::Number(number) => Some((name, number.to_string().into())),
        Value::Bool(on) => Some((name, on.to_string().into())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    plain.filter_map(text).collect()
}

/// This process; others of the same database show themselves.
async fn workers(State(app): State<App>, Caller(ctx): Caller) -> Result<Json<Value>, ApiError> {
    identity::Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    let beats = ctx.now.checked_add(std::time::Duration::from_secs(30)).unwrap_or(Timestamp::MAX);
    Ok(Json(json!({"workers": [{
        "id": app.board.worker(),
        "status": "running",
        "capacityMap": capacities(),
        "heartbeatExpiration": beats,
    }]})))
}

async fn capacity(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(worker): Params<String>,
) -> Result<Json<Value>, ApiError> {
    identity::Level::require_admin(&mut app.db.read().await?, &ctx.actor).await?;
    if worker != app.board.worker() {
        let why = format!("there is no worker {worker:?} in this process");
        return Err(ApiError::new(base::Kind::NotFound, why).coded("NO_SUCH_WORKER"));
    }
    Ok(Json(json!({"capacityMap": capacities()})))
}

/// Any job takes one place.
fn capacities() -> Value {
    json!({"scan": Worker::capacity(), "scanCheck": Worker::capacity()})
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ACTIONS, OLD_NAMES, action_of, kinds_of, parameters};

    #[test]
    fn names_lead_there_and_back() {
        for (action, kinds) in ACTIONS {
            assert!(kinds.iter().all(|kind| action_of(kind) == *action), "{action}");
            assert_eq!(kinds_of(action), *kinds);
        }
        assert!(OLD_NAMES.iter().all(|(_, name)| ACTIONS.iter().any(|(action, _)| action == name)));
        assert_eq!(kinds_of("gc"), kinds_of("onlinegc"));
        assert_eq!((action_of("ci.pushed"), kinds_of("ci.pushed")), ("ci.pushed", vec!["ci.pushed".to_owned()]));
    }

    #[test]
    fn parameters_are_texts() {
        let payload = json!({"kind": "image.pushed", "data": {"repository": "a/b", "tag": null, "job": 7}, "list": []});
        let expected = json!({"kind": "image.pushed", "repository": "a/b", "job": "7"});
        assert_eq!(json!(parameters(&payload)), expected);
        assert!(parameters(&json!(null)).is_empty());
    }
}
