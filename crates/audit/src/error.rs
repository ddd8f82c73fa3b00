//! What can go wrong with the log.

use base::Kind;

/// A failure of the log, by what the caller can do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Check the id or the index.
    #[error("{0}")]
    NotFound(String),
    /// Ask again: the disk, the database or the sequencer was not ready.
    #[error("the audit log is not available: {0}")]
    Unavailable(String),
    /// Database and files do not say the same, or not what was signed. Nothing is signed until an operator mended it.
    #[error("the audit log contradicts itself: {0}; run `assay audit verify` and restore what it names")]
    Contradicted(String),
    /// Ask for a part.
    #[error("more than {} entries are about {subject}; list them page by page", base::limits::AUDIT_ABOUT_ENTRIES)]
    TooMany { subject: String },
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl Error {
    /// The kind of this failure for the edges.
    pub fn kind(&self) -> Kind {
        match self {
            Error::NotFound(_) => Kind::NotFound,
            Error::Unavailable(_) => Kind::Unavailable,
            Error::Contradicted(_) => Kind::Internal,
            Error::TooMany { .. } => Kind::TooLarge,
            Error::Database(error) => error.kind(),
        }
    }
}

/// The log's own rows and files are all that is ever parsed or proved here, so a format error is a contradiction.
impl From<tlog::Error> for Error {
    fn from(error: tlog::Error) -> Error {
        Error::Contradicted(error.to_string())
    }
}

/// Work that hashes, or waits for the disk, away from the threads that answer requests.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::Unavailable(format!("the work on the log's files did not end: {error}"))),
    }
}
