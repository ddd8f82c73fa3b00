//! Accounts: `/enzi/v0/accounts`, and sign-in for scripts.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use base::{AccountName, Secret, limits};
use forge::Forge;
use identity::{Account, AccountChanges, AccountKind, Counted, Filter, Identity, NewAccount};
use registry::Registry;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Asked, Body, Whom};
use crate::{
    App,
    caller::{Caller, Unchecked},
    error::ApiError,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/auth/login", post(sign_in))
        .route("/enzi/v0/accounts", get(list).post(create))
        .route("/enzi/v0/accounts/", get(list).post(create))
        .route("/enzi/v0/accounts/{name}", get(show).patch(update).delete(remove))
        .route("/enzi/v0/accounts/{name}/changePassword", post(change_password))
        .route("/enzi/v0/accounts/{name}/organizations", get(organizations))
}

#[derive(Deserialize)]
struct SignIn {
    username: String,
    password: Secret,
}

/// `POST /auth/login`: a session for a script, as UCP gave it.
async fn sign_in(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    Body(body): Body<SignIn>,
) -> Result<Json<Value>, ApiError> {
    let session = app.identity.open_session(&ctx, &body.username, &body.password).await?;
    Ok(Json(json!({"auth_token": session.expose()})))
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    filter: Filter,
    #[serde(default)]
    start: String,
    limit: Option<usize>,
}

async fn list(State(app): State<App>, Caller(ctx): Caller, Asked(page): Asked<Page>) -> Result<Json<Value>, ApiError> {
    let limit = page.limit.unwrap_or(limits::PAGE_DEFAULT).clamp(1, limits::PAGE_MAX);
    let found = app.identity.accounts(&ctx, page.filter, &page.start, limit).await?;
    let next = if found.len() == limit { found.last().map(|last| last.account.name.to_string()) } else { None };
    let accounts: Vec<Value> = found.iter().map(counted_view).collect();
    let (users, organizations) = app.identity.count_accounts(&ctx).await?;
    Ok(Json(json!({
        "accounts": accounts,
        "usersCount": users,
        "orgsCount": organizations,
        "resourceCount": users + organizations,
        "nextPageStart": next.unwrap_or_default(),
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    name: AccountName,
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    is_org: bool,
    #[serde(default)]
    is_admin: bool,
    password: Option<Secret>,
}

async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Create>,
) -> Result<impl IntoResponse, ApiError> {
    let new = NewAccount {
        name: body.name,
        kind: if body.is_org { AccountKind::Organization } else { AccountKind::User },
        full_name: body.full_name,
        password: body.password.filter(|password| !password.expose().is_empty()),
        admin: body.is_admin,
    };
    let account = app.identity.create_account(&ctx, new).await?;
    let counted = Counted { account, members: 0, teams: 0 };
    Ok((StatusCode::CREATED, Json(counted_view(&counted))))
}

async fn show(State(app): State<App>, Caller(ctx): Caller, Whom([name]): Whom<1>) -> Result<Json<Value>, ApiError> {
    Ok(Json(counted_view(&app.identity.counted(&ctx, &name).await?)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    full_name: Option<String>,
    is_admin: Option<bool>,
    is_active: Option<bool>,
    password: Option<Secret>,
}

async fn update(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([name]): Whom<1>,
    Body(body): Body<Update>,
) -> Result<Json<Value>, ApiError> {
    let changes = AccountChanges { full_name: body.full_name, admin: body.is_admin, active: body.is_active };
    if changes.full_name.is_some() || changes.admin.is_some() || changes.active.is_some() {
        app.identity.update_account(&ctx, &name, changes).await?;
    }
    if let Some(password) = body.password {
        app.identity.set_password(&ctx, &name, password).await?;
    }
    Ok(Json(counted_view(&app.identity.counted(&ctx, &name).await?)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangePassword {
    /// Only who asks for themselves needs it; an administrator sets another's.
    old_password: Option<Secret>,
    new_password: Secret,
}

async fn change_password(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([name]): Whom<1>,
    Body(body): Body<ChangePassword>,
) -> Result<Json<Value>, ApiError> {
    if ctx.principal().is_some_and(|principal| principal.name == name) {
        let old = body.old_password.ok_or_else(|| ApiError::invalid("\"oldPassword\" is missing"))?;
        app.identity.authenticate(&ctx, name.as_str(), &old).await?;
    }
    app.identity.set_password(&ctx, &name, body.new_password).await?;
    Ok(Json(counted_view(&app.identity.counted(&ctx, &name).await?)))
}

/// Refused while anything is in its namespace, which only those who keep such things know.
async fn remove(State(app): State<App>, Caller(ctx): Caller, Whom([name]): Whom<1>) -> Result<StatusCode, ApiError> {
    db::write!(app.db, &ctx, |tx| {
        Identity::delete_account(tx, &ctx, &name).await?;
        Registry::leave_namespace(tx, &ctx, &name).await?;
        Forge::leave_namespace(tx, &name).await?;
        Ok::<_, ApiError>(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

async fn organizations(
    State(app): State<App>,
    Caller(ctx): Caller,
    Whom([name]): Whom<1>,
) -> Result<Json<Value>, ApiError> {
    let found = app.identity.organizations_of(&ctx, &name).await?;
    let found = found.iter().map(|(org, owner)| json!({"org": counted_view(org), "isAdmin": owner}));
    Ok(Json(json!({"memberOrgs": found.collect::<Vec<_>>(), "nextPageStart": ""})))
}

fn counted_view(counted: &Counted) -> Value {
    let mut view = view(&counted.account);
    view["membersCount"] = counted.members.into();
    view["teamsCount"] = counted.teams.into();
    view
}

/// An account as eNZi showed it.
pub(crate) fn view(account: &Account) -> Value {
    json!({
        "id": account.id,
        "name": account.name,
        "fullName": account.full_name,
        "isOrg": account.kind == AccountKind::Organization,
        "isRobot": account.kind == AccountKind::Robot,
        "isAdmin": account.admin,
        "isActive": account.active,
        "isImported": account.imported,
    })
}
