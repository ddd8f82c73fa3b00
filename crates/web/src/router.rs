//! All routes, and the dispatcher for paths whose middle holds a repository's name.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use base::{Kind, limits};

use crate::{
    App, admission, advisories,
    app::RequestLabels,
    audit,
    caller::{self, Unchecked},
    chain, changes, decisions, dtr,
    error::ApiError,
    git::{self, GitPath},
    gitlab::{self, GitlabError},
    notary, oci, openapi, operate, pages, reports, runner, signatures, token, upkeep,
};

/// The whole edge over these services.
pub fn router(app: App) -> Router {
    let (context_app, count_app) = (app.clone(), app.clone());
    Router::new()
        .merge(operate::routes())
        .merge(openapi::routes())
        .merge(token::routes())
        .merge(notary::routes())
        .merge(dtr::routes())
        .merge(audit::routes())
        .merge(advisories::routes())
        .merge(reports::routes())
        .merge(gitlab::routes())
        .merge(runner::routes())
        .merge(admission::routes())
        .merge(signatures::routes())
        .merge(upkeep::routes())
        .merge(chain::routes())
        .merge(changes::routes())
        .merge(decisions::routes())
        .merge(pages::routes())
        .fallback(by_path)
        .method_not_allowed_fallback(not_this_method)
        .layer(DefaultBodyLimit::max(limits::API_BODY_BYTES))
        .layer(from_fn(move |request, next| caller::give_context(context_app.clone(), request, next)))
        .layer(from_fn(move |request, next| observe(count_app.clone(), request, next)))
        .with_state(app)
}

/// Paths that axum's router cannot tell apart, because a name with slashes stands in their middle.
async fn by_path(State(app): State<App>, Unchecked(ctx): Unchecked, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if notary::is_path(&path) {
        return notary::serve(&app, ctx, request).await;
    }
    if path == "/v2" || path.starts_with("/v2/") {
        return oci::serve(app, request).await;
    }
    if let Some(git) = GitPath::parse(&path) {
        return git::serve(app, git, request).await;
    }
    if path.starts_with("/api/v4/") {
        return GitlabError::new(StatusCode::NOT_FOUND, "404 Not Found").into_response();
    }
    if pages::wants_page(request.headers()) {
        return pages::nothing_here(app, request).await;
    }
    ApiError::new(Kind::NotFound, format!("nothing is served at {path}")).into_response()
}

/// A path that is served, asked with another method. The router adds the `Allow` header (RFC 9110, section 15.5.6).
async fn not_this_method(method: Method, uri: Uri) -> Response {
    let path = uri.path();
    let message = format!("{method} is not served at {path}; the header Allow names what is");
    if path.starts_with("/api/v4/") {
        return GitlabError::new(StatusCode::METHOD_NOT_ALLOWED, format!("405 Method Not Allowed: {message}"))
            .into_response();
    }
    ApiError::invalid(message).coded("NOT_ALLOWED").answered(StatusCode::METHOD_NOT_ALLOWED).into_response()
}

/// Count and log each answer, and set the headers that every answer has.
async fn observe(app: App, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    app.metrics.requests.get_or_create(&RequestLabels { protocol: protocol_of(&path), status: status.as_u16() }).inc();
    // Never the query: GitLab's trigger URL carries its token there.
    let request_id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    if status.is_server_error() {
        tracing::warn!(%method, path, status = status.as_u16(), request_id, "answered");
    } else {
        tracing::debug!(%method, path, status = status.as_u16(), request_id, "answered");
    }
    let headers = response.headers_mut();
    if status == StatusCode::TOO_MANY_REQUESTS && !headers.contains_key(header::RETRY_AFTER) {
        // Nobody waits longer for one more try.
        let rest_s = limits::WRONG_PASSWORD_REST_OF_ACCOUNT.as_secs();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(rest_s));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status != StatusCode::SWITCHING_PROTOCOLS {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

fn protocol_of(path: &str) -> &'static str {
    match path {
        _ if path.starts_with("/v2/") && path.contains("/_trust/") => "notary",
        _ if path.starts_with("/v2/") || path == "/v2" || path.starts_with("/auth/") => "oci",
        _ if path.starts_with("/api/v4/") => "gitlab",
        _ if path.starts_with("/api/v0/") || path.starts_with("/enzi/") => "dtr",
        _ if path.starts_with("/api/v1/") => "api",
        _ if path.contains(".git/") => "git",
        _ => "pages",
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    /// The first parts of all literal routes below a folder of sources.
    fn first_parts(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                first_parts(&path, found);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for after in source.split(".route(\"/").skip(1) {
                found.extend(after.split(['/', '"']).next().map(str::to_owned));
            }
        }
    }

    #[test]
    fn no_account_can_be_named_as_a_route_begins() {
        let mut parts = BTreeSet::new();
        first_parts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut parts);
        // Served by the dispatcher, not by a route.
        parts.insert("v2".to_owned());
        // The front page, and what no account can be named anyhow.
        parts.retain(|part| part.parse::<base::AccountName>().is_ok());
        let reserved: BTreeSet<String> = identity::RESERVED.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(parts, reserved, "routes (left) and identity::RESERVED (right) differ; change the latter");
    }
}
