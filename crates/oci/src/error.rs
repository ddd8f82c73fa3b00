//! Why a manifest or an image configuration was refused.

use base::{Kind, limits};

use crate::{ErrorCode, json::JsonError};

/// Each says what was wrong and where; the sender can mend all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("document has {bytes} bytes; at most {} are taken", limits::MANIFEST_BYTES)]
    TooLarge { bytes: usize },
    #[error("document is refused: it is {0}")]
    Json(#[from] JsonError),
    #[error(
        "Docker image manifests of schema 1 are not taken; push with a client that speaks schema 2 or OCI (Docker 1.10 or newer)"
    )]
    Schema1,
    /// The type is unknown, missing, or not the same in the header and in the body.
    #[error("{0}")]
    MediaType(String),
    #[error("{path}: {problem}")]
    Field { path: String, problem: String },
    #[error("{count} descriptors are more than the {} allowed in one manifest", limits::MANIFEST_DESCRIPTORS)]
    TooManyDescriptors { count: usize },
    #[error("the sizes of the descriptors add up to more than 2^63 - 1 bytes")]
    SizeOverflow,
}

impl ManifestError {
    pub fn kind(&self) -> Kind {
        match self {
            ManifestError::TooLarge { .. } => Kind::TooLarge,
            _ => Kind::Invalid,
        }
    }

    /// The code of the distribution specification that goes with it.
    pub fn code(&self) -> ErrorCode {
        match self {
            ManifestError::TooLarge { .. } => ErrorCode::SizeInvalid,
            _ => ErrorCode::ManifestInvalid,
        }
    }

    pub(crate) fn field(path: impl Into<String>, problem: impl Into<String>) -> ManifestError {
        ManifestError::Field { path: path.into(), problem: problem.into() }
    }
}
