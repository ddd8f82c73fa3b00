//! Uploads: monolithic, chunked, streamed, mounted. OCI distribution 1.1, "Pushing blobs".

use std::io;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base::{Id, Kind};
use blob::{Chunk, Upload};
use futures_util::TryStreamExt;
use oci::{ContentRange, Digest, ErrorCode, RepoName};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use super::{
    Call, OciError,
    manifests::{insert, query_digest},
};

/// `POST /v2/<name>/blobs/uploads/`: begin an upload, take a whole blob, or mount one that is here already.
pub(super) async fn start(call: &Call, repo: &RepoName, body: Body) -> Result<Response, OciError> {
    let registry = &call.app.registry;
    if let Some(digest) = query_digest(call, "mount")? {
        let from = call.query("from").map(|text| text.parse::<RepoName>()).transpose();
        // A source that cannot be one is answered as one that is not there: the upload begins.
        if let Ok(from) = from {
            let mounted = registry.mount(&call.ctx, repo, &digest, from.as_ref()).await;
            if mounted.map_err(|error| call.failed(repo, error))?.is_some() {
                return Ok(created(repo, &digest));
            }
        }
    } else if let Some(digest) = query_digest(call, "digest")? {
        let chunk = Chunk { offset: Some(0), length: content_length(call) };
        let put = registry.put_blob(&call.ctx, repo, &digest, chunk, reader(body)).await;
        put.map_err(|error| call.failed(repo, error))?;
        return Ok(created(repo, &digest));
    }
    let id = registry.start_upload(&call.ctx, repo).await.map_err(|error| call.failed(repo, error))?;
    Ok(progress(StatusCode::ACCEPTED, repo, &id, 0))
}

/// `GET` an upload: where it stands.
pub(super) async fn status(call: &Call, repo: &RepoName, id: &Id<Upload>) -> Result<Response, OciError> {
    let length = call.app.registry.upload_status(&call.ctx, repo, id).await;
    let length = length.map_err(|error| call.failed(repo, error))?;
    Ok(progress(StatusCode::NO_CONTENT, repo, id, length))
}

/// `PATCH` an upload: one more chunk, with or without saying where it belongs.
pub(super) async fn append(call: &Call, repo: &RepoName, id: &Id<Upload>, body: Body) -> Result<Response, OciError> {
    let chunk = chunk(call)?;
    let length = call.app.registry.append(&call.ctx, repo, id, chunk, reader(body)).await;
    let length = length.map_err(|error| upload_failed(call, repo, id, error))?;
    Ok(progress(StatusCode::ACCEPTED, repo, id, length))
}

/// `PUT` an upload: the last chunk, perhaps empty, and the digest of the whole.
pub(super) async fn finish(call: &Call, repo: &RepoName, id: &Id<Upload>, body: Body) -> Result<Response, OciError> {
    let Some(digest) = query_digest(call, "digest")? else {
        let message = "the digest of the blob is missing: PUT …?digest=sha256:…";
        return Err(OciError::new(Kind::Invalid, ErrorCode::DigestInvalid, message));
    };
    let chunk = chunk(call)?;
    let finished = call.app.registry.finish_upload(&call.ctx, repo, id, &digest, chunk, reader(body)).await;
    finished.map_err(|error| upload_failed(call, repo, id, error))?;
    Ok(created(repo, &digest))
}

/// `DELETE` an upload.
pub(super) async fn cancel(call: &Call, repo: &RepoName, id: &Id<Upload>) -> Result<Response, OciError> {
    call.app.registry.cancel_upload(&call.ctx, repo, id).await.map_err(|error| call.failed(repo, error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tell how far an upload is: `Range: 0-N`, also when nothing came yet.
pub(super) fn put_progress(headers: &mut HeaderMap, location: &str, length: u64) {
    insert(headers, "location", location);
    insert(headers, "range", &format!("0-{}", length.saturating_sub(1)));
}

fn upload_failed(call: &Call, repo: &RepoName, id: &Id<Upload>, error: registry::Error) -> OciError {
    match error {
        registry::Error::OutOfOrder { length, .. } => OciError::out_of_order(location(repo, id), length, &error),
        error => call.failed(repo, error),
    }
}

fn progress(status: StatusCode, repo: &RepoName, id: &Id<Upload>, length: u64) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    put_progress(headers, &location(repo, id), length);
    insert(headers, "docker-upload-uuid", id.as_str());
    response
}

fn location(repo: &RepoName, id: &Id<Upload>) -> String {
    format!("/v2/{repo}/blobs/uploads/{id}")
}

fn created(repo: &RepoName, digest: &Digest) -> Response {
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    insert(headers, "location", &format!("/v2/{repo}/blobs/{digest}"));
    insert(headers, "docker-content-digest", digest.as_str());
    response
}

/// Where the chunk of this request belongs and how long it says it is.
fn chunk(call: &Call) -> Result<Chunk, OciError> {
    let range = call.header(header::CONTENT_RANGE).map(|text| text.parse::<ContentRange>()).transpose();
    let range = range.map_err(|error| OciError::new(Kind::Invalid, ErrorCode::BlobUploadInvalid, error))?;
    let length = content_length(call);
    Ok(match range {
        Some(range) => Chunk { offset: Some(range.first()), length: Some(range.length()) },
        None => Chunk { offset: None, length },
    })
}

fn content_length(call: &Call) -> Option<u64> {
    call.header(header::CONTENT_LENGTH)?.parse().ok()
}

/// The body as a reader; a client that breaks off is an error of the reader, not an early end.
fn reader(body: Body) -> impl AsyncRead + Unpin + Send {
    StreamReader::new(body.into_data_stream().map_err(io::Error::other))
}
