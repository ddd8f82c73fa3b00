//! OCI distribution 1.1 under `/v2/`: one path parser, one dispatcher, one file per resource.

mod blobs;
mod error;
mod lists;
mod manifests;
mod path;
mod recent;
mod uploads;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, request::Parts},
    response::{IntoResponse, Response},
};
use base::{Ctx, Kind, Timestamp};
use oci::RepoName;

pub(crate) use self::recent::Recent;
use self::{error::OciError, path::OciPath, recent::Question};
use crate::{App, SendfileLine, v2};

/// One request, its path read and its caller known.
struct Call {
    app: App,
    ctx: Ctx,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    /// Where the connection can have files sent by the kernel.
    sendfile: Option<SendfileLine>,
    /// How the answer may be kept for those who ask the same again.
    keep: Option<Keep>,
}

struct Keep {
    question: Question,
    version: u64,
    until: Option<Timestamp>,
}

impl Call {
    /// A failure of the registry, with the scope that a token would need.
    fn failed(&self, repo: &RepoName, error: registry::Error) -> OciError {
        OciError::of(&self.app, &scope_of(repo, &self.method), error)
    }

    /// All values of one key of the query.
    fn query_all(&self, key: &str) -> Vec<String> {
        let query = self.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == key)
            .map(|(_, value)| value.into())
            .collect()
    }

    fn query(&self, key: &str) -> Option<String> {
        self.query_all(key).into_iter().next()
    }

    fn header(&self, name: impl axum::http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Answer a request under `/v2/` that is not for the trust server.
pub(crate) async fn serve(app: App, request: Request) -> Response {
    let mut response = match kept(&app, &request) {
        Some(response) => response,
        None => answer(app, request).await.unwrap_or_else(IntoResponse::into_response),
    };
    let version = HeaderValue::from_static("registry/2.0");
    response.headers_mut().insert("docker-distribution-api-version", version);
    response
}

/// The answer of a moment ago, when it must be the same now.
fn kept(app: &App, request: &Request) -> Option<Response> {
    // Where a webhook wants to know who pulls, that must be known.
    if app.events.wants_any_pulls() {
        let path = OciPath::parse(request.uri().path()).ok()?;
        if path.repo().is_some_and(|repo| app.events.wants_pulls(repo)) {
            return None;
        }
    }
    let answer = app.recent().get(&Question::of(request)?, app.db.version()?, app.clock.now())?;
    Some(answer.response(request.method(), request.headers()))
}

async fn answer(app: App, request: Request) -> Result<Response, OciError> {
    // Before a row is read: a commit in between makes what is decided here count for the time before it.
    let keep = Question::of(&request).zip(app.db.version());
    let (Parts { method, uri, headers, extensions, .. }, body) = request.into_parts();
    let path = OciPath::parse(uri.path());
    let ctx = extensions.get::<Ctx>().cloned().unwrap_or_else(|| Ctx::system("web", &app.clock, &app.entropy));
    let repo = path.as_ref().ok().and_then(OciPath::repo);
    let wanted = repo.map(|repo| scope_of(repo, &method));
    let (ctx, scope) = match v2::caller(&app, ctx, &headers).await {
        Ok(caller) => caller,
        Err(error) if error.kind() == Kind::Unauthenticated => {
            return Err(OciError::sign_in(&app, wanted.as_deref(), error));
        }
        Err(error) => {
            let error = registry::Error::from(error);
            return Err(OciError::new(error.kind(), error.code(), error));
        }
    };
    if let Some(repo) = repo {
        let action = action_of(&method);
        if !scope.covers(&app, repo.as_str(), action) {
            return Err(OciError::sign_in(&app, wanted.as_deref(), format!("the token is not for {action} on {repo}")));
        }
    }
    let path = path.map_err(OciError::no_path)?;
    let keep = keep.map(|(question, version)| Keep { question, version, until: scope.ends_at() });
    let sendfile = extensions.get::<SendfileLine>().cloned();
    let call = Call { app, ctx, method, uri, headers, sendfile, keep };
    dispatch(call, path, body).await
}

async fn dispatch(call: Call, path: OciPath, body: Body) -> Result<Response, OciError> {
    let served = served(&path);
    match (path, call.method.as_str()) {
        (OciPath::Base, "GET" | "HEAD") => base(&call),
        (OciPath::Catalog, "GET") => lists::catalog(&call).await,
        (OciPath::Tags(repo), "GET") => lists::tags(&call, &repo).await,
        (OciPath::Referrers(repo, digest), "GET") => lists::referrers(&call, &repo, &digest).await,
        (OciPath::Manifest(repo, reference), "GET" | "HEAD") => manifests::pull(&call, &repo, &reference).await,
        (OciPath::Manifest(repo, reference), "PUT") => manifests::push(&call, &repo, &reference, body).await,
        (OciPath::Manifest(repo, reference), "DELETE") => manifests::delete(&call, &repo, &reference).await,
        (OciPath::Blob(repo, digest), "GET" | "HEAD") => blobs::pull(&call, &repo, &digest).await,
        (OciPath::Blob(repo, digest), "DELETE") => blobs::delete(&call, &repo, &digest).await,
        (OciPath::Uploads(repo), "POST") => uploads::start(&call, &repo, body).await,
        (OciPath::Upload(repo, id), "GET" | "HEAD") => uploads::status(&call, &repo, &id).await,
        (OciPath::Upload(repo, id), "PATCH") => uploads::append(&call, &repo, &id, body).await,
        (OciPath::Upload(repo, id), "PUT") => uploads::finish(&call, &repo, &id, body).await,
        (OciPath::Upload(repo, id), "DELETE") => uploads::cancel(&call, &repo, &id).await,
        _ => Err(OciError::not_allowed(served)),
    }
}

/// The methods of a path, as the header `Allow` names them.
fn served(path: &OciPath) -> &'static str {
    match path {
        OciPath::Base => "GET, HEAD",
        OciPath::Catalog | OciPath::Tags(_) | OciPath::Referrers(..) => "GET",
        OciPath::Manifest(..) => "GET, HEAD, PUT, DELETE",
        OciPath::Blob(..) => "GET, HEAD, DELETE",
        OciPath::Uploads(_) => "POST",
        OciPath::Upload(..) => "GET, HEAD, PATCH, PUT, DELETE",
    }
}

/// `GET /v2/`: whoever is not signed in is told where a token comes from; that is how clients find the token service.
fn base(call: &Call) -> Result<Response, OciError> {
    match call.ctx.principal() {
        Some(_) => Ok((StatusCode::OK, [("content-type", "application/json")], "{}").into_response()),
        None => Err(OciError::sign_in(&call.app, None, "sign in to use this registry")),
    }
}

/// What a method needs a token for.
fn action_of(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "pull",
        Method::DELETE => "delete",
        _ => "push",
    }
}

fn scope_of(repo: &RepoName, method: &Method) -> String {
    let actions = match action_of(method) {
        "push" => "pull,push",
        other => other,
    };
    format!("repository:{repo}:{actions}")
}
