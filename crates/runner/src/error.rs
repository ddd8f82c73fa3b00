//! What can go wrong with the runner itself; what goes wrong inside a job is an [`crate::outcome::Outcome`].

use base::Kind;

/// A failure of the runner, by what the operator can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Mend the configuration.
    #[error("runner configuration: {0}")]
    Invalid(String),
    /// The server does not take the token.
    #[error(
        "the server at {url} refuses this runner's token: create a runner there and put its token into the configuration"
    )]
    Denied { url: String },
    /// The server or the engine is away or answered something else than the protocol allows; asked again later.
    #[error("{0}")]
    Unavailable(String),
    /// The engine or the server has no such thing.
    #[error("{0}")]
    NotFound(String),
    /// This machine: a disk, a process.
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::Invalid(_) => Kind::Invalid,
            Error::Denied { .. } => Kind::Denied,
            Error::Unavailable(_) => Kind::Unavailable,
            Error::NotFound(_) => Kind::NotFound,
            Error::Io { .. } => Kind::Internal,
        }
    }

    /// An error of the operating system, and what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        let what = what.into();
        move |source| Error::Io { what, source }
    }
}
