//! One link of a chain.

use base::Timestamp;
use serde::{Deserialize, Serialize};

/// What one audit entry says, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// `Commit pushed`, `Scanned`, `Promoted`.
    pub what: String,
    pub at: Timestamp,
    pub actor: String,
    pub state: State,
    /// Name and value, in the order they are read.
    pub facts: Vec<(String, String)>,
    /// The id of the audit entry.
    pub entry: String,
    /// Its place in the log; none while it waits for one.
    pub index: Option<u64>,
}

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Good,
    Bad,
    Neutral,
}

impl Node {
    /// The value of a fact.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}
