//! Why something about a pipeline, job, runner, variable or trigger could not be done.

use base::Kind;

/// By what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("the token is missing, wrong or no longer valid")]
    Unauthenticated,
    #[error("{0}")]
    Denied(String),
    #[error("there is no {what} {name}")]
    NotFound { what: &'static str, name: String },
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    TooLarge(String),
    #[error(transparent)]
    Forge(#[from] forge::Error),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::Unauthenticated => Kind::Unauthenticated,
            Error::Denied(_) => Kind::Denied,
            Error::NotFound { .. } => Kind::NotFound,
            Error::Conflict(_) => Kind::Conflict,
            Error::Invalid(_) => Kind::Invalid,
            Error::TooLarge(_) => Kind::TooLarge,
            Error::Forge(error) => error.kind(),
            Error::Identity(error) => error.kind(),
            Error::Database(error) => error.kind(),
            Error::Internal(_) => Kind::Internal,
        }
    }

    pub(crate) fn no(what: &'static str, name: impl std::fmt::Display) -> Error {
        Error::NotFound { what, name: name.to_string() }
    }
}

impl From<crate::Refused> for Error {
    fn from(refused: crate::Refused) -> Error {
        Error::Conflict(refused.to_string())
    }
}

impl From<base::InvalidName> for Error {
    fn from(error: base::InvalidName) -> Error {
        Error::Invalid(error.to_string())
    }
}

impl From<pipeline::TooMuchExpansion> for Error {
    fn from(error: pipeline::TooMuchExpansion) -> Error {
        Error::Invalid(error.to_string())
    }
}

impl From<identity::DoesNotOpen> for Error {
    fn from(error: identity::DoesNotOpen) -> Error {
        Error::Internal(error.to_string())
    }
}
