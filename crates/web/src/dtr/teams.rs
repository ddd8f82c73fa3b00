//! Organizations' members and teams.

use axum::{Json, Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use base::AccountName;
use identity::{Account, Team};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    accounts::view,
    body::{Asked, Body, Whom},
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
    Whom([org, user]): Whom<2>,
) -> Result<Json<Value>, ApiError> {
    let member = app.identity.member(&ctx, &org, &user).await?;
    Ok(Json(member_view(&member.account, member.owner)))
}

async fn teams_of(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, user]): Whom<2>,
) -> Result<Json<Value>, ApiError> {
    let teams = app.identity.teams_of(&ctx, &org, &user).await?;
    let teams = teams.iter().map(|(team, admin)| json!({"team": team_view(team), "isAdmin": admin}));
    Ok(Json(json!({"memberTeams": teams.collect::<Vec<_>>(), "nextPageStart": ""})))
}

async fn members(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org]): Whom<1>,
    Asked(only): Asked<Only>,
) -> Result<Json<Value>, ApiError> {
    let members = app.identity.members(&ctx, &org).await?;
    Ok(Json(only.members(members.iter().map(|member| (&member.account, member.owner)))))
}

/// Which members are told: all of them, on one page.
#[derive(Deserialize)]
struct Only {
    #[serde(default)]
    filter: Rank,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum Rank {
    Admins,
    NonAdmins,
    #[default]
    All,
}

impl Only {
    fn members<'a>(&self, members: impl Iterator<Item = (&'a Account, bool)>) -> Value {
        let wanted = |admin: bool| match self.filter {
            Rank::Admins => admin,
            Rank::NonAdmins => !admin,
            Rank::All => true,
        };
        let told = members.filter(|(_, admin)| wanted(*admin)).map(|(account, admin)| member_view(account, admin));
        let told: Vec<Value> = told.collect();
        json!({"resourceCount": told.len(), "members": told, "nextPageStart": ""})
    }
}

fn member_view(account: &Account, admin: bool) -> Value {
    json!({"member": view(account), "isAdmin": admin})
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Membership {
    is_admin: bool,
}

async fn set_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, user]): Whom<2>,
    Body(body): Body<Membership>,
) -> Result<Json<Value>, ApiError> {
    app.identity.set_member(&ctx, &org, &user, body.is_admin).await?;
    let member = app.identity.member(&ctx, &org, &user).await?;
    Ok(Json(member_view(&member.account, member.owner)))
}

async fn remove_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, user]): Whom<2>,
) -> Result<StatusCode, ApiError> {
    app.identity.remove_member(&ctx, &org, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn teams(State(app): State<App>, Caller(ctx): Caller, Whom([org]): Whom<1>) -> Result<Json<Value>, ApiError> {
    let teams: Vec<Value> = app.identity.teams(&ctx, &org).await?.iter().map(team_view).collect();
    Ok(Json(json!({"resourceCount": teams.len(), "teams": teams, "nextPageStart": ""})))
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
    Whom([org]): Whom<1>,
    Body(body): Body<CreateTeam>,
) -> Result<impl IntoResponse, ApiError> {
    let team = app.identity.create_team(&ctx, &org, &body.name, &body.description).await?;
    Ok((StatusCode::CREATED, Json(team_view(&team))))
}

async fn team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, team]): Whom<2>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(team_view(&app.identity.team(&ctx, &org, &team).await?)))
}

/// What else is in a team's answer may come along, as clients send back what they read.
#[derive(Deserialize)]
struct Describe {
    name: Option<AccountName>,
    description: Option<String>,
}

async fn describe_team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, team]): Whom<2>,
    Body(body): Body<Describe>,
) -> Result<Json<Value>, ApiError> {
    if body.name.is_some_and(|name| name != team) {
        return Err(ApiError::invalid("a team keeps its name, which grants and the log know it by; make another one"));
    }
    let Some(description) = body.description else {
        return Ok(Json(team_view(&app.identity.team(&ctx, &org, &team).await?)));
    };
    Ok(Json(team_view(&app.identity.describe_team(&ctx, &org, &team, &description).await?)))
}

async fn delete_team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, team]): Whom<2>,
) -> Result<StatusCode, ApiError> {
    app.identity.delete_team(&ctx, &org, &team).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn team_members(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, team]): Whom<2>,
    Asked(only): Asked<Only>,
) -> Result<Json<Value>, ApiError> {
    let members = app.identity.team_members(&ctx, &org, &team).await?;
    Ok(Json(only.members(members.iter().map(|member| (&member.account, member.admin)))))
}

async fn team_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, team, user]): Whom<3>,
) -> Result<Json<Value>, ApiError> {
    let member = app.identity.team_member(&ctx, (&org, &team), &user).await?;
    Ok(Json(member_view(&member.account, member.admin)))
}

/// The body may be left out, as DTR's scripts do.
async fn add_team_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, team, user]): Whom<3>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: Option<Membership> = match body.is_empty() {
        true => None,
        false => serde_json::from_slice(&body).map_err(|error| ApiError::invalid(error).coded("INVALID_JSON"))?,
    };
    let admin = body.unwrap_or_default().is_admin;
    app.identity.set_team_member(&ctx, (&org, &team), &user, Some(admin)).await?;
    let member = app.identity.team_member(&ctx, (&org, &team), &user).await?;
    Ok(Json(member_view(&member.account, member.admin)))
}

async fn remove_team_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([org, team, user]): Whom<3>,
) -> Result<StatusCode, ApiError> {
    app.identity.set_team_member(&ctx, (&org, &team), &user, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A team as eNZi showed it.
pub(super) fn team_view(team: &Team) -> Value {
    json!({"id": team.id, "name": team.name, "description": team.description, "orgID": team.organization_id, "membersCount": team.members})
}
