//! Access tokens: `/api/v0/api_tokens`.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::get,
};
use base::{AccountName, Ctx, Id, Kind, Timestamp};
use identity::{AccessToken, NewToken, Permit, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Asked, Body, Params},
    repositories::Paging,
    scans::NEVER,
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/api_tokens", get(list).post(create).delete(revoke_unused))
        .route("/api/v0/api_tokens/{token}", get(show).patch(update).delete(revoke))
}

#[derive(Deserialize)]
struct Whose {
    /// Administrators ask for others' tokens.
    username: Option<AccountName>,
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(whose): Asked<Whose>,
    Asked(paging): Asked<Paging>,
) -> Result<(HeaderMap, Json<Value>), ApiError> {
    let name = whose.name(&ctx)?;
    let tokens = app.identity.tokens(&ctx, &name).await.map_err(no_such_user)?;
    let (headers, tokens) = paging.part(tokens, |token| token.id.to_string())?;
    Ok((headers, Json(tokens.iter().map(|token| view(token, &name)).collect())))
}

/// Where DTR spoke of users and not of accounts.
fn no_such_user(error: identity::Error) -> ApiError {
    match error {
        error @ identity::Error::NotFound { what: "account", .. } => ApiError::from(error).coded("NO_SUCH_USER"),
        error => error.into(),
    }
}

/// An id as it came; one that has not the form of ours is simply no token.
#[derive(Deserialize)]
struct TokenId(String);

impl TokenId {
    fn parse(&self) -> Result<Id<AccessToken>, ApiError> {
        let missing = |error| ApiError::new(Kind::NotFound, error).coded("NO_SUCH_API_TOKEN");
        self.0.parse().map_err(missing)
    }
}

/// `scope` and the two ends are what DTR lacked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    #[serde(default)]
    token_label: String,
    /// `auto` for a program that signs in for itself.
    generated_by: Option<GeneratedBy>,
    scope: Option<Vec<Permit>>,
    #[serde(flatten)]
    end: End,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum GeneratedBy {
    Auto,
    Manual,
}

/// When a token ends: at a point in time, or after so many days, of which 0 is never.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct End {
    expires_at: Option<Timestamp>,
    expires_in_days: Option<u32>,
}

impl End {
    /// `None` when nothing was said.
    pub(super) fn at(&self, ctx: &Ctx) -> Result<Option<Option<Timestamp>>, ApiError> {
        let day = std::time::Duration::from_secs(24 * 60 * 60);
        match (self.expires_at, self.expires_in_days) {
            (Some(_), Some(_)) => Err(ApiError::invalid("give either \"expiresAt\" or \"expiresInDays\"")),
            (Some(at), None) => Ok(Some(Some(at))),
            (None, Some(0)) => Ok(Some(None)),
            (None, Some(days)) => match ctx.now.checked_add(day.saturating_mul(days)) {
                Ok(at) => Ok(Some(Some(at))),
                Err(_) => Err(ApiError::invalid("\"expiresInDays\" is too many; 0 is never")),
            },
            (None, None) => Ok(None),
        }
    }
}

/// The value is in this answer and nowhere else, ever.
async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(whose): Asked<Whose>,
    headers: HeaderMap,
    Body(body): Body<Create>,
) -> Result<Json<Value>, ApiError> {
    let new = NewToken {
        expires_at: body.end.at(&ctx)?.flatten(),
        scope: body.scope.map(Scope::new).transpose()?,
        automatic: body.generated_by == Some(GeneratedBy::Auto),
        agent: agent(&headers),
        label: body.token_label,
    };
    let name = whose.name(&ctx)?;
    let (token, value) = app.identity.create_token(&ctx, &name, new).await?;
    let mut view = view(&token, &name);
    view["token"] = value.expose().as_str().into();
    Ok(Json(view))
}

/// The program that asks, as it names itself.
pub(crate) fn agent(headers: &HeaderMap) -> String {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(token): Params<TokenId>,
) -> Result<Json<Value>, ApiError> {
    let (token, name) = app.identity.token(&ctx, &token.parse()?).await?;
    Ok(Json(view(&token, &name)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    token_label: Option<String>,
    is_active: Option<bool>,
}

async fn update(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(token): Params<TokenId>,
    Body(body): Body<Update>,
) -> Result<Json<Value>, ApiError> {
    let token = token.parse()?;
    app.identity.update_token(&ctx, &token, body.token_label.as_deref(), body.is_active).await?;
    let (token, name) = app.identity.token(&ctx, &token).await?;
    Ok(Json(view(&token, &name)))
}

async fn revoke(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(token): Params<TokenId>,
) -> Result<StatusCode, ApiError> {
    app.identity.revoke_token(&ctx, &token.parse()?).await?;
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
struct Unused {
    #[serde(flatten)]
    whose: Whose,
    usedbefore: Option<Timestamp>,
    generatedby: Option<GeneratedBy>,
}

/// All that were not used since a point in time, or that programs made; never all there are by mistake.
async fn revoke_unused(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(unused): Asked<Unused>,
) -> Result<Json<Value>, ApiError> {
    let automatic = unused.generatedby == Some(GeneratedBy::Auto);
    if unused.usedbefore.is_none() && !automatic {
        return Err(ApiError::invalid("say which: usedbefore=2026-01-01T00:00:00Z, or generatedby=auto, or both"));
    }
    let name = unused.whose.name(&ctx)?;
    let revoked = app.identity.revoke_tokens(&ctx, &name, unused.usedbefore, automatic).await?;
    Ok(Json(json!({"revoked": revoked})))
}

impl Whose {
    fn name(&self, ctx: &Ctx) -> Result<AccountName, ApiError> {
        let own = || ctx.principal().map(|principal| principal.name.clone());
        Ok(self.username.clone().or_else(own).ok_or(identity::Error::Unauthenticated)?)
    }
}

/// A token as DTR showed it, with its scope and end.
pub(super) fn view(token: &AccessToken, name: &AccountName) -> Value {
    json!({
        "hashedToken": token.id,
        "tokenLabel": token.label,
        "username": name,
        "isActive": token.active,
        "lastUsed": token.last_used_at.map_or(NEVER.to_owned(), |at| at.to_string()),
        "createdAt": token.created_at.to_string(),
        "generatedBy": if token.automatic { "auto" } else { "manual" },
        "creatorUa": token.agent,
        "scope": token.scope,
        "expiresAt": token.expires_at.map(|at| at.to_string()),
    })
}
