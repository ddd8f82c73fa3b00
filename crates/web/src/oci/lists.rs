//! Lists: repositories, tags, referrers. OCI distribution 1.1, "Content discovery".

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use base::{Kind, limits};
use oci::{Digest, ErrorCode, MediaType, RepoName, referrers_json};
use serde_json::json;

use super::{Call, OciError};

/// `GET /v2/_catalog`: what the caller may see; nobody sees a list without signing in.
pub(super) async fn catalog(call: &Call) -> Result<Response, OciError> {
    if call.ctx.principal().is_none() {
        return Err(OciError::sign_in(&call.app, Some("registry:catalog:*"), "sign in to list repositories"));
    }
    let (last, limit) = page(call)?;
    let registry = &call.app.registry;
    let page = registry.catalog(&call.ctx, &last, limit).await;
    let page = page.map_err(|error| OciError::of(&call.app, "registry:catalog:*", error))?;
    let next = page.more.then(|| page.items.last().map(ToString::to_string)).flatten();
    Ok(with_link(call, json!({"repositories": page.items}).to_string(), limit, next))
}

/// `GET /v2/<name>/tags/list`.
pub(super) async fn tags(call: &Call, repo: &RepoName) -> Result<Response, OciError> {
    let (last, limit) = page(call)?;
    let page = call.app.registry.tags(&call.ctx, repo, &last, limit).await;
    let page = page.map_err(|error| call.failed(repo, error))?;
    let next = page.more.then(|| page.items.last().map(ToString::to_string)).flatten();
    Ok(with_link(call, json!({"name": repo, "tags": page.items}).to_string(), limit, next))
}

/// `GET /v2/<name>/referrers/<digest>`: an index, also when nothing refers to it.
pub(super) async fn referrers(call: &Call, repo: &RepoName, digest: &Digest) -> Result<Response, OciError> {
    let wanted = artifact_type(call).map(|text| text.parse::<MediaType>()).transpose();
    let wanted = wanted.map_err(|error| OciError::new(Kind::Invalid, ErrorCode::Unsupported, error))?;
    let (last, limit) = page(call)?;
    let found = call.app.registry.referrers(&call.ctx, repo, digest, wanted.as_ref(), (&last, limit)).await;
    let found = found.map_err(|error| call.failed(repo, error))?;
    let descriptors: Vec<_> = found.items.iter().map(registry::Referrer::descriptor).collect();
    let next = found.more.then(|| found.items.last().map(|item| item.image.digest.to_string())).flatten();
    let body = String::from_utf8_lossy(&referrers_json(&descriptors)).into_owned();
    let mut response = with_link(call, body, limit, next);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.oci.image.index.v1+json"));
    if wanted.is_some() {
        headers.insert("oci-filters-applied", HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}

/// The media type that is asked for. Not every client quotes the `+` in it, and a space is in none.
fn artifact_type(call: &Call) -> Option<String> {
    Some(call.query("artifactType")?.replace(' ', "+"))
}

/// Where the page starts and how long it may be. A client never makes us allocate by a number.
fn page(call: &Call) -> Result<(String, usize), OciError> {
    let limit = match call.query("n") {
        Some(text) => text.parse::<usize>().map_err(|_| {
            OciError::new(Kind::Invalid, ErrorCode::PaginationNumberInvalid, format!("n={text} is no number of items"))
        })?,
        None => limits::PAGE_MAX,
    };
    Ok((call.query("last").unwrap_or_default(), limit.min(limits::PAGE_MAX)))
}

/// A JSON answer, with the link to the next page when there is one (RFC 5988).
fn with_link(call: &Call, body: String, limit: usize, next: Option<String>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    if let Some(next) = next {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("n", &limit.to_string()).append_pair("last", &next);
        if let Some(wanted) = artifact_type(call) {
            query.append_pair("artifactType", &wanted);
        }
        let link = format!("<{}?{}>; rel=\"next\"", call.uri.path(), query.finish());
        if let Ok(link) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    response
}
