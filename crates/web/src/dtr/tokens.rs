//! Access tokens: `/api/v0/api_tokens`.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::IntoResponse,
    routing::{delete, get},
};
use base::{AccountName, Ctx, Id};
use identity::AccessToken;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Asked, Body, Params};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/api_tokens", get(list).post(create))
        .route("/api/v0/api_tokens/{token}", delete(revoke))
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
) -> Result<Json<Value>, ApiError> {
    let tokens = app.identity.tokens(&ctx, &whose.name(&ctx)?).await?;
    Ok(Json(tokens.iter().map(view).collect::<Vec<_>>().into()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    #[serde(default)]
    token_label: String,
}

/// The value is in this answer and nowhere else, ever.
async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(whose): Asked<Whose>,
    Body(body): Body<Create>,
) -> Result<impl IntoResponse, ApiError> {
    let (token, value) = app.identity.create_token(&ctx, &whose.name(&ctx)?, &body.token_label).await?;
    let mut view = view(&token);
    view["token"] = value.expose().as_str().into();
    Ok((StatusCode::CREATED, Json(view)))
}

async fn revoke(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(token): Params<Id<AccessToken>>,
    Asked(whose): Asked<Whose>,
) -> Result<StatusCode, ApiError> {
    app.identity.revoke_token(&ctx, &whose.name(&ctx)?, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Whose {
    fn name(&self, ctx: &Ctx) -> Result<AccountName, ApiError> {
        let own = || ctx.principal().map(|principal| principal.name.clone());
        Ok(self.username.clone().or_else(own).ok_or(identity::Error::Unauthenticated)?)
    }
}

fn view(token: &AccessToken) -> Value {
    json!({
        "hashedToken": token.id,
        "tokenLabel": token.label,
        "isActive": token.active,
        "createdAt": token.created_at.to_string(),
    })
}
