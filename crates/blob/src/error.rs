//! Why bytes could not be taken or given.

use std::io;

use base::{Kind, limits};
use oci::Digest;

/// By what the caller can do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("no bytes are stored under {0}")]
    NotFound(Digest),
    /// The disk does not hold what was put there; pushing the same content again repairs it.
    #[error("the stored bytes of {digest} are damaged ({problem}); push the same content again to repair them")]
    Damaged { digest: Digest, problem: String },
    /// The upload was finished or given up meanwhile.
    #[error("the upload is over; begin a new one")]
    Over,
    #[error("another request is sending to this upload; wait for it, or begin a new upload")]
    Busy,
    #[error("the chunk begins at {given}, but the upload goes on at {length}")]
    OutOfOrder { given: u64, length: u64 },
    #[error("the chunk was announced with {announced} bytes and had {received}{}", if received > announced { " or more" } else { "" })]
    Length { announced: u64, received: u64 },
    #[error("the content has the digest {actual}, not {expected}; nothing was kept")]
    WrongDigest { expected: Digest, actual: Digest },
    #[error("a blob has at most {} bytes", limits::BLOB_BYTES)]
    TooLarge,
    /// The sender broke off; what came so far is kept and can be gone on from.
    #[error("the body ended early: {0}")]
    Body(String),
    #[error("the disk is full: {0}")]
    Full(String),
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
    /// What was noted about an upload is not what this crate hands out.
    #[error("what was noted about the upload cannot be used ({0}); begin a new one")]
    State(String),
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::NotFound(_) | Error::Over => Kind::NotFound,
            Error::Damaged { .. } | Error::State(_) => Kind::Internal,
            Error::Busy | Error::OutOfOrder { .. } => Kind::Conflict,
            Error::Length { .. } | Error::WrongDigest { .. } | Error::Body(_) => Kind::Invalid,
            Error::TooLarge => Kind::TooLarge,
            Error::Full(_) | Error::Unavailable(_) => Kind::Unavailable,
        }
    }
}

impl Error {
    /// Damage that is found while a blob is on its way to somebody who cannot be told what is wrong: the log is.
    pub(crate) fn damaged(digest: &Digest, problem: &str) -> Error {
        tracing::error!(%digest, problem, "a stored blob is damaged; pushing the same content again repairs it");
        Error::Damaged { digest: digest.clone(), problem: problem.to_owned() }
    }

    /// A body ended with this error. One of our own that passed through a reader stays what it is.
    pub(crate) fn broken_off(error: io::Error) -> Error {
        error.downcast::<Error>().unwrap_or_else(|error| Error::Body(error.to_string()))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        // Our own, which passed through a reader.
        let error = match error.downcast::<Error>() {
            Ok(own) => return own,
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full(error.to_string()),
            _ => Error::Unavailable(error.to_string()),
        }
    }
}
