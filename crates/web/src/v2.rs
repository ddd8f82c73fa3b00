//! What the registry and trust data share below `/v2/`: the challenge, the ping, and who asks.
//!
//! The distribution token specification ("token authentication"). A client pings without credentials, reads in the challenge
//! where to get a token, and comes back with it; one that never learnt tokens comes with a user name and password.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base::{Actor, Ctx};
use identity::Access;
use serde_json::json;

use crate::{
    App,
    caller::{Credentials, Unchecked, credentials},
    error::{message_for, status},
};

/// By this the oldest clients tell version 2 of the registry protocol from version 1.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("docker-distribution-api-version"), HeaderValue::from_static("registry/2.0"));

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/v2/", get(ping)).route("/v2", get(ping))
}

/// The actor of a request below `/v2/`, and what its token may be used for.
#[derive(Debug)]
pub(crate) struct RegistryCaller {
    pub(crate) ctx: Ctx,
    /// What a bearer token was asked for; `None` for a password, and without credentials.
    access: Option<Vec<Access>>,
}

/// Who the credentials belong to: a bearer token of the token service, or a user name with a password or access token.
/// Without any the actor is anonymous, and the service decides; with wrong ones the request is refused.
pub(crate) async fn registry_caller(
    app: &App,
    headers: &HeaderMap,
    ctx: Ctx,
) -> Result<RegistryCaller, identity::Error> {
    match credentials(headers) {
        Some(Credentials::Bearer(token)) => {
            let (actor, claims) = app.identity.authenticate_bearer(&ctx, token.expose()).await?;
            Ok(RegistryCaller { ctx: ctx.with_actor(actor), access: Some(claims.access) })
        }
        Some(Credentials::Basic { name, secret }) => {
            let actor = app.identity.authenticate(&name, &secret).await?;
            Ok(RegistryCaller { ctx: ctx.with_actor(actor), access: None })
        }
        None if headers.contains_key(header::AUTHORIZATION) => Err(identity::Error::Unauthenticated),
        None => Ok(RegistryCaller { ctx: ctx.with_actor(Actor::Anonymous), access: None }),
    }
}

impl RegistryCaller {
    /// Whether the token, if there is one, was asked for this action: `pull`, `push`, or `*`, which also stands for both.
    /// It only narrows: what the account may do is decided from its rights. `name` is a repository, with or without our host.
    pub(crate) fn covers(&self, app: &App, kind: &str, name: &str, action: &str) -> bool {
        let Some(access) = &self.access else { return true };
        access.iter().any(|each| {
            each.kind == kind
                && plain(app, &each.name) == plain(app, name)
                && each.actions.iter().any(|given| given == action || given == "*")
        })
    }
}

/// A repository's name without our own host before it, which trust clients write and image clients do not.
fn plain(app: &App, name: &str) -> String {
    app.trust.gun(name).map_or_else(|_| name.to_owned(), |gun| gun.repository().to_string())
}

/// Where a client gets a token, and for what: the value of `WWW-Authenticate`.
pub(crate) fn challenge(app: &App, scope: Option<&str>) -> HeaderValue {
    let mut text = format!("Bearer realm=\"{}/auth/token\",service=\"{}\"", app.site.url, app.site.authority);
    if let Some(scope) = scope.filter(|scope| !scope.contains(['"', '\\'])) {
        text.push_str(&format!(",scope=\"{scope}\""));
    }
    // A URL and a scope made of names are printable; were they not, the plain word still tells a client to sign in.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
}

/// 401 in the form that both protocols read.
pub(crate) fn unauthorized(app: &App, scope: Option<&str>, message: &str) -> Response {
    let body = json!({"errors": [{"code": "UNAUTHORIZED", "message": message, "detail": null}]});
    let mut response = (StatusCode::UNAUTHORIZED, [VERSION], Json(body)).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge(app, scope));
    response
}

/// `GET /v2/`: 200 for whoever brought a valid credential, an anonymous token included.
async fn ping(State(app): State<App>, Unchecked(ctx): Unchecked, headers: HeaderMap) -> Response {
    if !headers.contains_key(header::AUTHORIZATION) {
        return unauthorized(&app, None, "authentication required");
    }
    match registry_caller(&app, &headers, ctx).await {
        Ok(_) => ([VERSION], Json(json!({}))).into_response(),
        Err(error) if error.kind() == base::Kind::Unauthenticated => unauthorized(&app, None, &error.to_string()),
        Err(error) => {
            let body = json!({"errors": [{"code": "UNKNOWN", "message": message_for(error.kind(), &error)}]});
            (status(error.kind()), [VERSION], Json(body)).into_response()
        }
    }
}
