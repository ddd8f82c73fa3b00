//! The nouns: how a scan stands and what it found.

use std::{fmt, str::FromStr};

use advisory::Finding;
use base::Timestamp;
use oci::Digest;
use policy::{Component, Counts};
use serde::{Deserialize, Serialize};

use crate::ImageFacts;

/// How the scan of one image stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Asked for, or under way.
    Pending,
    Done,
    Failed,
}

/// The result of a scan, without its components.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub digest: String,
    pub state: State,
    /// Findings by severity, waivers not considered.
    pub counts: Counts,
    /// The digest of the image's inventory.
    pub inventory: Option<String>,
    /// The digest of the advisory snapshot it was matched with, and that snapshot's label.
    pub snapshot: Option<String>,
    pub snapshot_label: Option<String>,
    /// True when another snapshot is in use since: new advisories have not been held against it yet.
    pub outdated: bool,
    pub distribution: Option<String>,
    /// Why something is not known, in sentences: an image with any of these is not clean.
    pub unknown: Vec<String>,
    pub error: Option<String>,
    pub finished_at: Option<Timestamp>,
}

/// One finding in one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFinding {
    pub component: String,
    pub version: String,
    pub purl: String,
    /// Which layer brought the component, counted from 0.
    pub layer: i64,
    /// The vulnerability, and why it was found.
    pub about: Finding,
}

/// What a decision may use of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    Known(ScanEvidence),
    /// Nothing to decide on, and why, as part of a sentence: `the scan failed: …`.
    Missing(String),
}

/// A completed scan, as policies ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanEvidence {
    /// Findings by severity, waivers not considered.
    pub counts: Counts,
    pub components: Vec<Component>,
    pub licenses: Vec<String>,
    /// Components whose licence is not known.
    pub unlicensed: u64,
    pub facts: ImageFacts,
    pub snapshot: String,
    pub inventory_digest: String,
}

impl ImageFinding {
    /// The number among these that counts findings of this severity.
    pub fn count_in<'a>(&self, counts: &'a mut Counts) -> &'a mut u64 {
        crate::judgement::class(counts, self.about.severity)
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            State::Pending => "pending",
            State::Done => "done",
            State::Failed => "failed",
        })
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<State, String> {
        match text {
            "pending" => Ok(State::Pending),
            "done" => Ok(State::Done),
            "failed" => Ok(State::Failed),
            other => Err(format!("{other:?} is no state of a scan")),
        }
    }
}

impl Summary {
    /// The state of an image that the repository asked about does not hold whole.
    pub(crate) fn incomplete(digest: &Digest, why: String) -> Summary {
        Summary {
            digest: digest.to_string(),
            state: State::Failed,
            counts: Counts::default(),
            inventory: None,
            snapshot: None,
            snapshot_label: None,
            outdated: false,
            distribution: None,
            unknown: Vec::new(),
            error: Some(why),
            finished_at: None,
        }
    }

    /// Whether the scan is complete and nothing of the image escaped it.
    pub fn is_known(&self) -> bool {
        self.state == State::Done && self.unknown.is_empty()
    }
}
