//! One finding: a component that an advisory speaks of, how bad that is, and what was decided about it.

use std::{collections::BTreeMap, fmt, str::FromStr};

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Probability, Score};

/// Fields stand in the order by which findings are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The CVE where there is exactly one, else the advisory's own id.
    pub id: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Name of the component.
    pub component: String,
    #[serde(default)]
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purl: String,
    /// The layer whose bytes show the component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    pub severity: Severity,
    /// Each source's own word.
    #[serde(default)]
    pub severities: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cvss: Vec<Cvss>,
    /// The first version without it; None when no such version is known.
    #[serde(default)]
    pub fixed_in: Option<String>,
    pub status: Status,
    /// A sentence: which versions are affected and which one this is.
    #[serde(default)]
    pub reason: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The feed whose record decided.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Affected versions, as a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub range: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Weaknesses, as the numbers of CWE.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kev: Option<Kev>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waiver>,
    /// The statement of somebody else that gave it its status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Not said. Unknown is not harmless.
    #[default]
    Unknown,
    Minor,
    Major,
    Critical,
}

/// How it stands with the component: the words of OpenVEX, and one of distributions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Affected,
    /// Affected, and the publisher will not mend it.
    WillNotFix,
    UnderInvestigation,
    NotAffected,
    Fixed,
}

/// Why a product is not affected (OpenVEX 0.2.0, "Status Justifications").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Justification {
    ComponentNotPresent,
    VulnerableCodeNotPresent,
    VulnerableCodeNotInExecutePath,
    VulnerableCodeCannotBeControlledByAdversary,
    InlineMitigationsAlreadyExist,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cvss {
    /// Who gave it: `nvd`.
    pub source: String,
    pub vector: String,
    pub score: Score,
}

/// Known to be exploited (CISA's catalogue).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kev {
    /// A day, `2021-12-10`.
    pub date_added: String,
    #[serde(default)]
    pub ransomware: bool,
}

/// How likely it is to be exploited in the next thirty days (FIRST).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Epss {
    pub probability: Probability,
    pub percentile: Probability,
    /// A day.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub date: String,
}

/// An accepted finding.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiver {
    /// Why, in a person's words.
    pub reason: String,
    /// Given where the person says that the product is not affected, and not only that the risk is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<Justification>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// No longer in force from here on; None is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// What somebody else stated about this vulnerability in this product.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stated {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<Justification>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub impact: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub document: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
}

impl Finding {
    /// False when a waiver in force or a statement closes it. The time is the report's.
    pub fn is_open(&self, at: Timestamp) -> bool {
        !matches!(self.status, Status::NotAffected | Status::Fixed) && self.waiver_at(at).is_none()
    }

    /// The waiver, if it is in force.
    pub fn waiver_at(&self, at: Timestamp) -> Option<&Waiver> {
        self.waiver.as_ref().filter(|waiver| waiver.expires.is_none_or(|end| at < end))
    }

    /// The highest score of all sources.
    pub(crate) fn highest_score(&self) -> Option<Score> {
        self.cvss.iter().map(|cvss| cvss.score).max()
    }

    pub(crate) fn sort(&mut self) {
        self.aliases.sort();
        self.aliases.dedup();
        self.cvss.sort();
        self.cvss.dedup();
        self.urls.sort();
        self.urls.dedup();
        self.cwes.sort_unstable();
        self.cwes.dedup();
    }
}

impl Stated {
    /// `The vendor in https://vendor.example/vex statements[0]`: whose word it is, and where it stands. Empty where the document says neither.
    pub(crate) fn source(&self) -> String {
        match (self.author.as_str(), self.document.as_str()) {
            (author, "") => author.to_owned(),
            ("", document) => document.to_owned(),
            (author, document) => format!("{author} in {document}"),
        }
    }
}

impl Cvss {
    /// The first two numbers of the vector's own version; version 2 writes none.
    pub(crate) fn version(&self) -> CvssVersion {
        match self.vector.split('/').next() {
            Some("CVSS:4.0") => CvssVersion::V4,
            Some("CVSS:3.1") => CvssVersion::V31,
            Some("CVSS:3.0") => CvssVersion::V30,
            Some(first) if first.starts_with("AV:") => CvssVersion::V2,
            _ => CvssVersion::Unknown,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CvssVersion {
    V2,
    V30,
    V31,
    V4,
    Unknown,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Major => "major",
            Severity::Minor => "minor",
            Severity::Unknown => "unknown",
        }
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(word: &str) -> Result<Severity, String> {
        let all = [Severity::Critical, Severity::Major, Severity::Minor, Severity::Unknown];
        all.into_iter().find(|severity| severity.as_str() == word).ok_or_else(|| format!("{word:?} is no severity"))
    }
}

impl Status {
    pub const ALL: [Status; 5] =
        [Status::Affected, Status::WillNotFix, Status::UnderInvestigation, Status::NotAffected, Status::Fixed];

    pub fn as_str(self) -> &'static str {
        match self {
            Status::Affected => "affected",
            Status::WillNotFix => "will_not_fix",
            Status::UnderInvestigation => "under_investigation",
            Status::NotAffected => "not_affected",
            Status::Fixed => "fixed",
        }
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(word: &str) -> Result<Status, String> {
        Status::ALL.into_iter().find(|status| status.as_str() == word).ok_or_else(|| format!("{word:?} is no status"))
    }
}

impl Justification {
    pub const ALL: [Justification; 5] = [
        Justification::ComponentNotPresent,
        Justification::VulnerableCodeNotPresent,
        Justification::VulnerableCodeNotInExecutePath,
        Justification::VulnerableCodeCannotBeControlledByAdversary,
        Justification::InlineMitigationsAlreadyExist,
    ];

    /// The word of OpenVEX, which is also CSAF's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Justification::ComponentNotPresent => "component_not_present",
            Justification::VulnerableCodeNotPresent => "vulnerable_code_not_present",
            Justification::VulnerableCodeNotInExecutePath => "vulnerable_code_not_in_execute_path",
            Justification::VulnerableCodeCannotBeControlledByAdversary => {
                "vulnerable_code_cannot_be_controlled_by_adversary"
            }
            Justification::InlineMitigationsAlreadyExist => "inline_mitigations_already_exist",
        }
    }
}

impl FromStr for Justification {
    type Err = String;

    fn from_str(word: &str) -> Result<Justification, String> {
        let found = Justification::ALL.into_iter().find(|justification| justification.as_str() == word);
        found.ok_or_else(|| format!("{word:?} is no justification"))
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Justification {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
