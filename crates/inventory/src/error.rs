//! Why a layer has no inventory.

use crate::stream::Compression;

/// Each variant is a different thing to do for the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed under us; nothing is known about the layer.
    #[error("the layer's bytes could not be fetched: {0}; try again")]
    Source(#[source] std::io::Error),

    /// The packing is broken or is not what the media type says.
    #[error(
        "the layer's {compression} stream is damaged after {unpacked_bytes} unpacked bytes: {reason}; build and push the image again"
    )]
    Packing { compression: Compression, unpacked_bytes: u64, reason: String },

    /// The archive inside is broken, or could be read in two ways.
    #[error("the layer's archive is refused at byte {offset}: {reason}; build and push the image again")]
    Archive { offset: u64, reason: String },

    /// More than a named limit of `base::limits`.
    #[error("the layer has more {what} than the limit of {limit}; split the image into smaller layers")]
    TooLarge { what: &'static str, limit: u64 },

    /// Whoever waited gave up, or the time was up.
    #[error("the layer was not read to its end in the time it had")]
    Stopped,

    /// A stored inventory that is not one of ours.
    #[error("the stored inventory cannot be read: {0}; scan the layer again")]
    Stored(#[source] serde_json::Error),
}

impl Error {
    pub fn kind(&self) -> base::Kind {
        match self {
            Error::Source(_) | Error::Stopped => base::Kind::Unavailable,
            Error::Packing { .. } | Error::Archive { .. } => base::Kind::Invalid,
            Error::TooLarge { .. } => base::Kind::TooLarge,
            Error::Stored(_) => base::Kind::Internal,
        }
    }
}
