//! What the registry and the trust server share under `/v2/`: the challenge, and who a request speaks for.
//!
//! The distribution specification's token authentication: a request without a token that would have sufficed is answered 401 with
//! `WWW-Authenticate: Bearer`, naming the token service and the scope to ask for.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use base::{Actor, Ctx, Timestamp};
use identity::Claims;

use crate::{
    App,
    caller::{Credentials, credentials},
};

/// What the credentials of a request may be used for: everything their account may do, or only what the client asked a token
/// for. It narrows and never grants.
#[derive(Debug)]
pub(crate) enum Scope {
    Everything,
    Only(Arc<Claims>),
}

impl Scope {
    /// When the token ends that it came with.
    pub(crate) fn ends_at(&self) -> Option<Timestamp> {
        match self {
            Scope::Everything => None,
            Scope::Only(claims) => Some(claims.ends_at()),
        }
    }

    /// Whether `action` on a repository is inside; `*` means every action. A trust scope writes the host in front.
    pub(crate) fn covers(&self, app: &App, repository: &str, action: &str) -> bool {
        let Scope::Only(claims) = self else { return true };
        claims.access.iter().any(|access| {
            let name = access.name.strip_prefix(&app.site.authority).and_then(|rest| rest.strip_prefix('/'));
            access.kind == "repository"
                && name.unwrap_or(&access.name) == repository
                && access.actions.iter().any(|allowed| allowed == action || allowed == "*")
        })
    }
}

/// Who a request speaks for: a token of the token service, a password or access token, or nobody.
pub(crate) async fn caller(app: &App, ctx: Ctx, headers: &HeaderMap) -> Result<(Ctx, Scope), identity::Error> {
    match credentials(headers) {
        Some(Credentials::Bearer(token)) => {
            let (actor, claims) = app.identity.authenticate_bearer(&ctx, token.expose()).await?;
            Ok((ctx.with_actor(actor), Scope::Only(claims)))
        }
        Some(Credentials::Basic { name, secret }) => {
            let actor = app.identity.authenticate(&ctx, &name, &secret).await?;
            Ok((ctx.with_actor(actor), Scope::Everything))
        }
        None => Ok((ctx.with_actor(Actor::Anonymous), Scope::Everything)),
    }
}

/// The challenge: where to get a token, and for what.
pub(crate) fn challenge(app: &App, scope: Option<&str>) -> HeaderValue {
    let site = &app.site;
    let scope = scope.map(|scope| format!(",scope=\"{scope}\"")).unwrap_or_default();
    let text = format!("Bearer realm=\"{}/auth/token\",service=\"{}\"{scope}", site.url, site.authority);
    // Names of repositories and hosts hold no character that a header cannot.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
}
