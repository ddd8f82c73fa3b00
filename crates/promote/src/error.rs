//! Why something about a promotion could not be done.

use base::Kind;

/// By what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("there is no {what} {name}")]
    NotFound { what: &'static str, name: String },
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    TooLarge(String),
    /// A policy that cannot be.
    #[error("{0}")]
    Policy(String),
    #[error("{0}")]
    Internal(String),
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Scan(#[from] scan::Error),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Trust(#[from] trust::Error),
    #[error(transparent)]
    Pipeline(#[from] ci::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::NotFound { .. } => Kind::NotFound,
            Error::Denied(_) => Kind::Denied,
            Error::Conflict(_) => Kind::Conflict,
            Error::Invalid(_) | Error::Policy(_) => Kind::Invalid,
            Error::TooLarge(_) => Kind::TooLarge,
            Error::Internal(_) => Kind::Internal,
            Error::Registry(error) => error.kind(),
            Error::Scan(error) => error.kind(),
            Error::Identity(error) => error.kind(),
            Error::Trust(error) => error.kind(),
            Error::Pipeline(error) => error.kind(),
            Error::Database(error) => error.kind(),
        }
    }
}

impl From<policy::PolicyError> for Error {
    fn from(error: policy::PolicyError) -> Error {
        Error::Policy(error.to_string())
    }
}

impl From<base::InvalidName> for Error {
    fn from(error: base::InvalidName) -> Error {
        Error::Invalid(error.to_string())
    }
}
