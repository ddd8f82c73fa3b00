//! Variables of projects: `/api/v4/projects/:id/variables`.

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use base::Secret;
use ci::{NewVariable, Variable};
use serde_json::{Value, json};

use super::{Fields, GitlabError, Known, Place, Places, paging::Page};
use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v4/projects/{id}/variables", get(list).post(create))
        .route("/api/v4/projects/{id}/variables/{key}", get(show).put(update).delete(remove))
}

async fn list(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    OriginalUri(uri): OriginalUri,
    fields: Fields,
) -> Result<Response, GitlabError> {
    let variables: Vec<Value> = app.ci.variables(&ctx, &id).await?.iter().map(view).collect();
    Ok(Page::of(&fields).cut(&app, uri.path(), &variables))
}

async fn create(
    State(app): State<App>,
    Known(ctx): Known,
    Place(id): Place,
    fields: Fields,
) -> Result<impl IntoResponse, GitlabError> {
    let variable = app.ci.create_variable(&ctx, &id, &fields.require("key")?, change(&fields)?).await?;
    Ok((StatusCode::CREATED, Json(view(&variable))))
}

async fn show(State(app): State<App>, Known(ctx): Known, place: Places) -> Result<Json<Value>, GitlabError> {
    let Places(id, key) = place;
    let found = app.ci.variables(&ctx, &id).await?.into_iter().find(|variable| variable.key == key);
    let missing = || GitlabError::new(StatusCode::NOT_FOUND, "404 Variable Not Found");
    Ok(Json(view(&found.ok_or_else(missing)?)))
}

async fn update(
    State(app): State<App>,
    Known(ctx): Known,
    Places(id, key): Places,
    fields: Fields,
) -> Result<Json<Value>, GitlabError> {
    Ok(Json(view(&app.ci.update_variable(&ctx, &id, &key, change(&fields)?).await?)))
}

async fn remove(State(app): State<App>, Known(ctx): Known, Places(id, key): Places) -> Result<StatusCode, GitlabError> {
    app.ci.delete_variable(&ctx, &id, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn change(fields: &Fields) -> Result<NewVariable, GitlabError> {
    if fields.text("environment_scope").is_some_and(|scope| scope != "*") {
        return Err(GitlabError::invalid("environment_scope: variables are for all environments here; write \"*\""));
    }
    let file = match fields.text("variable_type").as_deref() {
        None => None,
        Some("env_var") => Some(false),
        Some("file") => Some(true),
        Some(other) => return Err(GitlabError::invalid(format!("variable_type {other:?} is not env_var or file"))),
    };
    Ok(NewVariable {
        value: fields.text("value").map(Secret::new),
        file,
        masked: fields.flag("masked").or_else(|| fields.flag("masked_and_hidden")),
        protected: fields.flag("protected"),
        raw: fields.flag("raw"),
        description: fields.text("description"),
    })
}

/// For administrators of the project only; the value is theirs to see.
fn view(variable: &Variable) -> Value {
    json!({
        "key": variable.key,
        "value": variable.value.expose(),
        "variable_type": if variable.file { "file" } else { "env_var" },
        "masked": variable.masked,
        "protected": variable.protected,
        "raw": variable.raw,
        "hidden": false,
        "environment_scope": "*",
        "description": variable.description,
    })
}
