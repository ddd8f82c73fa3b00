//! Why a publish was refused, in the words and codes of the Notary v1 API.

use base::Kind;
use serde_json::{Value, json};

use crate::{Error, RoleName};

/// A refused publish. On the wire: `{"errors":[{"code","message","detail"}]}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// A part is not JSON.
    #[error("{role} is not valid JSON: {message}")]
    MalformedJson { role: RoleName, message: String },
    /// The upload does not follow from what is stored, or is not signed as it must be.
    #[error("{message}")]
    InvalidUpdate { fault: Fault, message: String, missing: Option<RoleName> },
    /// Somebody else published first, or the client works on old data: fetch, then publish again.
    #[error(
        "{role} has version {given}, but version {current} is stored; fetch the newest trust data and publish again"
    )]
    Version { role: RoleName, given: u64, current: u64 },
    /// What is stored cannot be read: for the operator.
    #[error("stored trust data is damaged: {0}")]
    Stored(String),
}

/// The names clients know for the documents that can be at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Root,
    Targets,
    Snapshot,
    /// A document that the others need is missing.
    Hierarchy,
    /// The upload as a whole.
    Upload,
}

/// Stock clients read 1 KiB of an error body; the message, with its quotes escaped, must leave room for the rest.
const MESSAGE_BYTES: usize = 360;

impl PublishError {
    /// The `code` of the wire error.
    pub fn code(&self) -> &'static str {
        match self {
            PublishError::MalformedJson { .. } => "MALFORMED_JSON",
            PublishError::InvalidUpdate { .. } => "INVALID_UPDATE",
            PublishError::Version { .. } => "VERSION",
            PublishError::Stored(_) => "UNKNOWN",
        }
    }

    /// The `message` of the wire error; clients show the detail instead where they understand it.
    pub fn title(&self) -> &'static str {
        match self {
            PublishError::MalformedJson { .. } => "a part of the upload is not valid JSON",
            PublishError::InvalidUpdate { .. } => "the upload is not a valid update",
            PublishError::Version { .. } => "a newer version of the trust data is already stored",
            PublishError::Stored(_) => "the server could not read its trust data",
        }
    }

    /// The `detail` of the wire error: an object with `Name` and `Error` for an invalid update, a sentence otherwise.
    pub fn detail(&self) -> Value {
        match self {
            PublishError::InvalidUpdate { fault, message, missing } => {
                let mut error = json!({"Msg": cut(message)});
                if let Some(role) = missing {
                    error["Missing"] = json!(role);
                }
                json!({"Name": fault.name(), "Error": error})
            }
            PublishError::Stored(_) => json!({}),
            other => json!(cut(&other.to_string())),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            PublishError::MalformedJson { .. } | PublishError::InvalidUpdate { .. } => Kind::Invalid,
            PublishError::Version { .. } => Kind::Conflict,
            PublishError::Stored(_) => Kind::Internal,
        }
    }

    pub(crate) fn invalid(fault: Fault, message: impl Into<String>) -> PublishError {
        PublishError::InvalidUpdate { fault, message: message.into(), missing: None }
    }

    pub(crate) fn missing(role: RoleName, message: impl Into<String>) -> PublishError {
        PublishError::InvalidUpdate { fault: Fault::Hierarchy, message: message.into(), missing: Some(role) }
    }

    /// What was wrong with an uploaded document of `role`.
    pub(crate) fn of(role: &RoleName, error: Error) -> PublishError {
        match error {
            Error::Json(message) => PublishError::MalformedJson { role: role.clone(), message },
            error => PublishError::invalid(Fault::of(role), error.to_string()),
        }
    }
}

impl Fault {
    pub fn name(self) -> &'static str {
        match self {
            Fault::Root => "ErrBadRoot",
            Fault::Targets => "ErrBadTargets",
            Fault::Snapshot => "ErrBadSnapshot",
            Fault::Hierarchy => "ErrBadHierarchy",
            Fault::Upload => "ErrValidation",
        }
    }

    fn of(role: &RoleName) -> Fault {
        match role {
            RoleName::Root => Fault::Root,
            RoleName::Targets | RoleName::Delegation(_) => Fault::Targets,
            RoleName::Snapshot => Fault::Snapshot,
            RoleName::Timestamp => Fault::Upload,
        }
    }
}

fn cut(message: &str) -> String {
    let mut end = message.len().min(MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message[..end].chars().map(|each| if each.is_control() { ' ' } else { each }).collect()
}
