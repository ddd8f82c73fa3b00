//! Why a chain cannot be told.

use base::Kind;
use oci::Digest;

/// By what the caller can do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("sign in to see the chain of a digest")]
    Unauthenticated,
    /// No repository holds it, or none that this account may see.
    #[error("no repository that you may see holds {0}")]
    NotFound(Digest),
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Trust(#[from] trust::Error),
    #[error(transparent)]
    Audit(#[from] audit::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl Error {
    /// The kind of this failure for the edges.
    pub fn kind(&self) -> Kind {
        match self {
            Error::Unauthenticated => Kind::Unauthenticated,
            Error::NotFound(_) => Kind::NotFound,
            Error::Registry(error) => error.kind(),
            Error::Trust(error) => error.kind(),
            Error::Audit(error) => error.kind(),
            Error::Database(error) => error.kind(),
        }
    }
}
