//! The Docker token service for registry and trust scopes: `GET` and `POST /auth/token`.
//!
//! The distribution token specification ("token authentication") and its OAuth2 form. A token is issued to whoever proves who
//! they are, and to nobody in particular without credentials; what it may do is decided when it is used.

use axum::{
    Form, Json, Router,
    extract::{RawQuery, State},
    http::HeaderMap,
    routing::get,
};
use base::{Actor, Ctx, Kind, Secret};
use identity::Access;
use oci::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    App,
    caller::{Credentials, Unchecked, credentials},
    error::ApiError,
    git::JOB_USER,
};

/// Scopes in one request; a cross-repository mount asks for two.
const SCOPES_MAX: usize = 32;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/auth/token", get(by_query).post(by_form))
}

/// `GET /auth/token?service=…&scope=…`, Basic credentials or none.
async fn by_query(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let query = query.unwrap_or_default();
    let scopes = form_values(&query, "scope");
    let (actor, may) = match credentials(&headers) {
        Some(Credentials::Basic { name, secret }) => sign_in(&app, &ctx, &name, &secret).await.map_err(in_oci_words)?,
        Some(Credentials::Bearer(_)) => return Err(ApiError::invalid("ask for a token with a user name and password")),
        None => (ctx.actor.clone(), May::AsAsked),
    };
    answer(&app, &ctx.with_actor(actor), may, scopes.iter().flat_map(|scope| scope.split(' '))).await
}

/// What a token may be used for, of what was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    AsAsked,
    /// The token of a job: it fetches the images that the job runs in.
    Pull,
}

async fn sign_in(app: &App, ctx: &Ctx, name: &str, secret: &Secret) -> Result<(Actor, May), ApiError> {
    if name == JOB_USER {
        let access = app.ci.job_access(secret).await?.ok_or(identity::Error::Unauthenticated)?;
        return Ok((access.actor, May::Pull));
    }
    Ok((app.identity.authenticate(ctx, name, secret).await?, May::AsAsked))
}

/// Who asks here is a client of the registry and knows its codes: docker shows any other as `unknown`, and takes a wrong
/// password for a failure of the server.
fn in_oci_words(error: ApiError) -> ApiError {
    let code = match error.kind() {
        Kind::Unauthenticated => ErrorCode::Unauthorized,
        Kind::RateLimited => ErrorCode::TooManyRequests,
        Kind::Unavailable => ErrorCode::Unavailable,
        _ => return error,
    };
    error.coded(code.as_str())
}

#[derive(Deserialize)]
struct OAuthForm {
    grant_type: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    username: String,
    password: Option<Secret>,
}

/// `POST /auth/token`, the OAuth2 form that newer clients use.
async fn by_form(
    State(app): State<App>,
    Unchecked(ctx): Unchecked,
    form: Result<Form<OAuthForm>, axum::extract::rejection::FormRejection>,
) -> Result<Json<Value>, ApiError> {
    let Form(form) = form.map_err(ApiError::invalid)?;
    let (actor, may) = match (form.grant_type.as_str(), form.password) {
        ("password", Some(secret)) => sign_in(&app, &ctx, &form.username, &secret).await.map_err(in_oci_words)?,
        (other, _) => {
            return Err(ApiError::invalid(format!(
                "grant type {other:?} is not served; sign in with a user name and a password or access token"
            )));
        }
    };
    answer(&app, &ctx.with_actor(actor), may, form.scope.split(' ')).await
}

async fn answer<'a>(
    app: &App,
    ctx: &Ctx,
    may: May,
    scopes: impl Iterator<Item = &'a str>,
) -> Result<Json<Value>, ApiError> {
    let mut access = parse_scopes(scopes)?;
    if may == May::Pull {
        access.iter_mut().for_each(|access| access.actions.retain(|action| action == "pull"));
    }
    let (token, seconds) = app.identity.issue_bearer(ctx, access).await?;
    Ok(Json(json!({
        "token": token,
        "access_token": token,
        "expires_in": seconds,
        "issued_at": ctx.now.to_string(),
    })))
}

/// `type:name:action,action`. The name of a trust scope holds a host with a port, so the type ends at the first colon and the
/// actions begin after the last.
fn parse_scopes<'a>(scopes: impl Iterator<Item = &'a str>) -> Result<Vec<Access>, ApiError> {
    let mut access = Vec::new();
    for scope in scopes.filter(|scope| !scope.is_empty()) {
        let parts = scope.split_once(':').and_then(|(kind, rest)| {
            let (name, actions) = rest.rsplit_once(':')?;
            Some((kind, name, actions))
        });
        let Some((kind, name, actions)) = parts else {
            return Err(ApiError::invalid(format!("scope {scope:?} is not of the form type:name:actions")));
        };
        access.push(Access {
            kind: kind.to_owned(),
            name: name.to_owned(),
            actions: actions.split(',').map(str::to_owned).collect(),
        });
        if access.len() > SCOPES_MAX {
            return Err(ApiError::invalid(format!("more than {SCOPES_MAX} scopes in one request")));
        }
    }
    Ok(access)
}

/// All values of one key of a query string; keys may repeat.
fn form_values(query: &str, key: &str) -> Vec<String> {
    form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == key)
        .map(|(_, value)| value.into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{form_values, parse_scopes};

    #[test]
    fn a_trust_scope_keeps_its_host_and_port() {
        let scopes =
            form_values("service=x&scope=repository%3Ahost%3A4443%2Fadmin%2Fflask%3Apush%2Cpull&scope=a:b:c", "scope");
        let access = parse_scopes(scopes.iter().map(String::as_str)).unwrap();
        assert_eq!(access[0].name, "host:4443/admin/flask");
        assert_eq!(access[0].actions, ["push", "pull"]);
        assert_eq!(access[1].kind, "a");
        assert!(parse_scopes(["nonsense"].into_iter()).is_err());
    }
}
