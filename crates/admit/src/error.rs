//! Why something about admission could not be done.

use base::Kind;

/// By what the caller can do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("sign in first")]
    Unauthenticated,
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Invalid(String),
    /// A set that nobody trusted signed, or that was altered; fetch it again.
    #[error("{0}")]
    Untrusted(String),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Trust(#[from] trust::Error),
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
            Error::Invalid(_) | Error::Untrusted(_) => Kind::Invalid,
            Error::Identity(error) => error.kind(),
            Error::Registry(error) => error.kind(),
            Error::Trust(error) => error.kind(),
            Error::Database(error) => error.kind(),
            Error::Internal(_) => Kind::Internal,
        }
    }
}
