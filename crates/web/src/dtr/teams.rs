//! Organizations' members and teams.

use axum::{Json, Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use base::AccountName;
use identity::Team;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    accounts::view,
    body::{Body, Params},
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/enzi/v0/accounts/{org}/members", get(members))
        .route("/enzi/v0/accounts/{org}/members/{user}", get(member).put(set_member).delete(remove_member))
        .route("/enzi/v0/accounts/{org}/members/{user}/teams", get(teams_of))
        .route("/enzi/v0/accounts/{org}/teams", get(teams).post(create_team))
        .route("/enzi/v0/accounts/{org}/teams/{team}", get(team).patch(describe_team).delete(delete_team))
        .route("/enzi/v0/accounts/{org}/teams/{team}/members", get(team_members))
        .route(
            "/enzi/v0/accounts/{org}/teams/{team}/members/{user}",
            get(team_member).put(add_team_member).delete(remove_team_member),
        )
}

async fn member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, user)): Params<(AccountName, AccountName)>,
) -> Result<Json<Value>, ApiError> {
    let member = app.identity.member(&ctx, &org, &user).await?;
    Ok(Json(json!({"member": view(&member.account), "isAdmin": member.owner})))
}

async fn teams_of(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, user)): Params<(AccountName, AccountName)>,
) -> Result<Json<Value>, ApiError> {
    let teams = app.identity.teams_of(&ctx, &org, &user).await?;
    let teams = teams.iter().map(|(team, admin)| json!({"team": team_view(team), "isAdmin": admin}));
    Ok(Json(json!({"memberTeams": teams.collect::<Vec<_>>(), "nextPageStart": ""})))
}

async fn members(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(org): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    let members = app.identity.members(&ctx, &org).await?;
    let members = members.iter().map(|member| json!({"member": view(&member.account), "isAdmin": member.owner}));
    Ok(Json(json!({"members": members.collect::<Vec<_>>(), "nextPageStart": ""})))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Membership {
    is_admin: bool,
}

async fn set_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, user)): Params<(AccountName, AccountName)>,
    Body(body): Body<Membership>,
) -> Result<Json<Value>, ApiError> {
    app.identity.set_member(&ctx, &org, &user, body.is_admin).await?;
    Ok(Json(json!({"isAdmin": body.is_admin})))
}

async fn remove_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, user)): Params<(AccountName, AccountName)>,
) -> Result<StatusCode, ApiError> {
    app.identity.remove_member(&ctx, &org, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn teams(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(org): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    let teams: Vec<Value> = app.identity.teams(&ctx, &org).await?.iter().map(team_view).collect();
    Ok(Json(json!({"teams": teams, "nextPageStart": ""})))
}

#[derive(Deserialize)]
struct CreateTeam {
    name: AccountName,
    #[serde(default)]
    description: String,
}

async fn create_team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(org): Params<AccountName>,
    Body(body): Body<CreateTeam>,
) -> Result<impl IntoResponse, ApiError> {
    let team = app.identity.create_team(&ctx, &org, &body.name, &body.description).await?;
    Ok((StatusCode::CREATED, Json(team_view(&team))))
}

async fn team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team)): Params<(AccountName, AccountName)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(team_view(&app.identity.team(&ctx, &org, &team).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Describe {
    name: Option<AccountName>,
    description: Option<String>,
}

async fn describe_team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team)): Params<(AccountName, AccountName)>,
    Body(body): Body<Describe>,
) -> Result<Json<Value>, ApiError> {
    if body.name.is_some_and(|name| name != team) {
        return Err(ApiError::invalid("a team keeps its name, which grants and the log know it by; make another one"));
    }
    let description = body.description.unwrap_or_default();
    Ok(Json(team_view(&app.identity.describe_team(&ctx, &org, &team, &description).await?)))
}

async fn delete_team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team)): Params<(AccountName, AccountName)>,
) -> Result<StatusCode, ApiError> {
    app.identity.delete_team(&ctx, &org, &team).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn team_members(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team)): Params<(AccountName, AccountName)>,
) -> Result<Json<Value>, ApiError> {
    let members = app.identity.team_members(&ctx, &org, &team).await?;
    let members = members.iter().map(|member| json!({"member": view(&member.account), "isAdmin": member.admin}));
    Ok(Json(json!({"members": members.collect::<Vec<_>>(), "nextPageStart": ""})))
}

type TeamMember = (AccountName, AccountName, AccountName);

async fn team_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team, user)): Params<TeamMember>,
) -> Result<Json<Value>, ApiError> {
    let member = app.identity.team_member(&ctx, (&org, &team), &user).await?;
    Ok(Json(json!({"member": view(&member.account), "isAdmin": member.admin})))
}

/// The body may be left out, as DTR's scripts do.
async fn add_team_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team, user)): Params<TeamMember>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: Option<Membership> = match body.is_empty() {
        true => None,
        false => serde_json::from_slice(&body).map_err(|error| ApiError::invalid(error).coded("INVALID_JSON"))?,
    };
    let admin = body.unwrap_or_default().is_admin;
    app.identity.set_team_member(&ctx, (&org, &team), &user, Some(admin)).await?;
    Ok(Json(json!({"isAdmin": admin})))
}

async fn remove_team_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team, user)): Params<TeamMember>,
) -> Result<StatusCode, ApiError> {
    app.identity.set_team_member(&ctx, (&org, &team), &user, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A team as eNZi showed it.
pub(super) fn team_view(team: &Team) -> Value {
    json!({"id": team.id, "name": team.name, "description": team.description, "orgID": team.organization, "membersCount": team.members})
}
