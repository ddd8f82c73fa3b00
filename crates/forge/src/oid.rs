//! The name of a git object.

use std::{fmt, str::FromStr};

use base::InvalidName;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The name of a git object: 40 lower-case hexadecimal digits (SHA-1), as repositories here have them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Box<str>);

const LENGTH: usize = 40;
const ZERO: &str = "0000000000000000000000000000000000000000";

impl Oid {
    /// What git writes for "no object": a ref that is new, or gone.
    pub fn zero() -> Oid {
        Oid(ZERO.into())
    }

    pub fn is_zero(&self) -> bool {
        &*self.0 == ZERO
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, as people read it.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

impl FromStr for Oid {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Oid, InvalidName> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == LENGTH && text.bytes().all(hex) {
            Ok(Oid(text.into()))
        } else {
            Err(InvalidName::new("object name", text, "40 lower-case hexadecimal digits"))
        }
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for Oid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Oid, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
