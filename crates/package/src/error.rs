//! Why a file that should describe packages does not.

/// Part of a sentence: the caller knows the path and says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not in the format that its place promises.
    #[error("it is not {expected}: {reason}")]
    Broken { expected: &'static str, reason: String },

    /// More than a named limit of `base::limits`.
    #[error("it has more {what} than the limit of {limit}")]
    TooLarge { what: &'static str, limit: u64 },
}
