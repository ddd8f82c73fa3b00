//! What a scan could not look at.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An image with gaps is not clean, it is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Gap {
    /// A file that should describe packages and cannot be read.
    Broken { layer: usize, path: String, reason: String },
    /// Files, but nothing that says what they are.
    NoPackages { files: u64 },
    /// A package database, or a directory above it, is a link or device that leads where we do not look.
    Unread { layer: usize, path: String },
}

impl fmt::Display for Gap {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gap::Broken { layer, path, reason } => {
                write!(out, "{path} of layer {layer} cannot be read, so the packages it names are not known: {reason}")
            }
            Gap::NoPackages { files } => {
                write!(out, "no package database was found, so nothing is known about the image's {files} files")
            }
            Gap::Unread { layer, path } => {
                write!(out, "{path} of layer {layer} is not a regular file, so the packages it names are not known")
            }
        }
    }
}
