//! Who asks: the credentials of a request, turned into the actor of its context.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request},
    http::{HeaderMap, Method, header, request::Parts as Head},
    middleware::Next,
    response::Response,
};
use base::{Actor, Ctx, Secret};
use base64::{Engine, engine::general_purpose::STANDARD};
use tracing::Instrument;

use crate::{App, error::ApiError};

/// The name of the session cookie. `__Host-` binds it to this host, HTTPS and the whole path.
pub(crate) const SESSION_COOKIE: &str = "__Host-assay";

/// The context of a request whose credentials were checked: a password, an access token (Basic, Bearer or the
/// `PRIVATE-TOKEN` of GitLab's clients) or a browser session. Without any, the actor is anonymous and the service decides;
/// with wrong ones, the request is refused.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) Ctx);

/// The context of a request before anybody looked at credentials.
#[derive(Debug)]
pub(crate) struct Unchecked(pub(crate) Ctx);

/// Give every request its context: request id, time, remote address.
pub(crate) async fn give_context(app: App, mut request: Request, next: Next) -> Response {
    let remote = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
    let ctx = context(&app, remote);
    let request_id = ctx.request_id.clone();
    request.extensions_mut().insert(ctx);
    // Whatever is logged while the request is answered carries the id that the person was told.
    let span = tracing::error_span!("request", id = request_id);
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = request_id.parse() {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

fn context(app: &App, remote: Option<IpAddr>) -> Ctx {
    Ctx {
        actor: Actor::Anonymous,
        request_id: app.entropy.token(16),
        now: app.clock.now(),
        entropy: app.entropy.clone(),
        remote,
        cause: None,
    }
}

impl FromRequestParts<App> for Unchecked {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Unchecked, ApiError> {
        Ok(Unchecked(head.extensions.get::<Ctx>().cloned().unwrap_or_else(|| context(app, None))))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Caller, ApiError> {
        let Unchecked(ctx) = Unchecked::from_request_parts(head, app).await?;
        let actor = actor(app, &ctx, &head.method, &head.headers).await?;
        Ok(Caller(ctx.with_actor(actor)))
    }
}

/// Who the credentials in these headers belong to.
pub(crate) async fn actor(app: &App, ctx: &Ctx, method: &Method, headers: &HeaderMap) -> Result<Actor, ApiError> {
    if let Some(value) = headers.get("private-token").and_then(|value| value.to_str().ok()) {
        let principal = app.identity.authenticate_token(ctx, &Secret::new(value.to_owned())).await?;
        return Ok(Actor::Account(principal));
    }
    match credentials(headers) {
        Some(Credentials::Basic { name, secret }) => Ok(app.identity.authenticate(ctx, &name, &secret).await?),
        Some(Credentials::Bearer(value)) => match app.identity.authenticate_token(ctx, &value).await {
            Ok(principal) => Ok(Actor::Account(principal)),
            // What `POST /auth/login` gave out is a session.
            Err(identity::Error::Unauthenticated) => Ok(app.identity.session(ctx, &value).await?),
            Err(error) => Err(error.into()),
        },
        None => match session_cookie(headers) {
            Some(value) if method.is_safe() || same_origin(app, headers) => {
                Ok(app.identity.session(ctx, &value).await.unwrap_or(Actor::Anonymous))
            }
            _ => Ok(Actor::Anonymous),
        },
    }
}

/// What an `Authorization` header holds.
pub(crate) enum Credentials {
    Basic { name: String, secret: Secret },
    Bearer(Secret),
}

/// The credentials of an `Authorization` header, if it has a form we know.
pub(crate) fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        let (name, secret) = decoded.split_once(':')?;
        Some(Credentials::Basic { name: name.to_owned(), secret: Secret::new(secret.to_owned()) })
    } else if scheme.eq_ignore_ascii_case("bearer") {
        Some(Credentials::Bearer(Secret::new(rest.trim().to_owned())))
    } else {
        None
    }
}

/// The value of the session cookie.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<Secret> {
    cookie(headers, SESSION_COOKIE).map(Secret::new)
}

/// The value of a cookie.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
}

/// Whether a request that changes something comes from our own pages: a browser says so in `Sec-Fetch-Site`, an older one
/// in `Origin`. A session cookie is believed only then, so that no other site can act for a signed-in person.
pub(crate) fn same_origin(app: &App, headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    headers.get(header::ORIGIN).is_some_and(|origin| origin == app.site.url.as_str())
}
