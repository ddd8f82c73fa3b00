//! Why a snapshot or a record is refused.

/// Each variant is a different thing to do for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// One line of a snapshot, or of the starter set's text.
    #[error("line {line} of the snapshot is wrong: {reason}; export or download it again")]
    Line { line: usize, reason: String },

    /// A snapshot's file, a delta or a signed text as a whole.
    #[error("{reason}; export or download it again")]
    File { reason: String },

    /// One record of a foreign database. The others can still be taken.
    #[error("the record {file} is wrong: {reason}; leave it out or mend it")]
    Record { file: String, reason: String },

    #[error("{what} is larger than the limit of {limit}; import fewer ecosystems at once")]
    TooLarge { what: String, limit: usize },
}

impl Error {
    pub fn kind(&self) -> base::Kind {
        match self {
            Error::File { .. } | Error::Line { .. } | Error::Record { .. } => base::Kind::Invalid,
            Error::TooLarge { .. } => base::Kind::TooLarge,
        }
    }
}
