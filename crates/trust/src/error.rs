//! Why something about trust data could not be done.

use base::Kind;
use tuf::PublishError;

/// By what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Who is not signed in, signs in; who is, asks for the right.
    #[error("{0}")]
    Unauthenticated(String),
    #[error("{0}")]
    Denied(String),
    /// No such document, or no trust data at all.
    #[error("there is no {what} of {gun}")]
    NotFound { what: String, gun: String },
    #[error("no key and no authority is called {0} here")]
    NoAnchor(String),
    /// The name of the trust data is not one of this installation.
    #[error("{given:?} is not trust data of this registry; names begin with {own}/ and an account")]
    Gun { given: String, own: String },
    /// The upload was looked at and refused.
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("{0}")]
    Invalid(String),
    /// Others published the same repository again and again.
    #[error("others publish trust data of {0} at this moment; fetch the newest and publish again")]
    Busy(String),
    /// What an image or its signatures are read from.
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::Unauthenticated(_) => Kind::Unauthenticated,
            Error::Denied(_) => Kind::Denied,
            Error::NotFound { .. } | Error::NoAnchor(_) => Kind::NotFound,
            Error::Gun { .. } | Error::Invalid(_) => Kind::Invalid,
            Error::Publish(error) => error.kind(),
            Error::Busy(_) => Kind::Unavailable,
            Error::Registry(error) => error.kind(),
            Error::Database(error) => error.kind(),
            Error::Internal(_) => Kind::Internal,
        }
    }
}

impl From<identity::Error> for Error {
    fn from(error: identity::Error) -> Error {
        match error {
            identity::Error::Unauthenticated => Error::Unauthenticated(error.to_string()),
            identity::Error::Denied(message) => Error::Denied(message),
            identity::Error::Database(error) => Error::Database(error),
            other => Error::Internal(other.to_string()),
        }
    }
}

impl From<tuf::Error> for Error {
    /// For documents that we stored or make ourselves; what clients bring becomes a [`PublishError`].
    fn from(error: tuf::Error) -> Error {
        Error::Internal(format!("stored trust data cannot be used: {error}"))
    }
}

impl From<identity::DoesNotOpen> for Error {
    fn from(error: identity::DoesNotOpen) -> Error {
        Error::Internal(error.to_string())
    }
}
