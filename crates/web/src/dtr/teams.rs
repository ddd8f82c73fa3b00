//! Organizations' members, teams, and what they are granted.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, put},
};
use base::AccountName;
use identity::{Grant, Grantee, Level, On, Team};
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
        .route("/enzi/v0/accounts/{org}/members/{user}", put(set_member).delete(remove_member))
        .route("/enzi/v0/accounts/{org}/teams", get(teams).post(create_team))
        .route("/enzi/v0/accounts/{org}/teams/{team}/members", get(team_members))
        .route("/enzi/v0/accounts/{org}/teams/{team}/members/{user}", put(add_team_member).delete(remove_team_member))
        .route("/api/v0/repositories/{org}/{repo}/teamAccess/{team}", put(grant_team).delete(ungrant_team))
        .route("/api/v0/repositoryNamespaces/{org}/teamAccess/{team}", put(grant_all).delete(ungrant_all))
        .route("/api/v1/namespaces/{namespace}/grants", get(grants).put(set_grant))
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

async fn team_members(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team)): Params<(AccountName, AccountName)>,
) -> Result<Json<Value>, ApiError> {
    let members = app.identity.team_members(&ctx, &org, &team).await?;
    let members = members.iter().map(|account| json!({"member": view(account), "isAdmin": false}));
    Ok(Json(json!({"members": members.collect::<Vec<_>>(), "nextPageStart": ""})))
}

type TeamMember = (AccountName, AccountName, AccountName);

async fn add_team_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team, user)): Params<TeamMember>,
) -> Result<Json<Value>, ApiError> {
    app.identity.set_team_member(&ctx, (&org, &team), &user, true).await?;
    Ok(Json(json!({"isAdmin": false})))
}

async fn remove_team_member(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team, user)): Params<TeamMember>,
) -> Result<StatusCode, ApiError> {
    app.identity.set_team_member(&ctx, (&org, &team), &user, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessLevel {
    access_level: Level,
}

async fn grant_team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo, team)): Params<(AccountName, String, AccountName)>,
    Body(body): Body<AccessLevel>,
) -> Result<Json<Value>, ApiError> {
    let grantee = Grantee::Team { organization: org.clone(), team };
    app.identity.set_grant(&ctx, On::Repository, (&org, Some(&repo)), &grantee, Some(body.access_level)).await?;
    Ok(Json(json!({"accessLevel": body.access_level})))
}

async fn ungrant_team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo, team)): Params<(AccountName, String, AccountName)>,
) -> Result<StatusCode, ApiError> {
    let grantee = Grantee::Team { organization: org.clone(), team };
    app.identity.set_grant(&ctx, On::Repository, (&org, Some(&repo)), &grantee, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn grant_all(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team)): Params<(AccountName, AccountName)>,
    Body(body): Body<AccessLevel>,
) -> Result<Json<Value>, ApiError> {
    let grantee = Grantee::Team { organization: org.clone(), team };
    app.identity.set_grant(&ctx, On::Repository, (&org, None), &grantee, Some(body.access_level)).await?;
    Ok(Json(json!({"accessLevel": body.access_level})))
}

async fn ungrant_all(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team)): Params<(AccountName, AccountName)>,
) -> Result<StatusCode, ApiError> {
    let grantee = Grantee::Team { organization: org.clone(), team };
    app.identity.set_grant(&ctx, On::Repository, (&org, None), &grantee, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/namespaces/{namespace}/grants`: what DTR lacked, grants also on a user's repositories and to single users.
async fn grants(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    let grants: Vec<Value> = app.identity.grants(&ctx, &namespace).await?.iter().map(grant_view).collect();
    Ok(Json(json!({"grants": grants})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetGrant {
    /// Repositories when absent.
    on: Option<On>,
    /// Of the repository or project; absent for all of them.
    #[serde(alias = "repository")]
    name: Option<String>,
    user: Option<AccountName>,
    /// `organization/team`.
    team: Option<String>,
    /// Absent takes the grant away.
    access_level: Option<Level>,
}

async fn set_grant(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
    Body(body): Body<SetGrant>,
) -> Result<StatusCode, ApiError> {
    let grantee = match (body.user, body.team) {
        (Some(user), None) => Grantee::User(user),
        (None, Some(team)) => {
            let (organization, team) =
                team.split_once('/').ok_or_else(|| ApiError::invalid("\"team\" has the form organization/team"))?;
            let parsed = |text: &str| text.parse::<AccountName>().map_err(ApiError::invalid);
            Grantee::Team { organization: parsed(organization)?, team: parsed(team)? }
        }
        _ => return Err(ApiError::invalid("give either \"user\" or \"team\"")),
    };
    let place = (&namespace, body.name.as_deref());
    app.identity.set_grant(&ctx, body.on.unwrap_or(On::Repository), place, &grantee, body.access_level).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn team_view(team: &Team) -> Value {
    json!({"id": team.id, "name": team.name, "description": team.description, "orgID": team.organization})
}

fn grant_view(grant: &Grant) -> Value {
    json!({
        "namespace": grant.namespace,
        "on": grant.on,
        "name": grant.name,
        "grantee": grant.grantee.to_string(),
        "accessLevel": grant.level,
    })
}
