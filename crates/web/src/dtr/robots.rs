//! Robots and where only they push: what DTR lacked, under `/api/v1`.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use base::{AccountName, limits};
use identity::{NewRobot, Permit, Robot};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    accounts,
    body::{Body, Params},
    tokens::{self, End, agent},
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/namespaces/{namespace}/robots", get(list).post(create))
        .route("/api/v1/robots/{robot}", get(show).delete(remove))
        .route("/api/v1/robots/{robot}/rotate", post(rotate))
        .route("/api/v1/namespaces/{namespace}/settings", get(settings).patch(update_settings))
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    let robots: Vec<Value> = app.identity.robots(&ctx, &namespace).await?.iter().map(view).collect();
    Ok(Json(json!({"robots": robots})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    /// Its own part of the name: `deploy` of `ops+deploy`.
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    grants: Vec<Permit>,
    #[serde(flatten)]
    end: End,
}

/// The token is in this answer and nowhere else, ever.
async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
    headers: HeaderMap,
    Body(body): Body<Create>,
) -> Result<impl IntoResponse, ApiError> {
    let usual = ctx.now.checked_add(limits::ROBOT_TOKEN_LIFETIME).ok();
    let new = NewRobot {
        name: namespace.robot(&body.name).map_err(ApiError::invalid)?,
        description: body.description,
        grants: body.grants,
        expires_at: body.end.at(&ctx)?.unwrap_or(usual),
        agent: agent(&headers),
    };
    let (robot, value) = app.identity.create_robot(&ctx, new).await?;
    let mut view = view(&robot);
    view["token"] = value.expose().as_str().into();
    Ok((StatusCode::CREATED, Json(view)))
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(name): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(view(&app.identity.robot(&ctx, &name).await?)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rotate {
    /// How long the tokens of before may still be used.
    grace_minutes: Option<u32>,
    #[serde(flatten)]
    end: End,
}

async fn rotate(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(name): Params<AccountName>,
    headers: HeaderMap,
    Body(body): Body<Rotate>,
) -> Result<Json<Value>, ApiError> {
    let minutes = |minutes: u32| Duration::from_secs(60) * minutes;
    let grace = body.grace_minutes.map_or(limits::ROTATION_GRACE, minutes);
    let end = body.end.at(&ctx)?;
    let (robot, value) = app.identity.rotate_robot(&ctx, &name, end, grace, &agent(&headers)).await?;
    let mut view = view(&robot);
    view["token"] = value.expose().as_str().into();
    Ok(Json(view))
}

async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(name): Params<AccountName>,
) -> Result<StatusCode, ApiError> {
    app.identity.delete_robot(&ctx, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What holds for all repositories of a namespace.
async fn settings(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({"onlyRobotsPush": app.registry.only_robots_push(&ctx, &namespace).await?})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Settings {
    only_robots_push: bool,
}

async fn update_settings(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
    Body(body): Body<Settings>,
) -> Result<Json<Value>, ApiError> {
    app.registry.set_only_robots_push(&ctx, &namespace, body.only_robots_push).await?;
    Ok(Json(json!({"onlyRobotsPush": body.only_robots_push})))
}

fn view(robot: &Robot) -> Value {
    let name = &robot.account.name;
    let mut view = accounts::view(&robot.account);
    view["description"] = robot.account.full_name.as_str().into();
    view["createdAt"] = robot.account.created_at.to_string().into();
    view["grants"] = json!(robot.grants);
    view["tokens"] = robot.tokens.iter().map(|token| tokens::view(token, name)).collect();
    view["lastUsed"] = json!(robot.tokens.iter().filter_map(|token| token.last_used_at).max().map(|at| at.to_string()));
    view["expiresAt"] = json!(robot.tokens.first().and_then(|token| token.expires_at).map(|at| at.to_string()));
    view
}
