//! Projects: `/api/v4/projects`.

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use base::Ctx;
use forge::{Forge, NewProject, Project, ProjectPath, ProjectRef, RefKind, RefName, Visibility};
use serde_json::{Value, json};

use super::{Fields, GitlabError, Known, Place, paging::Page};
use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/projects", get(list).post(create))
        .route("/api/v4/projects/{id}", get(show).put(update))
        .route("/api/v4/projects/{id}/repository/branches", get(branches))
}

async fn list(
    State(app): State<App>,
    Known(ctx): Known,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let wanted = fields.text("search").unwrap_or_default().to_lowercase();
    let projects = app.forge.projects(&ctx).await?;
    let mut views = Vec::new();
    for project in projects.iter().filter(|project| project.path.to_string().to_lowercase().contains(&wanted)) {
        views.push(view(&app, &ctx, project).await?);
    }
    Ok(Page::of(&fields).cut(&app, uri.path(), &views))
}

async fn create(State(app): State<App>, Known(ctx): Known, fields: Fields) -> Result<impl IntoResponse, GitlabError> {
    let name = fields.text("path").or_else(|| fields.text("name"));
    let name = name.ok_or_else(|| GitlabError::invalid("name or path is missing"))?;
    let principal = ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let namespace = ["namespace_path", "namespace", "namespace_id"].iter().find_map(|key| fields.text(key));
    let path = match (name.contains('/'), namespace) {
        (true, _) => name.parse()?,
        (false, Some(namespace)) => ProjectPath { namespace: namespace.parse()?, name: name.parse()? },
        (false, None) => ProjectPath { namespace: principal.name.clone(), name: name.parse()? },
    };
    let new = NewProject {
        path,
        description: fields.text("description").unwrap_or_default(),
        visibility: visibility(&fields)?.unwrap_or(Visibility::Private),
        default_branch: fields.text("default_branch"),
    };
    let project = app.forge.create_project(&ctx, new).await?;
    one_at_a_time(&app, &ctx, &project, &fields).await?;
    Ok((StatusCode::CREATED, Json(view(&app, &ctx, &project).await?)))
}

async fn show(State(app): State<App>, Known(ctx): Known, Place(id): Place) -> Result<Json<Value>, GitlabError> {
    let project = app.forge.project(&ctx, &id).await?;
    Ok(Json(view(&app, &ctx, &project).await?))
}

async fn update(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    fields: Fields,
) -> Result<Json<Value>, GitlabError> {
    let (description, branch) = (fields.text("description"), fields.text("default_branch"));
    let project = app.forge.update_project(&ctx, &id, description, visibility(&fields)?, branch).await?;
    one_at_a_time(&app, &ctx, &project, &fields).await?;
    Ok(Json(view(&app, &ctx, &project).await?))
}

async fn branches(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let project = app.forge.project(&ctx, &id).await?;
    let refs = Forge::refs(&mut app.db.read().await?, project.id).await?;
    let branches = refs.iter().filter_map(|(name, sha)| {
        let name: RefName = name.parse().ok().filter(|name: &RefName| name.kind() == RefKind::Branch)?;
        let protected = name.short() == project.default_branch;
        Some(json!({
            "name": name.short(), "default": protected, "protected": protected,
            "commit": {"id": sha, "short_id": sha.short()},
        }))
    });
    Ok(Page::of(&fields).cut(&app, uri.path(), &branches.collect::<Vec<_>>()))
}

fn visibility(fields: &Fields) -> Result<Option<Visibility>, GitlabError> {
    Ok(fields.text("visibility").map(|text| text.parse()).transpose()?)
}

/// Our own setting: pipelines of this project run one after the other.
async fn one_at_a_time(app: &App, ctx: &Ctx, project: &Project, fields: &Fields) -> Result<(), GitlabError> {
    let Some(value) = fields.flag("ci_one_at_a_time") else { return Ok(()) };
    let which = ProjectRef::Id(project.id);
    if app.ci.one_at_a_time(ctx, &which).await? != value {
        app.ci.set_one_at_a_time(ctx, &which, value).await?;
    }
    Ok(())
}

async fn view(app: &App, ctx: &Ctx, project: &Project) -> Result<Value, GitlabError> {
    let (path, url) = (&project.path, &app.site.url);
    let one_at_a_time = app.ci.one_at_a_time(ctx, &ProjectRef::Id(project.id)).await?;
    Ok(json!({
        "id": project.id,
        "name": path.name.as_str(),
        "path": path.name.as_str(),
        "path_with_namespace": path.to_string(),
        "name_with_namespace": format!("{} / {}", path.namespace, path.name),
        "description": project.description,
        "default_branch": project.default_branch,
        "visibility": project.visibility.to_string(),
        "created_at": project.created_at.to_string(),
        "web_url": format!("{url}/{path}"),
        "http_url_to_repo": format!("{url}/{path}.git"),
        "ssh_url_to_repo": null,
        "namespace": {
            "name": path.namespace, "path": path.namespace, "full_path": path.namespace,
            "web_url": format!("{url}/{}", path.namespace),
        },
        "ci_config_path": ".gitlab-ci.yml",
        "ci_one_at_a_time": one_at_a_time,
    }))
}
