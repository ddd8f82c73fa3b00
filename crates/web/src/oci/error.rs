//! Errors of the distribution specification: `{"errors":[{"code","message","detail"}]}`.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base::Kind;
use oci::{ErrorCode, errors_json};
use serde_json::Value;

use super::path::NoPath;
use crate::{
    App,
    error::{message_for, status},
    v2,
};

/// A failure on `/v2/`.
#[derive(Debug)]
pub(crate) struct OciError {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    /// The scope to ask a token for, when a token could help.
    challenge: Option<HeaderValue>,
    /// Where an upload goes on.
    offset: Option<(String, u64)>,
    /// The methods of the path, when another one was asked for.
    allow: Option<&'static str>,
}

impl OciError {
    pub(crate) fn new(kind: Kind, code: ErrorCode, message: impl std::fmt::Display) -> OciError {
        let message = message_for(kind, &message);
        OciError { status: status(kind), code, message, challenge: None, offset: None, allow: None }
    }

    /// The client must come back with a token for this scope.
    pub(crate) fn sign_in(app: &App, scope: Option<&str>, message: impl std::fmt::Display) -> OciError {
        let mut error = OciError::new(Kind::Unauthenticated, ErrorCode::Unauthorized, message);
        error.challenge = Some(v2::challenge(app, scope));
        error
    }

    /// A failure of the registry; `scope` is what a token would have to be for.
    pub(crate) fn of(app: &App, scope: &str, error: registry::Error) -> OciError {
        match &error {
            registry::Error::Unauthenticated => OciError::sign_in(app, Some(scope), error),
            _ => OciError::new(error.kind(), error.code(), error),
        }
    }

    /// A chunk that came out of order: 416, and where the upload stands.
    pub(crate) fn out_of_order(location: String, length: u64, message: impl std::fmt::Display) -> OciError {
        let mut error = OciError::new(Kind::Invalid, ErrorCode::BlobUploadInvalid, message);
        error.status = StatusCode::RANGE_NOT_SATISFIABLE;
        error.offset = Some((location, length));
        error
    }

    /// The same error under a status of its own.
    pub(crate) fn set_status(&mut self, status: StatusCode) {
        self.status = status;
    }

    pub(crate) fn no_path(no_path: NoPath) -> OciError {
        match no_path {
            NoPath::Unknown => OciError::new(Kind::NotFound, ErrorCode::NameUnknown, "no endpoint has this path"),
            NoPath::Name(why) => OciError::new(Kind::Invalid, ErrorCode::NameInvalid, why),
            NoPath::Reference(why) => OciError::new(Kind::Invalid, ErrorCode::ManifestInvalid, why),
            NoPath::Digest(why) => OciError::new(Kind::Invalid, ErrorCode::DigestInvalid, why),
            NoPath::Upload => OciError::new(Kind::NotFound, ErrorCode::BlobUploadUnknown, "no upload has this id"),
        }
    }

    pub(crate) fn not_allowed(served: &'static str) -> OciError {
        let mut error = OciError::new(Kind::Invalid, ErrorCode::Unsupported, "this method is not served here");
        error.status = StatusCode::METHOD_NOT_ALLOWED;
        error.allow = Some(served);
        error
    }
}

impl IntoResponse for OciError {
    fn into_response(self) -> Response {
        let body = errors_json(self.code, &self.message, &Value::Null);
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if let Some((location, length)) = self.offset {
            super::uploads::put_progress(headers, &location, length);
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS || self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
