//! Why something about a webhook could not be done.

use identity::DoesNotOpen;

/// By what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Denied(String),
    #[error("there is no {what} {name}")]
    NotFound { what: &'static str, name: String },
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error(transparent)]
    Sealed(#[from] DoesNotOpen),
}

impl Error {
    pub fn kind(&self) -> base::Kind {
        match self {
            Error::Denied(_) => base::Kind::Denied,
            Error::NotFound { .. } => base::Kind::NotFound,
            Error::Conflict(_) => base::Kind::Conflict,
            Error::Invalid(_) => base::Kind::Invalid,
            Error::Identity(error) => error.kind(),
            Error::Database(error) => error.kind(),
            Error::Sealed(_) => base::Kind::Internal,
        }
    }
}

impl From<base::InvalidName> for Error {
    fn from(error: base::InvalidName) -> Error {
        Error::Invalid(error.to_string())
    }
}
