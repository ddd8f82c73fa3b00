//! Errors of the administrative APIs, in DTR's form: `{"errors":[{"code","message","detail"}]}`.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base::Kind;
use serde_json::json;

/// The status of each kind of failure; the one place where it is decided.
pub(crate) fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Denied => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a person may read of a failure. An internal one is logged here, and the person gets the request id only.
pub(crate) fn message_for(kind: Kind, message: &dyn std::fmt::Display) -> String {
    if kind == Kind::Internal {
        tracing::error!(error = %message, "a request failed");
        "something went wrong on our side; tell the operator the request id of this answer".to_owned()
    } else {
        message.to_string()
    }
}

/// A failure on the administrative APIs.
#[derive(Debug)]
pub(crate) struct ApiError {
    kind: Kind,
    /// DTR's code for it, as scripts look for it.
    code: &'static str,
    message: String,
    /// Where DTR answered with another status than its kind asks for.
    own_status: Option<StatusCode>,
}

impl ApiError {
    /// The kind and what a person may read, for a page.
    pub(crate) fn told(self) -> (Kind, String) {
        (self.kind, self.message)
    }

    /// An error with the code that DTR gave for its kind.
    pub(crate) fn new(kind: Kind, message: impl std::fmt::Display) -> ApiError {
        let code = match kind {
            Kind::Unauthenticated => "NOT_AUTHENTICATED",
            Kind::Denied => "NOT_AUTHORIZED",
            Kind::NotFound => "NOT_FOUND",
            Kind::Conflict => "CONFLICT",
            Kind::Invalid => "INVALID_PARAMETERS",
            Kind::TooLarge => "TOO_LARGE",
            Kind::RateLimited => "TOO_MANY_REQUESTS",
            Kind::Unavailable => "UNAVAILABLE",
            Kind::Internal => "INTERNAL_ERROR",
        };
        ApiError { kind, code, message: message_for(kind, &message), own_status: None }
    }

    /// The same error under a code of its own: `NO_SUCH_REPOSITORY`.
    #[must_use]
    pub(crate) fn coded(mut self, code: &'static str) -> ApiError {
        self.code = code;
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// What a person may read.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The same error under the status that DTR gave it.
    #[must_use]
    pub(crate) fn answered(mut self, status: StatusCode) -> ApiError {
        self.own_status = Some(status);
        self
    }

    /// Input that cannot be read.
    pub(crate) fn invalid(message: impl std::fmt::Display) -> ApiError {
        ApiError::new(Kind::Invalid, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"errors": [{"code": self.code, "message": self.message, "detail": null}]});
        let mut response = (self.own_status.unwrap_or(status(self.kind)), Json(body)).into_response();
        if self.kind == Kind::Unauthenticated {
            let challenge = HeaderValue::from_static("Basic realm=\"assay\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<identity::Error> for ApiError {
    fn from(error: identity::Error) -> ApiError {
        let code = match &error {
            identity::Error::NotFound { what, .. } => match *what {
                "account" | "organization" => Some("NO_SUCH_ACCOUNT"),
                "user" => Some("NO_SUCH_USER"),
                "team" => Some("NO_SUCH_TEAM"),
                "active token" => Some("NO_SUCH_API_TOKEN"),
                "robot" => Some("NO_SUCH_ROBOT"),
                _ => None,
            },
            _ => None,
        };
        let api = ApiError::new(error.kind(), error);
        match code {
            Some(code) => api.coded(code),
            None => api,
        }
    }
}

impl From<admit::Error> for ApiError {
    fn from(error: admit::Error) -> ApiError {
        match error {
            admit::Error::Identity(error) => error.into(),
            error => ApiError::new(error.kind(), error),
        }
    }
}

impl From<registry::Error> for ApiError {
    fn from(error: registry::Error) -> ApiError {
        use registry::Error as E;
        let code = match &error {
            E::NameUnknown(_) => Some("NO_SUCH_REPOSITORY"),
            E::NoAccount(_) => Some("NO_SUCH_ACCOUNT"),
            E::ManifestUnknown { .. } => Some("NO_SUCH_TAG"),
            E::Exists(_) => Some("REPOSITORY_EXISTS"),
            _ => None,
        };
        let already_there = matches!(error, E::Exists(_));
        let api = ApiError::new(error.kind(), error);
        let api = if already_there { api.answered(StatusCode::BAD_REQUEST) } else { api };
        match code {
            Some(code) => api.coded(code),
            None => api,
        }
    }
}

impl From<scan::Error> for ApiError {
    fn from(error: scan::Error) -> ApiError {
        match error {
            scan::Error::Registry(error) => error.into(),
            error @ scan::Error::SwitchedOff => ApiError::new(error.kind(), error).coded("SCANNING_NOT_ENABLED"),
            error => ApiError::new(error.kind(), error),
        }
    }
}

impl From<jobs::BoardError> for ApiError {
    fn from(error: jobs::BoardError) -> ApiError {
        match error {
            error @ jobs::BoardError::NoSuchJob(_) => ApiError::new(error.kind(), error).coded("NO_SUCH_JOB"),
            error => ApiError::new(error.kind(), error),
        }
    }
}

impl From<db::Error> for ApiError {
    fn from(error: db::Error) -> ApiError {
        ApiError::new(error.kind(), error)
    }
}

impl From<audit::Error> for ApiError {
    fn from(error: audit::Error) -> ApiError {
        ApiError::new(error.kind(), error)
    }
}

impl From<trust::Error> for ApiError {
    fn from(error: trust::Error) -> ApiError {
        ApiError::new(error.kind(), error)
    }
}

impl From<chain::Error> for ApiError {
    fn from(error: chain::Error) -> ApiError {
        ApiError::new(error.kind(), error)
    }
}

impl From<forge::Error> for ApiError {
    fn from(error: forge::Error) -> ApiError {
        ApiError::new(error.kind(), error)
    }
}

impl From<ci::Error> for ApiError {
    fn from(error: ci::Error) -> ApiError {
        ApiError::new(error.kind(), error)
    }
}
