//! Why another registry did not do what it was asked for.

/// By what helps.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Nobody answered, or the answer broke off; also an address that may not be called.
    #[error("{0}")]
    Unreachable(String),
    /// The credentials are not good enough.
    #[error("{0}")]
    Denied(String),
    #[error("{0} is unknown to the registry")]
    NotFound(String),
    /// An answer that is not as the specification has it, or other bytes than promised.
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    pub(crate) fn denied(what: &str, status: reqwest::StatusCode) -> Error {
        Error::Denied(format!("{what} is not for these credentials ({status})"))
    }
}
