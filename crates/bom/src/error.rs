//! Why a bill or a statement of somebody else cannot be read, or a document cannot be written.

use base::Kind;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing that we know.
    #[error("this is no format that we read: {0}")]
    UnknownFormat(String),

    /// It says what it is, and is not. `place` is a line and column, or a path inside the document.
    #[error("the {format} document cannot be read at {place}: {reason}")]
    Broken { format: &'static str, place: String, reason: String },

    /// More than a named limit of `base::limits`.
    #[error("there are {found} {what}, and the limit is {limit}")]
    TooLarge { what: &'static str, found: usize, limit: usize },

    /// The format has no way to say nothing.
    #[error("{0}")]
    Nothing(&'static str),
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::UnknownFormat(_) | Error::Broken { .. } | Error::Nothing(_) => Kind::Invalid,
            Error::TooLarge { .. } => Kind::TooLarge,
        }
    }
}
