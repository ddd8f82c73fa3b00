//! Accounts: `/enzi/v0/accounts`, sign-in for scripts, client bundles.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{delete, get, post},
};
use base::{AccountName, Secret, limits};
use identity::{Account, AccountKind, NewAccount};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Asked, Body, Params};
use crate::{
    App,
    caller::{Caller, Unchecked},
    error::ApiError,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/auth/login", post(sign_in))
        .route("/enzi/v0/accounts", get(list).post(create))
        .route("/enzi/v0/accounts/{name}", get(show).patch(update))
        .route("/enzi/v0/accounts/{name}/publicKeys", get(keys))
        .route("/enzi/v0/accounts/{name}/publicKeys/{key}", delete(revoke_key))
        .route("/api/clientbundle", get(own_bundle))
        .route("/api/v1/accounts/{name}/bundles", post(bundle))
        .route("/api/v1/certificates", post(certificate))
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
    start: String,
    limit: Option<usize>,
}

async fn list(State(app): State<App>, Caller(ctx): Caller, Asked(page): Asked<Page>) -> Result<Json<Value>, ApiError> {
    let limit = page.limit.unwrap_or(limits::PAGE_DEFAULT).clamp(1, limits::PAGE_MAX);
    let accounts = app.identity.accounts(&ctx, &page.start, limit).await?;
    let next = if accounts.len() == limit { accounts.last().map(|account| account.name.to_string()) } else { None };
    let accounts: Vec<Value> = accounts.iter().map(view).collect();
    Ok(Json(json!({"accounts": accounts, "nextPageStart": next.unwrap_or_default()})))
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
    Ok((StatusCode::CREATED, Json(view(&account))))
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(name): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(view(&app.identity.account(&ctx, &name).await?)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    is_active: Option<bool>,
    password: Option<Secret>,
}

async fn update(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(name): Params<AccountName>,
    Body(body): Body<Update>,
) -> Result<Json<Value>, ApiError> {
    if let Some(password) = body.password {
        app.identity.set_password(&ctx, &name, password).await?;
    }
    if let Some(active) = body.is_active {
        app.identity.set_active(&ctx, &name, active).await?;
    }
    Ok(Json(view(&app.identity.account(&ctx, &name).await?)))
}

async fn keys(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(name): Params<AccountName>,
) -> Result<Json<Value>, ApiError> {
    let keys = app.identity.keys(&ctx, &name).await?;
    let keys = keys.iter().map(|key| {
        json!({
            "id": key.id,
            "accountID": key.account,
            "publicKey": key.public_key_pem,
            "label": key.label,
            "certificates": key.certificate_pem.iter().map(|pem| json!({"label": key.label, "cert": pem})).collect::<Vec<_>>(),
            "revokedAt": key.revoked_at.map(|at| at.to_string()),
        })
    });
    Ok(Json(json!({"accountPublicKeys": keys.collect::<Vec<_>>(), "nextPageStart": ""})))
}

async fn revoke_key(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((name, key)): Params<(AccountName, String)>,
) -> Result<StatusCode, ApiError> {
    app.identity.revoke_key(&ctx, &name, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Label {
    #[serde(default)]
    label: String,
}

/// `GET /api/clientbundle`, as UCP served it: a new bundle for oneself, each time with a new key.
async fn own_bundle(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(asked): Asked<Label>,
) -> Result<impl IntoResponse, ApiError> {
    let name = ctx.principal().ok_or(identity::Error::Unauthenticated)?.name.clone();
    let bundle = app.identity.create_bundle(&ctx, &name, &asked.label).await?;
    let disposition = format!("attachment; filename=\"bundle-{name}.zip\"");
    let headers = [(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, bundle.zip()?))
}

/// The same for any account, by an administrator, as JSON of the files.
async fn bundle(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(name): Params<AccountName>,
    Body(body): Body<Label>,
) -> Result<impl IntoResponse, ApiError> {
    let bundle = app.identity.create_bundle(&ctx, &name, &body.label).await?;
    let files: serde_json::Map<String, Value> =
        bundle.files().into_iter().map(|(name, content)| (name.to_owned(), content.into())).collect();
    Ok((StatusCode::CREATED, Json(json!({"keyID": bundle.certified.key_id, "files": files}))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    names: Vec<String>,
}

/// `POST /api/v1/certificates`: what UCP did by itself for each node, a certificate for an engine's TLS.
async fn certificate(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(body): Body<Names>,
) -> Result<impl IntoResponse, ApiError> {
    let certified = app.identity.create_server_certificate(&ctx, &body.names).await?;
    let files = json!({
        "ca.pem": app.site.ca_pem, "cert.pem": certified.certificate_pem, "key.pem": certified.private_key_pem,
    });
    Ok((StatusCode::CREATED, Json(json!({"keyID": certified.key_id, "files": files}))))
}

/// An account as eNZi showed it.
pub(crate) fn view(account: &Account) -> Value {
    json!({
        "id": account.id,
        "name": account.name,
        "fullName": account.full_name,
        "isOrg": account.kind == AccountKind::Organization,
        "isAdmin": account.admin,
        "isActive": account.active,
        "isImported": false,
    })
}
