//! The runner protocol: `/api/v4/runners`, `/api/v4/jobs`, as stock runners of many versions speak it.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get, patch, post, put},
};
use base::{Kind, Secret, constant_time_eq};
use ci::{Append, Appended, Asked, Heard, JobStatus, Report, Runner, RunnerInfo, Said};
use serde_json::{Value, json};

use crate::{
    App,
    caller::Unchecked,
    gitlab::{Fields, GitlabError, wanted_runner},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/runners", post(register).delete(unregister))
        .route("/api/v4/runners/verify", post(verify))
        .route("/api/v4/runners/managers", delete(forget_manager))
        .route("/api/v4/runners/router/discovery", get(discover))
        .route("/api/v4/jobs/request", post(request))
        .route("/api/v4/jobs/{id}", put(update))
        .route("/api/v4/jobs/{id}/trace", patch(trace))
}

/// The legacy flow: a registration token for an authentication token.
async fn register(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    fields: Fields,
) -> Result<impl IntoResponse, GitlabError> {
    let token = fields.secret("token").ok_or_else(GitlabError::forbidden)?;
    let (runner, token) = app.ci.register_runner(&ctx, &token, wanted_runner(&fields)).await?;
    Ok((StatusCode::CREATED, known(&runner, &token)))
}

async fn verify(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Json<Value>, GitlabError> {
    let token = token(&headers, "runner-token", &fields)?;
    let info = RunnerInfo::new(fields.get("info").unwrap_or(&Value::Null));
    let runner = app.ci.verify_runner(&ctx, &token, &info).await?;
    Ok(known(&runner, &token))
}

fn known(runner: &Runner, token: &Secret) -> Json<Value> {
    Json(json!({"id": runner.id, "token": token.expose(), "token_expires_at": null}))
}

async fn unregister(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    headers: HeaderMap,
    fields: Fields,
) -> Result<StatusCode, GitlabError> {
    app.ci.unregister_runner(&ctx, &token(&headers, "runner-token", &fields)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One machine of a runner goes. Machines are not told apart here, so there is nothing to forget.
async fn forget_manager(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    headers: HeaderMap,
    fields: Fields,
) -> Result<StatusCode, GitlabError> {
    let token = token(&headers, "runner-token", &fields)?;
    app.ci.verify_runner(&ctx, &token, &RunnerInfo::default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn discover() -> GitlabError {
    GitlabError::new(StatusCode::NOT_IMPLEMENTED, "501 Not Implemented: there is no job router")
}

/// Held until there is a job, at most as long as questions are held.
async fn request(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let token = token(&headers, "runner-token", &fields)?;
    let info = RunnerInfo::new(fields.get("info").unwrap_or(&Value::Null));
    match app.ci.request_job(&ctx, &token, &info).await? {
        Asked::Job(payload) => Ok((StatusCode::CREATED, Json(*payload)).into_response()),
        Asked::None => Ok((StatusCode::NO_CONTENT, [("x-gitlab-last-update", ctx.request_id)]).into_response()),
        Asked::Denied => Err(GitlabError::forbidden()),
    }
}

async fn update(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    Path(id): Path<i64>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let token = token(&headers, "job-token", &fields)?;
    let said = match fields.text("state").as_deref() {
        Some("running" | "pending") => Said::Running,
        Some("success") => Said::Success,
        Some("failed") => Said::Failed,
        _ => return Err(GitlabError::invalid("state is not running, success or failed")),
    };
    let output = fields.get("output");
    let part = |name: &str| output.and_then(|output| output.get(name));
    let info = fields.get("info").and_then(|info| info.pointer("/features/trace_reset"));
    let report = Report {
        said,
        reason: fields.text("failure_reason").map(|word| word.parse().unwrap_or(ci::FailureReason::UnknownFailure)),
        exit_code: fields.number("exit_code"),
        checksum: part("checksum").and_then(Value::as_str).map(str::to_owned).or_else(|| fields.text("checksum")),
        size_bytes: part("bytesize").and_then(Value::as_i64),
        can_resend: info.and_then(Value::as_bool).unwrap_or(false),
    };
    let heard = app.ci.report(&ctx, id, &token, &report).await.map_err(of_job)?;
    Ok(match heard {
        Heard::Ok => standing(StatusCode::OK, JobStatus::Running, &headers),
        Heard::Resend => standing(StatusCode::PRECONDITION_FAILED, JobStatus::Running, &headers),
        Heard::Over(status) => standing(StatusCode::FORBIDDEN, status, &headers),
    })
}

async fn trace(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    Path(id): Path<i64>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, GitlabError> {
    let token = token(&headers, "job-token", &Fields::default())?;
    // The end is counted from the body: old runners send one too many.
    let range = headers.get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let start = range.and_then(|range| range.split('-').next()).and_then(|start| start.trim().parse().ok());
    let start = start.ok_or_else(|| GitlabError::invalid("Content-Range is missing or not of the form START-END"))?;
    let appended = app.ci.append_trace(&ctx, id, &token, Append { start, bytes: &body }).await.map_err(of_job)?;
    let (code, total) = match appended {
        Appended::Accepted { total } => (StatusCode::ACCEPTED, total),
        Appended::WrongOffset { total } => (StatusCode::RANGE_NOT_SATISFIABLE, total),
        Appended::Over(status) => return Ok(standing(StatusCode::FORBIDDEN, status, &headers)),
    };
    let mut response = standing(code, JobStatus::Running, &headers);
    if let Ok(range) = HeaderValue::from_str(&format!("0-{total}")) {
        response.headers_mut().insert(header::RANGE, range);
    }
    Ok(response)
}

/// An answer about a job, with how it stands. Whole seconds are the shortest interval that stock runners can read; ours
/// has a shorter one of its own.
fn standing(code: StatusCode, status: JobStatus, headers: &HeaderMap) -> Response {
    let body = Json(json!({"message": code.to_string()}));
    let mut response = (code, [("job-status", status.as_str())], body).into_response();
    let stock = headers.get(header::USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"gitlab-runner"));
    if stock {
        response.headers_mut().insert("x-gitlab-trace-update-interval", HeaderValue::from_static("1"));
    }
    response
}

/// The token of a runner or job: in a header, in the body, or the same in both.
fn token(headers: &HeaderMap, name: &str, fields: &Fields) -> Result<Secret, GitlabError> {
    let header = headers.get(name).and_then(|value| value.to_str().ok());
    match (header, fields.secret("token")) {
        (Some(header), Some(body)) if !constant_time_eq(header.as_bytes(), body.expose().as_bytes()) => {
            Err(GitlabError::forbidden())
        }
        (_, Some(body)) => Ok(body),
        (Some(header), None) => Ok(Secret::new(header.to_owned())),
        (None, None) => Err(GitlabError::forbidden()),
    }
}

/// A runner gives up a job on 403, and takes 401 for something else.
fn of_job(error: ci::Error) -> GitlabError {
    match error.kind() {
        Kind::Unauthenticated => GitlabError::forbidden(),
        _ => error.into(),
    }
}
