//! What can be wrong with a trust document, a key or a signature.

use base::{Kind, Timestamp};

use crate::RoleName;

/// Why a document, key or certificate was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not one JSON value: mend what produced them.
    #[error("not valid JSON: {0}")]
    Json(String),
    /// JSON, but not of the form the role asks for: mend the document.
    #[error("{0}")]
    Malformed(String),
    /// A key or certificate that cannot be used: bring another.
    #[error("{0}")]
    Key(String),
    /// Not signed by enough keys of the role, or a checksum does not match: sign it with the right keys.
    #[error("{0}")]
    Untrusted(String),
    /// Signed well, but too long ago: sign it again.
    #[error("{role} expired at {at}; sign it again")]
    Expired { role: RoleName, at: Timestamp },
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::Json(_) | Error::Malformed(_) | Error::Key(_) => Kind::Invalid,
            Error::Untrusted(_) | Error::Expired { .. } => Kind::Denied,
        }
    }
}

/// A text from outside, cut and quoted so that an error never echoes a huge or unprintable input.
pub(crate) fn short(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}
