//! Errors of GitLab's API: `{"message": …}`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base::Kind;
use serde_json::{Value, json};

use crate::error::{ApiError, message_for, status};

/// A failure in GitLab's form.
#[derive(Debug)]
pub(crate) struct GitlabError {
    status: StatusCode,
    message: Value,
}

impl GitlabError {
    pub(crate) fn new(status: StatusCode, message: impl Into<Value>) -> GitlabError {
        GitlabError { status, message: message.into() }
    }

    pub(crate) fn invalid(message: impl std::fmt::Display) -> GitlabError {
        GitlabError::of(Kind::Invalid, &message)
    }

    /// `403 Forbidden`, as runners expect it.
    pub(crate) fn forbidden() -> GitlabError {
        GitlabError::new(StatusCode::FORBIDDEN, "403 Forbidden")
    }

    fn of(kind: Kind, message: &dyn std::fmt::Display) -> GitlabError {
        let text = message_for(kind, message);
        // Clients look for these beginnings.
        let text = match kind {
            Kind::Unauthenticated => format!("401 Unauthorized: {text}"),
            Kind::Denied => format!("403 Forbidden: {text}"),
            Kind::NotFound => format!("404 Not Found: {text}"),
            _ => text,
        };
        GitlabError::new(status(kind), text)
    }
}

impl IntoResponse for GitlabError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"message": self.message}))).into_response()
    }
}

macro_rules! from {
    ($($error:ty),*) => {$(
        impl From<$error> for GitlabError {
            fn from(error: $error) -> GitlabError {
                GitlabError::of(error.kind(), &error)
            }
        }
    )*};
}

from!(ci::Error, forge::Error, identity::Error, db::Error);

impl From<ApiError> for GitlabError {
    fn from(error: ApiError) -> GitlabError {
        GitlabError::of(error.kind(), &error.message())
    }
}

impl From<base::InvalidName> for GitlabError {
    fn from(error: base::InvalidName) -> GitlabError {
        GitlabError::invalid(error)
    }
}
