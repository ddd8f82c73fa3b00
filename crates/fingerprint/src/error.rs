//! What can be wrong with an index, or with a package to learn from.

/// Why an index was not opened, or a package not learnt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are no index of this format version; another one must be brought.
    #[error("not an index of fingerprints: {0}")]
    Index(&'static str),
    /// The package is broken or beyond a limit; others are not concerned.
    #[error("not a package to learn from: {0}")]
    Package(&'static str),
    /// More products, texts or versions than the format can count.
    #[error("too much for one index: {0}")]
    TooLarge(&'static str),
}
