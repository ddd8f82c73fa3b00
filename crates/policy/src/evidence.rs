//! What is known about an image at the moment of a decision.

use std::collections::BTreeMap;

use base::{Timestamp, limits};
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
    /// Findings that somebody accepted, by severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waived>,
    /// Findings for which a version is known in which they are mended. Waived ones count neither here nor in the two behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixable: Option<u64>,
    /// Findings known to be exploited; None when no such list was among the advisories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploited: Option<u64>,
    /// None when no such scores were among the advisories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    /// For each image behind the tag, what its configuration says; None when one cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configurations: Option<Vec<Configuration>>,
    /// Who signed this tag with this digest; none for a tag that is not signed, or is signed with another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signatures: Option<Vec<Signature>>,
    /// The account that pushed the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_by: Option<String>,
    /// None when no job pushed the image: then nobody knows what built it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
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

/// Findings that somebody accepted, by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waived {
    pub critical: u64,
    pub major: u64,
    pub minor: u64,
    /// Those whose severity nobody has said.
    pub unknown: u64,
}

/// The chance of each finding to be exploited within 30 days, as FIRST estimates it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epss {
    /// The highest, in thousandths of a percent; 0 without any finding.
    pub highest: u64,
    /// Findings without a score, which may have any.
    pub unscored: u64,
}

/// What the configuration of one image says.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Configuration {
    /// None when nothing, or no point in time, stands there; also for a placeholder of builds that come out the same each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// One statement of somebody that this tag is this digest, whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// How it was made: `content-trust`. Rules of today look at that kind only.
    pub kind: String,
    /// As whom: the role `targets/gitlab`.
    pub role: String,
    /// The accounts that the keys belong to; none when nobody here has said so of his key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
}

/// The pipeline whose job pushed the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// `namespace/project`
    pub project: String,
    /// The branch or tag, whole, as two may have one name: `refs/heads/main`.
    #[serde(rename = "ref")]
    pub reference: String,
}

impl Signature {
    /// The kind of what Notary clients and `docker trust` make.
    pub const CONTENT_TRUST: &str = "content-trust";

    pub(crate) fn is_content_trust(&self) -> bool {
        self.kind == Signature::CONTENT_TRUST
    }
}

impl Configuration {
    /// The time of a configuration, unless it stands for none: builds that shall come out the same each time write the beginning of
    /// some epoch (1970, 1980, the year 1), when there were no images.
    pub fn told(created: Option<Timestamp>) -> Option<Timestamp> {
        created.filter(|at| at.as_second() >= limits::POLICY_CREATED_FROM)
    }
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
            waived: None,
            fixable: None,
            exploited: None,
            epss: None,
            configurations: None,
            signatures: None,
            pushed_by: None,
            provenance: None,
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
        if let Some(configurations) = &mut sorted.configurations {
            configurations.sort_unstable();
            configurations.dedup();
        }
        if let Some(signatures) = &mut sorted.signatures {
            signatures.iter_mut().for_each(|signature| signature.accounts.sort_unstable());
            signatures.iter_mut().for_each(|signature| signature.accounts.dedup());
            signatures.sort_unstable();
            signatures.dedup();
        }
        sorted
    }
}

impl Waived {
    /// All of them.
    pub fn all(&self) -> u64 {
        [self.critical, self.major, self.minor, self.unknown].into_iter().fold(0, u64::saturating_add)
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
