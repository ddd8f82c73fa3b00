//! Why something about a project or its repository could not be done.

use base::Kind;

/// By what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("sign in to see whether this project exists and what you may do in it")]
    Unauthenticated,
    #[error("{0}")]
    Denied(String),
    /// Also what somebody gets who may not know that it exists.
    #[error("there is no {what} {name}")]
    NotFound { what: &'static str, name: String },
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("{0}")]
    Unavailable(String),
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
            Error::Unavailable(_) => Kind::Unavailable,
            Error::Identity(error) => error.kind(),
            Error::Database(error) => error.kind(),
            Error::Internal(_) => Kind::Internal,
        }
    }

    pub(crate) fn no_project(name: impl std::fmt::Display) -> Error {
        Error::NotFound { what: "project", name: name.to_string() }
    }

    /// An error of the operating system, and what was being done.
    pub(crate) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
        move |error| Error::Internal(format!("{what}: {error}"))
    }
}

impl From<base::InvalidName> for Error {
    fn from(error: base::InvalidName) -> Error {
        Error::Invalid(error.to_string())
    }
}
