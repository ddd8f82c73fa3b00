//! Jobs and their logs: `/api/v4/projects/:id/jobs`.

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base::Ctx;
use ci::{FailureReason, Job, Pipeline};
use forge::{ProjectRef, RefKind};
use serde_json::{Value, json};

use super::{Fields, GitlabError, Known, Place, Places, paging::Page};
use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/projects/{id}/jobs", get(list))
        .route("/api/v4/projects/{id}/jobs/{job}", get(show))
        .route("/api/v4/projects/{id}/jobs/{job}/trace", get(trace))
        .route("/api/v4/projects/{id}/jobs/{job}/cancel", post(cancel))
        .route("/api/v4/projects/{id}/jobs/{job}/retry", post(retry))
        .route("/api/v4/projects/{id}/jobs/{job}/play", post(play))
}

async fn list(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let page = Page::of(&fields);
    let jobs = app.ci.jobs(&ctx, &id, page.per_page + 1, page.offset()).await?;
    let mut views = Vec::new();
    for job in jobs.iter().take(page.per_page) {
        views.push(with_pipeline(&app, &ctx, &id, job).await?);
    }
    // Counting all jobs of a project is not worth it: one more page is all a client needs to know.
    Ok(page.answer(&app, uri.path(), views, page.offset() + jobs.len()))
}

async fn show(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<Json<Value>, GitlabError> {
    let job = app.ci.job(&ctx, &place.0, place.id()?).await?;
    Ok(Json(with_pipeline(&app, &ctx, &place.0, &job).await?))
}

async fn trace(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<Response, GitlabError> {
    let part = app.ci.trace(&ctx, &place.0, place.id()?, 0).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], part.bytes).into_response())
}

async fn cancel(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<impl IntoResponse, GitlabError> {
    let job = app.ci.cancel_job(&ctx, &place.0, place.id()?).await?;
    Ok((StatusCode::CREATED, Json(with_pipeline(&app, &ctx, &place.0, &job).await?)))
}

async fn retry(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<impl IntoResponse, GitlabError> {
    let job = app.ci.retry_job(&ctx, &place.0, place.id()?).await?;
    Ok((StatusCode::CREATED, Json(with_pipeline(&app, &ctx, &place.0, &job).await?)))
}

async fn play(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<Json<Value>, GitlabError> {
    let job = app.ci.play_job(&ctx, &place.0, place.id()?).await?;
    Ok(Json(with_pipeline(&app, &ctx, &place.0, &job).await?))
}

async fn with_pipeline(app: &App, ctx: &Ctx, id: &ProjectRef, job: &Job) -> Result<Value, GitlabError> {
    let pipeline = app.ci.pipeline(ctx, id, job.pipeline).await?;
    Ok(view(app, &pipeline, job))
}

pub(crate) fn view(app: &App, pipeline: &Pipeline, job: &Job) -> Value {
    let time = |at: Option<base::Timestamp>| at.map(|at| at.to_string());
    let seconds =
        |from: Option<base::Timestamp>, to: Option<base::Timestamp>| Some(to?.duration_since(from?).as_secs_f64());
    let commit = &pipeline.commit;
    json!({
        "id": job.id,
        "name": job.plan.name,
        "stage": job.plan.stage,
        "status": job.status.as_str(),
        "ref": pipeline.reference.short(),
        "tag": pipeline.reference.kind() == RefKind::Tag,
        "allow_failure": job.may_fail(),
        "created_at": job.created_at.to_string(),
        "started_at": time(job.started_at),
        "finished_at": time(job.finished_at),
        "duration": seconds(job.started_at, job.finished_at),
        "queued_duration": seconds(job.queued_at, job.started_at),
        "failure_reason": job.failure.map(FailureReason::as_str),
        "exit_code": job.exit_code,
        "retried_by": job.retried_by,
        "retry_of": job.retry_of,
        "web_url": format!("{}/{}/-/jobs/{}", app.site.url, pipeline.path, job.id),
        "user": {"username": pipeline.who, "name": pipeline.who},
        "runner": job.runner.map(|id| json!({"id": id})),
        "tag_list": job.plan.tags,
        "artifacts": [],
        "commit": {
            "id": commit.sha, "short_id": commit.sha.short(), "title": commit.title, "message": commit.message,
            "author_name": commit.author_name, "author_email": commit.author_email,
        },
        "pipeline": {
            "id": pipeline.id, "project_id": pipeline.project, "ref": pipeline.reference.short(),
            "sha": pipeline.sha, "status": pipeline.status.as_str(),
        },
    })
}
