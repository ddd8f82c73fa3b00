//! Runners as administrators see them: `/api/v4/user/runners`, `/api/v4/runners`.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{OriginalUri, Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use base::Ctx;
use ci::{NewRunner, Runner, RunnerKind};
use serde_json::{Value, json};

use super::{Fields, GitlabError, Known, paging::Page};
use crate::App;

/// A runner that was here in this time is taken to be there: its question for a job is held for some seconds and then
/// asked again, and it is written down once a minute.
const ONLINE: Duration = Duration::from_secs(150);

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/user/runners", post(create))
        .route("/api/v4/runners", get(list))
        .route("/api/v4/runners/all", get(list))
        .route("/api/v4/runners/{id}", put(update).delete(remove))
        .route("/api/v4/runners/reset_registration_token", post(reset))
}

/// The token is in this answer and nowhere else, ever.
async fn create(State(app): State<App>, Known(ctx): Known, fields: Fields) -> Result<impl IntoResponse, GitlabError> {
    let project = match fields.require("runner_type")?.as_str() {
        "instance_type" => None,
        "project_type" => Some(fields.require("project_id")?.parse()?),
        other => {
            let message = format!("runner_type {other:?} is not served; use instance_type or project_type");
            return Err(GitlabError::invalid(message));
        }
    };
    let (runner, token) = app.ci.create_runner(&ctx, project.as_ref(), wanted(&fields)).await?;
    let body = json!({"id": runner.id, "token": token.expose(), "token_expires_at": null});
    Ok((StatusCode::CREATED, Json(body)))
}

/// What a request says of a runner; old clients write `active`, new ones `paused`.
pub(crate) fn wanted(fields: &Fields) -> NewRunner {
    NewRunner {
        description: fields.text("description").unwrap_or_default(),
        tags: fields.list("tag_list"),
        run_untagged: fields.flag("run_untagged"),
        paused: paused(fields).unwrap_or(false),
        protected: fields.text("access_level").is_some_and(|level| level == "ref_protected"),
        maximum_timeout: fields.number("maximum_timeout"),
    }
}

fn paused(fields: &Fields) -> Option<bool> {
    fields.flag("paused").or_else(|| fields.flag("active").map(|active| !active))
}

async fn list(
    State(app): State<App>,
    Known(ctx): Known,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let runners: Vec<Value> = app.ci.runners(&ctx).await?.iter().map(|runner| view(&ctx, runner)).collect();
    Ok(Page::of(&fields).cut(&app, uri.path(), &runners))
}

async fn update(
    State(app): State<App>,
    Known(ctx): Known,
    Path(id): Path<i64>,
    fields: Fields,
) -> Result<Json<Value>, GitlabError> {
    let paused = paused(&fields).ok_or_else(|| GitlabError::invalid("only `paused` can be changed"))?;
    Ok(Json(view(&ctx, &app.ci.pause_runner(&ctx, id, paused).await?)))
}

async fn remove(State(app): State<App>, Known(ctx): Known, Path(id): Path<i64>) -> Result<StatusCode, GitlabError> {
    app.ci.delete_runner(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reset(State(app): State<App>, Known(ctx): Known) -> Result<impl IntoResponse, GitlabError> {
    let token = app.ci.reset_registration_token(&ctx).await?;
    Ok((StatusCode::CREATED, Json(json!({"token": token.expose(), "token_expires_at": null}))))
}

fn view(ctx: &Ctx, runner: &Runner) -> Value {
    let online = runner.contacted_at.and_then(|at| at.checked_add(ONLINE).ok()).is_some_and(|until| until > ctx.now);
    let status = if runner.contacted_at.is_none() {
        "never_contacted"
    } else if online {
        "online"
    } else {
        "offline"
    };
    let info: Value = serde_json::from_str(&runner.info).unwrap_or_default();
    let (kind, project) = match runner.kind {
        RunnerKind::Instance => ("instance_type", None),
        RunnerKind::Project(project) => ("project_type", Some(project)),
    };
    json!({
        "id": runner.id,
        "description": runner.description,
        "runner_type": kind,
        "is_shared": kind == "instance_type",
        "projects": project.map(|id| vec![json!({"id": id})]).unwrap_or_default(),
        "tag_list": runner.tags,
        "run_untagged": runner.run_untagged,
        "online": online,
        "status": status,
        "paused": runner.paused,
        "active": !runner.paused,
        "access_level": if runner.protected { "ref_protected" } else { "not_protected" },
        "maximum_timeout": runner.maximum_timeout,
        "created_at": runner.created_at.to_string(),
        "contacted_at": runner.contacted_at.map(|at| at.to_string()),
        "version": info["version"],
        "platform": info["platform"],
        "architecture": info["architecture"],
    })
}
