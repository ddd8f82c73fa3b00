//! What can be wrong with a log that somebody shows us.

/// An input was refused. The variants part by what the caller can do: mend the input, ask for something else, or
/// distrust whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the form that the specification asks for; fetch it again or mend it.
    #[error("{what} is malformed: {detail}")]
    Malformed { what: &'static str, detail: String },
    /// More than a named limit of `base::limits`.
    #[error("{what} is too large: {given} where at most {limit} are taken")]
    TooLarge { what: &'static str, given: u64, limit: u64 },
    /// An index or a size that this tree does not have; ask within the size of the checkpoint.
    #[error("{what} {given} is outside a log of {size} entries")]
    OutOfRange { what: &'static str, given: u64, size: u64 },
    /// A proof needs a tile that was not given; fetch it.
    #[error("{path} is needed for this proof and was not given")]
    MissingTile { path: String },
    /// No trusted key signed the note; check which keys are trusted.
    #[error("no trusted key signed this note, only {signed_by}; check the list of trusted keys")]
    Untrusted { signed_by: String },
    /// A trusted key's signature does not fit the text: one of the two was altered.
    #[error("the signature of {key} does not fit the text; the note was altered")]
    BadSignature { key: String },
    /// The checkpoint of another log.
    #[error("this is a checkpoint of {found:?}, not of {expected:?}")]
    WrongOrigin { expected: String, found: String },
    /// The hashes do not lead to the root: leaf, proof or tree were altered, or do not belong together.
    #[error("not proved: {detail}; the entry, the proof or the log was altered")]
    NotProved { detail: String },
}

impl Error {
    pub(crate) fn malformed(what: &'static str, detail: impl Into<String>) -> Error {
        Error::Malformed { what, detail: detail.into() }
    }

    pub(crate) fn not_proved(detail: impl Into<String>) -> Error {
        Error::NotProved { detail: detail.into() }
    }
}

/// Refuse more than `limit` of something.
pub(crate) fn at_most(what: &'static str, given: usize, limit: usize) -> Result<(), Error> {
    if given <= limit { Ok(()) } else { Err(Error::TooLarge { what, given: given as u64, limit: limit as u64 }) }
}

/// A text as an error message may repeat it: quoted, and cut so that an answer never echoes a huge input.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}
