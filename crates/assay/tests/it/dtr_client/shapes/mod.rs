//! What must come: each answer as the description has it. A member that may be left out may not be `null`.
#![expect(dead_code, reason = "a member is demanded whether or not a test looks at it")]

mod accounts;
mod images;
mod policies;
mod repositories;

use base::Timestamp;
use serde::{Deserialize, Deserializer};

pub use accounts::*;
pub use images::*;
pub use policies::*;
pub use repositories::*;

/// A member that is there has its type: `null` is none.
pub fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// When nothing of the kind happened yet, Go's zero time.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

pub fn never() -> Timestamp {
    NEVER.parse().unwrap()
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    pub errors: Vec<ApiError>,
}

#[derive(Deserialize, Debug)]
pub struct ApiError {
    pub code: String,
    pub message: String,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLevel {
    ReadOnly,
    ReadWrite,
    Admin,
}
