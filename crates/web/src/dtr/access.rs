//! What teams and users are granted: DTR's `teamAccess` and `repositoryAccess`, and what it lacked.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, put},
};
use base::{AccountName, Ctx, Kind, Principal};
use identity::{Grant, Grantee, Level, On, Team};
use registry::{Registry, Repository, Visibility};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    accounts,
    body::{Body, Params},
    repositories,
    teams::team_view,
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/accounts/{user}/repositoryAccess/{namespace}/{repo}", get(effective))
        .route("/api/v0/accounts/{org}/teams/{team}/repositoryAccess", get(of_team))
        .route("/api/v0/repositories/{org}/{repo}/teamAccess", get(of_repository))
        .route("/api/v0/repositories/{org}/{repo}/teamAccess/{team}", put(grant_team).delete(ungrant_team))
        .route("/api/v0/repositoryNamespaces/{org}/teamAccess", get(of_namespace))
        .route(
            "/api/v0/repositoryNamespaces/{org}/teamAccess/{team}",
            get(of_namespace_team).put(grant_all).delete(ungrant_all),
        )
        .route("/api/v1/namespaces/{namespace}/grants", get(grants).put(set_grant))
}

/// The level that counts, of all grants, ownership and the repository's visibility.
async fn effective(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((user, namespace, repo)): Params<(AccountName, AccountName, String)>,
) -> Result<Json<Value>, ApiError> {
    let repository = app.registry.repository(&ctx, &repositories::repo_name(namespace.as_str(), &repo)?).await?;
    let (account, level) = app.identity.level_of(&ctx, &user, On::Repository, (&namespace, &repo)).await?;
    let open = (repository.visibility == Visibility::Public).then_some(Level::ReadOnly);
    Ok(Json(json!({
        "accessLevel": level.or(open),
        "user": accounts::view(&account),
        "repository": repositories::view(&app, &repository).await?,
    })))
}

/// The repositories a team was granted; those of whole namespaces stand under `namespaceAccess`, which DTR had not.
async fn of_team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team)): Params<(AccountName, AccountName)>,
) -> Result<Json<Value>, ApiError> {
    let (team, permits) = app.identity.team_grants(&ctx, &org, &team).await?;
    let (mut single, mut whole) = (Vec::new(), Vec::new());
    for permit in permits.into_iter().filter(|permit| permit.on == On::Repository) {
        let namespace = permit.place.namespace.to_string();
        match &permit.place.name {
            Some(name) => {
                let name = repositories::repo_name(&namespace, name)?;
                // A grant may be there before its repository.
                let found = Registry::find(&mut app.db.read().await?, &name).await?;
                let repository = match &found {
                    Some(repository) => repositories::view(&app, repository).await?,
                    None => json!({"namespace": namespace, "name": name.name()}),
                };
                single.push(json!({"accessLevel": permit.level, "repository": repository}));
            }
            None => whole.push(json!({"accessLevel": permit.level, "namespace": namespace})),
        }
    }
    let team = granted_team(&app, &ctx, &org, &team).await?;
    Ok(Json(json!({"team": team, "repositoryAccessList": single, "namespaceAccess": whole})))
}

/// The teams that were granted something on this repository alone.
async fn of_repository(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, repo)): Params<(AccountName, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(repository_view(&app, &ctx, &org, &repo).await?))
}

async fn repository_view(app: &App, ctx: &Ctx, org: &AccountName, repo: &str) -> Result<Value, ApiError> {
    let repository: Repository = app.registry.repository(ctx, &repositories::repo_name(org.as_str(), repo)?).await?;
    let teams = team_access(app, ctx, org, Some(repo)).await?;
    let teams: Vec<Value> = teams.into_iter().map(|(_, view)| view).collect();
    let repository = repositories::view(app, &repository).await?;
    Ok(json!({"repository": repository, "teamAccessList": teams}))
}

async fn of_namespace(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(org): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    app.identity.require_account(&org).await?;
    let teams = team_access(&app, &ctx, &org, None).await?;
    let teams: Vec<Value> = teams.into_iter().map(|(_, view)| view).collect();
    Ok(Json(json!({"namespace": org, "teamAccessList": teams})))
}

async fn of_namespace_team(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((org, team)): Params<(AccountName, AccountName)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(namespace_view(&app, &ctx, &org, &team).await?))
}

async fn namespace_view(app: &App, ctx: &Ctx, org: &AccountName, team: &AccountName) -> Result<Value, ApiError> {
    let found = team_access(app, ctx, org, None).await?.into_iter().find(|(name, _)| name == team);
    let missing = || {
        let why = format!("the team {org}/{team} was granted nothing on all of {org}");
        ApiError::new(Kind::NotFound, why).coded("NO_SUCH_NAMESPACE_TEAM_ACCESS")
    };
    let (_, mut view) = found.ok_or_else(missing)?;
    view["namespace"] = org.to_string().into();
    Ok(view)
}

/// The organization's own teams with a grant on one of its repositories, or on all; for owners.
async fn team_access(
    app: &App,
    ctx: &Ctx,
    org: &AccountName,
    repo: Option<&str>,
) -> Result<Vec<(AccountName, Value)>, ApiError> {
    let mut found = Vec::new();
    for grant in app.identity.grants(ctx, org).await? {
        if let Grantee::Team { organization, team } = &grant.grantee
            && organization == org
            && grant.on == On::Repository
            && grant.name.as_deref() == repo
        {
            let view = granted_team(app, ctx, org, &app.identity.team(ctx, org, team).await?).await?;
            found.push((team.clone(), json!({"accessLevel": grant.level, "team": view})));
        }
    }
    Ok(found)
}

/// A team as grants name it, with whether who asks is in it.
async fn granted_team(app: &App, ctx: &Ctx, org: &AccountName, team: &Team) -> Result<Value, ApiError> {
    let members = app.identity.team_members(ctx, org, &team.name).await?;
    let is_member = |own: &Principal| members.iter().any(|member| member.account.id == own.account);
    let mut view = team_view(team);
    view["clientUserIsMember"] = ctx.principal().is_some_and(is_member).into();
    Ok(view)
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
    Ok(Json(repository_view(&app, &ctx, &org, &repo).await?))
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
    let grantee = Grantee::Team { organization: org.clone(), team: team.clone() };
    app.identity.set_grant(&ctx, On::Repository, (&org, None), &grantee, Some(body.access_level)).await?;
    Ok(Json(namespace_view(&app, &ctx, &org, &team).await?))
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

fn grant_view(grant: &Grant) -> Value {
    json!({
        "namespace": grant.namespace,
        "on": grant.on,
        "name": grant.name,
        "grantee": grant.grantee.to_string(),
        "accessLevel": grant.level,
    })
}
