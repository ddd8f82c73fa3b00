//! The pages: who looks, what they may see, and the answer as HTML. What a page looks like is crate `ui`'s.
//!
//! Who is not signed in is sent to sign in and comes back. What is not there and what somebody may not see look alike.

mod accounts;
mod activity;
mod advisories;
mod api;
mod assets;
mod chain;
mod evidence;
mod image;
mod job;
mod mirroring;
mod pipeline;
mod policies;
mod projects;
mod pruning;
mod repositories;
mod rules;
mod settings;
mod sign_in;
mod tags;
mod view;
mod waivers;
mod webhooks;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts as Head},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base::{Ctx, Kind};
use oci::RepoName;
use registry::{Registry, Right};
use ui::{Frame, Tabs};

use crate::{
    App,
    caller::{Caller, Unchecked},
    error::{message_for, status},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(accounts::routes())
        .merge(activity::routes())
        .merge(mirroring::routes())
        .merge(policies::routes())
        .merge(pruning::routes())
        .merge(settings::routes())
        .merge(waivers::routes())
        .merge(webhooks::routes())
        .route("/", get(repositories::home))
        .route("/sign-in", get(sign_in::form).post(sign_in::submit))
        .route("/sign-in/oidc", get(sign_in::to_provider))
        .route("/sign-in/oidc/callback", get(sign_in::from_provider))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/assets/{name}", get(assets::serve))
        .route("/repositories", get(repositories::list))
        .route("/repositories/{*name}", get(tags::list))
        .route("/images/{*reference}", get(image::show))
        .route("/chain/{digest}", get(chain::show))
        .route("/api", get(api::show))
        .route("/advisories", get(advisories::show))
        .route("/advisories/upload", post(advisories::upload).layer(DefaultBodyLimit::disable()))
        .route("/advisories/fetch", post(advisories::fetch))
        .route("/projects", get(projects::list))
        .route("/projects/{namespace}/{name}/pipelines", get(pipeline::list))
        .route("/projects/{namespace}/{name}/pipelines/{id}", get(pipeline::show))
        .route("/projects/{namespace}/{name}/jobs/{id}", get(job::show))
        .route("/projects/{namespace}/{name}/jobs/{id}/log", get(job::log))
        .route("/{namespace}/{name}/-/pipelines/{id}", get(pipeline::moved))
        .route("/{namespace}/{name}/-/jobs/{id}", get(job::moved))
}

/// Somebody with a browser: the session's account, or nobody.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) app: App,
    pub(crate) ctx: Ctx,
    /// The path and query that were asked for: where to come back to after signing in.
    pub(crate) here: String,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Visitor, Response> {
        let Unchecked(ctx) = Unchecked::from_request_parts(head, app).await.map_err(IntoResponse::into_response)?;
        let here = head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        // A wrong or outdated credential is nobody's: whoever holds it is asked to sign in.
        let ctx = match Caller::from_request_parts(head, app).await {
            Ok(Caller(ctx)) => ctx,
            Err(_) => ctx,
        };
        Ok(Visitor { app: app.clone(), ctx, here })
    }
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Failure {
    SignIn,
    NotFound,
    Other(Kind, String),
}

macro_rules! failure_of {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Failure { Failure::of(error.kind(), &error) }
        }
    )*};
}

failure_of!(
    audit::Error,
    crate::scanned::Error,
    mirror::Error,
    promote::Error,
    prune::Error,
    registry::Error,
    scan::Error,
    events::Error,
    trust::Error,
    forge::Error,
    ci::Error,
    identity::Error,
    db::Error,
    ::chain::Error
);

impl Failure {
    /// What is denied and what is no name at all look like what is not there.
    pub(crate) fn of(kind: Kind, message: &dyn std::fmt::Display) -> Failure {
        match kind {
            Kind::Unauthenticated => Failure::SignIn,
            Kind::NotFound | Kind::Denied | Kind::Invalid => Failure::NotFound,
            kind => Failure::Other(kind, message_for(kind, message)),
        }
    }
}

