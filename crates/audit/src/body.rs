//! What a leaf says, read back.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::Error;

/// An entry as it stands in its leaf. Only the leaf's bytes are hashed; this form is for reading.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Body {
    /// The form of the leaf; 1 until it changes.
    pub v: u32,
    pub id: String,
    pub at: Timestamp,
    pub kind: String,
    /// Who did it, as [`base::Actor::label`] writes it.
    pub actor: String,
    /// How the actor was known, as [`base::Credential::label`] writes it.
    pub credential: Option<String>,
    pub request_id: String,
    /// The id of the entry it follows from.
    pub cause: Option<String>,
    pub subjects: Vec<String>,
    pub details: BTreeMap<String, Value>,
    /// The state it left: each key with its value, or none where the key is no more.
    pub sets: BTreeMap<String, Option<String>>,
}

impl Body {
    /// Read a leaf. [`Error::Contradicted`] when this program did not write it.
    pub fn parse(leaf: &[u8]) -> Result<Body, Error> {
        let body: Body = serde_json::from_slice(leaf)
            .map_err(|error| Error::Contradicted(format!("a leaf is not an entry: {error}")))?;
        match body.v {
            1 => Ok(body),
            v => Err(Error::Contradicted(format!("entry {} has form {v}, this program knows 1", body.id))),
        }
    }
}
