//! Why something about pruning could not be done.

use base::Kind;

/// By what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("there is no pruning policy {0}")]
    NoSuchPolicy(String),
    #[error("{0}")]
    Conflict(String),
    /// A policy that cannot be.
    #[error("{0}")]
    Policy(String),
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Promote(#[from] promote::Error),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::NoSuchPolicy(_) => Kind::NotFound,
            Error::Conflict(_) => Kind::Conflict,
            Error::Policy(_) => Kind::Invalid,
            Error::Registry(error) => error.kind(),
            Error::Promote(error) => error.kind(),
            Error::Identity(error) => error.kind(),
            Error::Database(error) => error.kind(),
        }
    }
}

impl From<policy::PolicyError> for Error {
    fn from(error: policy::PolicyError) -> Error {
        Error::Policy(error.to_string())
    }
}
