//! Pipelines and the linter: `/api/v4/projects/:id/pipelines`, `ci/lint`.

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ci::{Lint, Pipeline};
use forge::{Forge, RefKind};
use serde_json::{Value, json};

use super::{Fields, GitlabError, Known, Place, Places, jobs::view as job_view, paging::Page};
use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/projects/{id}/pipeline", post(start))
        .route("/api/v4/projects/{id}/pipelines", get(list))
        .route("/api/v4/projects/{id}/pipelines/{pipeline}", get(show))
        .route("/api/v4/projects/{id}/pipelines/{pipeline}/jobs", get(jobs))
        .route("/api/v4/projects/{id}/pipelines/{pipeline}/cancel", post(cancel))
        .route("/api/v4/projects/{id}/pipelines/{pipeline}/retry", post(retry))
        .route("/api/v4/projects/{id}/ci/lint", get(lint_commit).post(lint))
}

async fn start(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    fields: Fields,
) -> Result<impl IntoResponse, GitlabError> {
    let variables = fields.variables()?;
    let variables = variables
        .into_iter()
        .map(|(key, value)| pipeline::Variable { public: false, ..pipeline::Variable::public(key, value) });
    let pipeline = app.ci.start(&ctx, &id, &fields.require("ref")?, variables.collect()).await?;
    Ok((StatusCode::CREATED, Json(view(&app, &pipeline))))
}

async fn list(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let page = Page::of(&fields);
    let (reference, sha, status) = (fields.text("ref"), fields.text("sha"), fields.text("status"));
    let sha = sha.map(|sha| sha.parse()).transpose()?;
    let status = status.map(|status| status.parse()).transpose()?;
    let filter = (reference.as_deref(), sha.as_ref(), status);
    let (pipelines, total) = app.ci.pipelines(&ctx, &id, filter, (page.per_page, page.offset())).await?;
    let views = pipelines.iter().map(|pipeline| view(&app, pipeline)).collect();
    Ok(page.answer(&app, uri.path(), views, usize::try_from(total).unwrap_or(0)))
}

async fn show(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<Json<Value>, GitlabError> {
    if place.1 == "latest" {
        let (pipelines, _) = app.ci.pipelines(&ctx, &place.0, (None, None, None), (1, 0)).await?;
        let latest = pipelines.first().ok_or_else(|| GitlabError::new(StatusCode::NOT_FOUND, "404 Not Found"))?;
        return Ok(Json(view(&app, latest)));
    }
    Ok(Json(view(&app, &app.ci.pipeline(&ctx, &place.0, place.id()?).await?)))
}

async fn jobs(
    State(app): State<App>,
    Known(ctx): Known,
    place: Places,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let id = place.id()?;
    let pipeline = app.ci.pipeline(&ctx, &place.0, id).await?;
    let retried = fields.flag("include_retried").unwrap_or(false);
    let jobs = app.ci.pipeline_jobs(&ctx, &place.0, id, retried).await?;
    let views: Vec<Value> = jobs.iter().map(|job| job_view(&app, &pipeline, job)).collect();
    Ok(Page::of(&fields).cut(&app, uri.path(), &views))
}

async fn cancel(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<Json<Value>, GitlabError> {
    Ok(Json(view(&app, &app.ci.cancel_pipeline(&ctx, &place.0, place.id()?).await?)))
}

async fn retry(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<impl IntoResponse, GitlabError> {
    let pipeline = app.ci.retry_pipeline(&ctx, &place.0, place.id()?).await?;
    Ok((StatusCode::CREATED, Json(view(&app, &pipeline))))
}

async fn lint(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    fields: Fields,
) -> Result<Json<Value>, GitlabError> {
    Ok(Json(lint_view(&app.ci.lint(&ctx, &id, fields.require("content")?).await?)))
}

async fn lint_commit(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    fields: Fields,
) -> Result<Json<Value>, GitlabError> {
    let project = app.forge.project(&ctx, &id).await?;
    let name = ["ref", "content_ref", "sha"].iter().find_map(|key| fields.text(key));
    let name = name.unwrap_or(project.default_branch);
    let found = Forge::find_ref(&mut app.db.read().await?, project.id, &name).await?;
    let sha = match found {
        Some((_, sha)) => sha,
        None => name.parse()?,
    };
    Ok(Json(lint_view(&app.ci.lint_commit(&ctx, &id, &sha).await?)))
}

fn lint_view(lint: &Lint) -> Value {
    let texts = |problems: &[pipeline::Problem]| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "valid": lint.problems.is_empty(),
        "errors": texts(&lint.problems),
        "warnings": texts(&lint.warnings),
        "merged_yaml": lint.merged,
        "includes": [],
        "jobs": lint.jobs.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
    })
}

pub(crate) fn view(app: &App, pipeline: &Pipeline) -> Value {
    let problems: Vec<String> = pipeline.problems.iter().map(ToString::to_string).collect();
    let warnings: Vec<String> = pipeline.warnings.iter().map(ToString::to_string).collect();
    let time = |at: Option<base::Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": pipeline.id,
        "iid": pipeline.iid,
        "project_id": pipeline.project,
        "name": pipeline.name,
        "sha": pipeline.sha,
        "before_sha": pipeline.before,
        "ref": pipeline.reference.short(),
        "tag": pipeline.reference.kind() == RefKind::Tag,
        "status": pipeline.status.as_str(),
        "source": pipeline.source.as_str(),
        "created_at": pipeline.created_at.to_string(),
        "updated_at": time(pipeline.finished_at.or(pipeline.started_at).or(Some(pipeline.created_at))),
        "started_at": time(pipeline.started_at),
        "finished_at": time(pipeline.finished_at),
        "web_url": format!("{}/{}/-/pipelines/{}", app.site.url, pipeline.path, pipeline.id),
        "user": {"username": pipeline.who, "name": pipeline.who},
        "yaml_errors": if problems.is_empty() { Value::Null } else { problems.join("\n").into() },
        "warnings": warnings,
    })
}
