//! What is known about an image at the moment of a decision.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical;

/// The facts a policy is held against. What is `None` is not known, which is never the same as empty or zero.
///
/// Unknown members are refused when it is read: a verifier must not pass over a fact it does not understand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evidence {
    /// `account/name` of the source, and the digest of the image that the decision is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    pub tag: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<Component>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licenses: Option<Vec<String>>,
    /// Components whose license nobody could tell; it may be any.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlicensed: u64,
    /// The distinct SPDX expressions of the components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_expressions: Option<Vec<String>>,
    /// Components without an SPDX expression: their license may be any.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unexpressed: u64,
    /// Secrets that can be pulled with the image, by kind: how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<BTreeMap<String, u64>>,
    /// What is true of the configuration and the files, such as `runs-as-root`, and in how many places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<BTreeMap<String, u64>>,
    /// For each image the names of the images that have its lowest layers; one without a known base has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bases: Option<Vec<Vec<String>>>,
    /// In percent, of the component that is identified the least surely; 100 where package managers name all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest_confidence: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// The digest of the advisory snapshot that the counts were made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Why the scanner's evidence is missing (or is left out, for a snapshot is stale), as part of a sentence: `the scan failed: layer 3 is encrypted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// When the tag was last pushed or moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The moment of the decision.
    pub now: Timestamp,
}

/// One component of the image's inventory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    pub name: String,
    pub version: String,
}

/// What the image is of, and for how long somebody mends that.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Distribution {
    /// `debian 12`; empty for an image that has none, in which no updates can end.
    pub name: String,
    /// The end of the last day with security updates; None where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<Timestamp>,
}

/// Findings by severity. Waived findings are counted in `waived` and nowhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    pub critical: u64,
    pub major: u64,
    pub minor: u64,
    /// Findings whose severity nobody has said.
    pub unknown: u64,
    #[serde(default)]
    pub waived: u64,
}

impl Evidence {
    /// The evidence of an image of which nothing but its tag is known.
    pub fn new(tag: impl Into<String>, now: Timestamp) -> Evidence {
        Evidence {
            repository: None,
            image: None,
            tag: tag.into(),
            components: None,
            licenses: None,
            unlicensed: 0,
            license_expressions: None,
            unexpressed: 0,
            secrets: None,
            facts: None,
            bases: None,
            lowest_confidence: None,
            distribution: None,
            counts: None,
            snapshot: None,
            missing: None,
            updated_at: None,
            now,
        }
    }

    /// The one text of this evidence: lists are sets here, so they are sorted and every item stands once.
    pub fn canonical(&self) -> Vec<u8> {
        canonical::to_vec(&self.sorted())
    }

    /// `sha256:<hex>` over the canonical text.
    pub fn digest(&self) -> String {
        canonical::digest(&self.sorted())
    }

    pub(crate) fn sorted(&self) -> Evidence {
        let mut sorted = self.clone();
        if let Some(components) = &mut sorted.components {
            components.sort_unstable();
            components.dedup();
        }
        for licenses in [&mut sorted.licenses, &mut sorted.license_expressions].into_iter().flatten() {
            licenses.sort_unstable();
            licenses.dedup();
        }
        if let Some(bases) = &mut sorted.bases {
            bases.iter_mut().for_each(|names| names.sort_unstable());
            bases.iter_mut().for_each(Vec::dedup);
            bases.sort_unstable();
            bases.dedup();
        }
        sorted
    }
}

impl Counts {
    /// `vulnerability_all`: everything that is not waived.
    pub fn all(&self) -> u64 {
        [self.critical, self.major, self.minor, self.unknown].into_iter().fold(0, u64::saturating_add)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
