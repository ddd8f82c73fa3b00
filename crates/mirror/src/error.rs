//! Why something about mirroring could not be done.

use base::Kind;

use crate::Direction;

/// By what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("there is no {0} mirroring policy {1}")]
    NoSuchPolicy(Direction, String),
    #[error("{0}")]
    Conflict(String),
    /// A policy that cannot be.
    #[error("{0}")]
    Policy(String),
    /// The other registry, in its own words as far as it has some.
    #[error(transparent)]
    Remote(#[from] remote::Error),
    /// A blob broke off on its way.
    #[error("{0}")]
    Broken(String),
    #[error("a sealed credential cannot be opened: {0}")]
    Sealed(#[from] identity::DoesNotOpen),
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
            Error::NoSuchPolicy(..) => Kind::NotFound,
            Error::Conflict(_) => Kind::Conflict,
            Error::Policy(_) | Error::Remote(_) => Kind::Invalid,
            Error::Broken(_) => Kind::Unavailable,
            Error::Sealed(_) => Kind::Internal,
            Error::Registry(error) => error.kind(),
            Error::Promote(error) => error.kind(),
            Error::Identity(error) => error.kind(),
            Error::Database(error) => error.kind(),
        }
    }

    /// Whether this database is to blame and not what was to be mirrored: the job runs again as any other.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Error::Database(_) | Error::Registry(registry::Error::Database(_)))
    }

    /// Whether the image or its repository is not here any more.
    pub(crate) fn is_gone(&self) -> bool {
        use registry::Error as E;
        matches!(self, Error::Registry(E::ManifestUnknown { .. } | E::NameUnknown(_)))
    }
}

impl From<policy::PolicyError> for Error {
    fn from(error: policy::PolicyError) -> Error {
        Error::Policy(error.to_string())
    }
}
