//! What can go wrong with the guard itself; what it refuses is an answer and no error.

use base::Kind;

/// A failure of the guard, by what the operator can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Mend the configuration.
    #[error("guard configuration: {0}")]
    Invalid(String),
    /// The server does not take the token, or does not take this account for a guard.
    #[error("the server refuses this guard: {0}; name its account with `assay admission require --guard`")]
    Denied(String),
    /// The server takes this message never; it is given up.
    #[error("the server does not take this: {0}")]
    Refused(String),
    /// The server's key is not the pinned one, or its set is not signed by it.
    #[error("{0}")]
    Untrusted(String),
    /// The server or the engine is away or answered something else than the protocol allows; asked again later.
    #[error("{0}")]
    Unavailable(String),
    /// This machine: a disk, a socket.
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::Invalid(_) | Error::Untrusted(_) | Error::Refused(_) => Kind::Invalid,
            Error::Denied(_) => Kind::Denied,
            Error::Unavailable(_) => Kind::Unavailable,
            Error::Io { .. } => Kind::Internal,
        }
    }

    /// An error of the operating system, and what was being done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        let what = what.into();
        move |source| Error::Io { what, source }
    }
}