/// Where somebody is told that what they sent was refused: where they typed it, or on a page of its own.
pub(crate) enum Told {
    OnPage(String),
    Apart(Failure),
}

macro_rules! told_of {
    ($($error:ty),*) => {$(
        impl From<$error> for Told {
            fn from(error: $error) -> Told {
                match error.kind() {
                    Kind::NotFound | Kind::Unauthenticated | Kind::Internal => Told::Apart(error.into()),
                    _ => Told::OnPage(error.to_string()),
                }
            }
        }
    )*};
}

told_of!(identity::Error, mirror::Error, prune::Error, registry::Error);

/// The HTML of a page; crate `ui` gives it.
pub(crate) type Page = Result<String, Failure>;

impl Visitor {
    pub(crate) fn frame(&self) -> Frame {
        Frame {
            account: self.ctx.principal().map(|principal| principal.name.to_string()),
            authority: self.app.site.authority.clone(),
        }
    }

    /// Refuse those who are not signed in, where a page is about an account's own view of things.
    pub(crate) fn require_account(&self) -> Result<(), Failure> {
        self.ctx.principal().map(|_| ()).ok_or(Failure::SignIn)
    }

    /// Whether they may change this repository: whoever may not sees no form.
    pub(crate) async fn administers(&self, name: &str) -> bool {
        let (Ok(name), Ok(mut tx)) = (name.parse(), self.app.db.read().await) else { return false };
        Registry::authorize(&mut tx, &self.ctx, &name, Right::Admin).await.is_ok()
    }

    pub(crate) async fn tabs(&self, name: &RepoName) -> Tabs {
        Tabs { repository: name.to_string(), administers: self.administers(name.as_str()).await }
    }

    /// The page, or the one that says why there is none.
    pub(crate) fn answer(&self, page: Page) -> Response {
        match page {
            Ok(html) => html_page(StatusCode::OK, html),
            Err(Failure::SignIn) if self.ctx.principal().is_none() => self.to_sign_in(),
            Err(Failure::SignIn | Failure::NotFound) => {
                let text = "There is nothing here, or nothing that you may see. Check the address, or ask the owner for access.";
                self.message(StatusCode::NOT_FOUND, "Not found", text)
            }
            Err(Failure::Other(kind, text)) => self.message(status(kind), "That did not work", &text),
        }
    }

    /// The page again, as the answer that what was sent from it was refused.
    pub(crate) fn refused(&self, page: Page) -> Response {
        match page {
            Ok(html) => html_page(StatusCode::BAD_REQUEST, html),
            failure => self.answer(failure),
        }
    }

    /// That something was refused, where no form is to be shown again.
    pub(crate) fn told(&self, told: Told) -> Response {
        match told {
            Told::OnPage(why) => self.message(StatusCode::BAD_REQUEST, "That did not work", &why),
            Told::Apart(failure) => self.answer(Err(failure)),
        }
    }

    pub(crate) fn message(&self, status: StatusCode, title: &str, text: &str) -> Response {
        html_page(status, ui::message(&self.frame(), title, text, &self.ctx.request_id).into_string())
    }

    fn to_sign_in(&self) -> Response {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", &self.here).finish();
        see_other(&format!("/sign-in?{query}"))
    }
}

/// Go on at a path of ours with a GET.
pub(crate) fn see_other(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Everything from our own origin, nothing framed, no code in the markup.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn html_page(status: StatusCode, html: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        // Pages show what one account may see.
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, html).into_response()
}

/// Whether the client is a browser that goes to a page.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

/// The page for an address that nothing is served at.
pub(crate) async fn nothing_here(app: App, request: Request) -> Response {
    let (mut head, _) = request.into_parts();
    match Visitor::from_request_parts(&mut head, &app).await {
        Ok(visitor) => visitor.answer(Err(Failure::NotFound)),
        Err(response) => response,
    }
}
