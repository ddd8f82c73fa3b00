//! Manifests: pull, push, delete.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base::{Kind, limits};
use bytes::Bytes;
use events::Pull;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use oci::{Digest, ErrorCode, Reference, RepoName, Tag};
use registry::ManifestPush;

use super::{Call, OciError, recent::Answer};

/// `GET` and `HEAD /v2/<name>/manifests/<reference>`: the bytes as they were pushed.
pub(super) async fn pull(call: &Call, repo: &RepoName, reference: &Reference) -> Result<Response, OciError> {
    let manifest = call.app.registry.manifest(&call.ctx, repo, reference).await;
    let manifest = manifest.map_err(|error| call.failed(repo, error))?;
    let wanted = call.app.events.wants_pulls(repo).then(|| manifest.digest.to_string());
    let until = call.keep.as_ref().and_then(|keep| keep.until);
    let answer = Answer::new(manifest, until, call.app.registry.counts(repo)).ok_or_else(|| {
        OciError::new(Kind::Internal, ErrorCode::ManifestInvalid, "the manifest's type or digest fits into no header")
    })?;
    let answer = Arc::new(answer);
    let response = answer.response(&call.method, &call.headers);
    if let Some(digest) = wanted {
        note(call, repo, reference, digest, response.status());
    } else if let Some(keep) = &call.keep {
        call.app.recent().put(keep.question.clone(), keep.version, answer);
    }
    Ok(response)
}

/// Tell webhooks of a pull; what the client has already was not pulled.
fn note(call: &Call, repo: &RepoName, reference: &Reference, digest: String, status: StatusCode) {
    let tag = match reference {
        Reference::Tag(tag) => Some(tag.clone()),
        Reference::Digest(_) => None,
    };
    if status == StatusCode::OK {
        let head = call.method == Method::HEAD;
        call.app.events.note_pull(&call.ctx, Pull { repository: repo.clone(), tag, digest, head });
    }
}

/// `PUT /v2/<name>/manifests/<reference>`.
pub(super) async fn push(
    call: &Call,
    repo: &RepoName,
    reference: &Reference,
    body: Body,
) -> Result<Response, OciError> {
    let tags = extra_tags(call)?;
    let bytes = read_whole(body).await?;
    let push = ManifestPush {
        repository: repo,
        reference,
        content_type: call.header(header::CONTENT_TYPE),
        bytes: bytes.into(),
        tags: &tags,
    };
    let pushed = call.app.registry.push_manifest(&call.ctx, push).await.map_err(|error| call.failed(repo, error))?;
    call.app.registry.counts(repo).pushed();
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    insert(headers, "location", &format!("/v2/{repo}/manifests/{}", pushed.digest));
    insert(headers, "docker-content-digest", pushed.digest.as_str());
    if let Some(subject) = &pushed.subject {
        insert(headers, "oci-subject", subject.as_str());
    }
    for tag in &tags {
        if let Ok(value) = HeaderValue::from_str(tag.as_str()) {
            headers.append("oci-tag", value);
        }
    }
    if let Some(entry) = &pushed.entry {
        insert(headers, "assay-audit-entry", entry);
    }
    Ok(response)
}

/// `DELETE /v2/<name>/manifests/<reference>`: a tag goes, or a manifest with all its tags.
pub(super) async fn delete(call: &Call, repo: &RepoName, reference: &Reference) -> Result<Response, OciError> {
    let registry = &call.app.registry;
    let outcome = match reference {
        Reference::Tag(tag) => registry.delete_tag(&call.ctx, repo, tag).await,
        Reference::Digest(digest) => registry.delete_manifest(&call.ctx, repo, digest).await,
    };
    outcome.map_err(|error| call.failed(repo, error))?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// The tags of `?tag=a&tag=b`; more than one push may set is 414, as the specification says.
fn extra_tags(call: &Call) -> Result<Vec<Tag>, OciError> {
    let texts = call.query_all("tag");
    if texts.len() > limits::PUSH_TAGS {
        let message = format!("one push sets at most {} tags", limits::PUSH_TAGS);
        let mut error = OciError::new(Kind::Invalid, ErrorCode::TagInvalid, message);
        error.set_status(StatusCode::URI_TOO_LONG);
        return Err(error);
    }
    let parsed = texts.iter().map(|text| text.parse::<Tag>());
    parsed.collect::<Result<_, _>>().map_err(|error| OciError::new(Kind::Invalid, ErrorCode::TagInvalid, error))
}

/// The body of a manifest, at most as long as a manifest may be.
async fn read_whole(body: Body) -> Result<Bytes, OciError> {
    match Limited::new(body, limits::MANIFEST_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("a manifest has at most {} bytes", limits::MANIFEST_BYTES);
            Err(OciError::new(Kind::TooLarge, ErrorCode::SizeInvalid, message))
        }
        Err(error) => {
            Err(OciError::new(Kind::Invalid, ErrorCode::ManifestInvalid, format!("the body broke off: {error}")))
        }
    }
}

/// Set a header whose value is made of names and digests, which no header refuses.
pub(super) fn insert(headers: &mut axum::http::HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The digest in a query, `?digest=…`.
pub(super) fn query_digest(call: &Call, key: &str) -> Result<Option<Digest>, OciError> {
    let parsed = call.query(key).map(|text| text.parse::<Digest>()).transpose();
    parsed.map_err(|error| OciError::new(Kind::Invalid, ErrorCode::DigestInvalid, error))
}
