//! Why a scan or a question about one failed.

use base::Kind;

/// By what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("{0} was never scanned")]
    NotScanned(String),
    /// The image is what cannot be read; trying again does not help.
    #[error("the image cannot be read: {0}")]
    Unreadable(String),
    /// There is no result, and why.
    #[error("{0}")]
    Unfinished(String),
    /// The repository does not hold all of the image.
    #[error("{0}")]
    Incomplete(String),
    /// What an older program made cannot be read any more.
    #[error("{0} was scanned by an older program and is being scanned again; ask again in a while")]
    Renewed(String),
    #[error("{0}")]
    Invalid(String),
    /// Somebody else's server does not answer, or not with what was asked for.
    #[error("{0}")]
    Unreachable(String),
    #[error("the scanner is switched off; an administrator switches it on with the setting scanningEnabled")]
    SwitchedOff,
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Blob(#[from] blob::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::NotScanned(_) | Error::Unfinished(_) => Kind::NotFound,
            Error::Unreadable(_) | Error::Incomplete(_) | Error::Invalid(_) | Error::SwitchedOff => Kind::Invalid,
            Error::Renewed(_) => Kind::Unavailable,
            Error::Registry(error) => error.kind(),
            Error::Blob(error) => error.kind(),
            Error::Database(error) => error.kind(),
            Error::Unreachable(_) => Kind::Unavailable,
            Error::Internal(_) => Kind::Internal,
        }
    }
}
