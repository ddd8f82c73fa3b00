//! Blobs: pull, whole or a range, and delete.

use axum::{
    body::Body,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base::{Kind, limits};
use blob::BlobReader;
use oci::{ByteRange, Digest, ErrorCode, RepoName, Resolved};
use tokio_util::io::ReaderStream;

use super::{Call, OciError, manifests::insert};
use crate::sendfile::SendfileBody;

/// `GET` and `HEAD /v2/<name>/blobs/<digest>`.
pub(super) async fn pull(call: &Call, repo: &RepoName, digest: &Digest) -> Result<Response, OciError> {
    let registry = &call.app.registry;
    if call.method == Method::HEAD {
        let size = registry.stat_blob(&call.ctx, repo, digest).await.map_err(|error| call.failed(repo, error))?;
        let mut response = Body::empty().into_response();
        common(&mut response, digest, size);
        return Ok(response);
    }
    let link = registry.redirect_blob(&call.ctx, repo, digest).await.map_err(|error| call.failed(repo, error))?;
    if let Some(link) = link {
        return Ok(elsewhere(digest, &link));
    }
    let blob = registry.open_blob(&call.ctx, repo, digest).await.map_err(|error| call.failed(repo, error))?;
    let size = blob.size();
    let wanted = call.header(header::RANGE).map(ByteRange::from_header);
    let (first, length, status) = match wanted.map_or(Resolved::Ignore, |range| range.resolve(size)) {
        Resolved::Ignore => (0, size, StatusCode::OK),
        Resolved::Satisfiable { first, last } => (first, last - first + 1, StatusCode::PARTIAL_CONTENT),
        Resolved::NotSatisfiable => return Ok(not_satisfiable(size)),
    };
    let stream = registry.stream_blob(&call.ctx, digest, blob, first, length).await;
    let stream = stream.map_err(|error| call.failed(repo, error))?;
    let mut response = (status, body(call, stream)).into_response();
    common(&mut response, digest, length);
    if status == StatusCode::PARTIAL_CONTENT {
        insert(response.headers_mut(), "content-range", &format!("bytes {first}-{}/{size}", first + length - 1));
    }
    Ok(response)
}

/// By the kernel alone where bytes lie in a file and the connection can, as they are read otherwise.
fn body(call: &Call, stream: BlobReader) -> Body {
    match (stream, &call.sendfile) {
        (BlobReader::File(reader), Some(line)) => Body::new(SendfileBody::new(reader.into_extents(), line.clone())),
        (stream, _) => Body::from_stream(ReaderStream::with_capacity(stream, limits::SEND_BYTES)),
    }
}

fn common(response: &mut Response, digest: &Digest, length: u64) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    insert(headers, "content-type", "application/octet-stream");
    insert(headers, "docker-content-digest", digest.as_str());
    insert(headers, "etag", &format!("\"{digest}\""));
    insert(headers, "accept-ranges", "bytes");
    // Content named by its digest never changes; but whether one may read it does, so only the client itself keeps it.
    insert(headers, "cache-control", "private, max-age=31536000, immutable");
}

/// The store itself has the blob for whoever follows the link; nobody is to keep it longer than it works.
fn elsewhere(digest: &Digest, link: &str) -> Response {
    let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
    let headers = response.headers_mut();
    insert(headers, "location", link);
    insert(headers, "docker-content-digest", digest.as_str());
    insert(headers, "cache-control", "no-store");
    response
}

fn not_satisfiable(size: u64) -> Response {
    let message = format!("the blob has {size} bytes");
    let mut error = OciError::new(Kind::Invalid, ErrorCode::RangeInvalid, message);
    error.set_status(StatusCode::RANGE_NOT_SATISFIABLE);
    let mut response = error.into_response();
    insert(response.headers_mut(), "content-range", &format!("bytes */{size}"));
    response
}

/// `DELETE /v2/<name>/blobs/<digest>`.
pub(super) async fn delete(call: &Call, repo: &RepoName, digest: &Digest) -> Result<Response, OciError> {
    let outcome = call.app.registry.delete_blob(&call.ctx, repo, digest).await;
    outcome.map_err(|error| call.failed(repo, error))?;
    Ok(StatusCode::ACCEPTED.into_response())
}
