//! What differs between two reports, and why: pure.
//!
//! ```text
//!   before ─┐ components paired: the same, another version, gone, come       ┌─ appeared ┐
//!           ├ findings paired: same component and vulnerability, or the one  ├─ vanished ├ each with exactly one cause
//!   after  ─┘ that another version of the component still has                └─ changed  ┘
//! ```
//!
//! A finding follows from a component, what a snapshot says, how severities are told, the program, and what people decided about
//! it. The cause is the first of these that differs and suffices; what cannot be told apart from the reports alone is told by the
//! snapshots, where they are at hand.

mod cause;
mod pair;
mod text;

use advisory::Snapshot;
use base::Timestamp;
use bom::{Finding, Gap, Report, Severity};
use inventory::ImageInventory;
use serde::{Deserialize, Serialize};

pub use cause::Cause;

use crate::compare::{cause::Causes, pair::Pairs};

/// One of the two things compared.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    pub report: &'a Report,
    /// What it was judged with and from, where that is at hand.
    pub judged: Option<(&'a Snapshot, &'a ImageInventory)>,
}

/// What leads from one report to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    pub before: Compared,
    pub after: Compared,
    /// Components that came, went, or are there in another version.
    #[serde(default)]
    pub components: Vec<ComponentChange>,
    /// By change and severity; added to what was found before they give what is found after.
    #[serde(default)]
    pub findings: Vec<FindingChange>,
    /// Findings in which nothing differs.
    pub unchanged: u64,
    /// What only the later report could not look at.
    #[serde(default)]
    pub new_gaps: Vec<Gap>,
}

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    pub scanner: bom::Scanner,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<bom::Snapshot>,
    pub created: Timestamp,
    pub components: u64,
    pub findings: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Appeared,
    Changed,
    Vanished,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentChange {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// None for one that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// None for one that went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A finding that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingChange {
    pub change: Change,
    pub cause: Cause,
    /// The cause in a sentence.
    pub reason: String,
    /// Which members differ, where both are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Finding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Finding>,
}

/// Members that say what somebody has to do; the others are details of a record.
const WEIGHTY: [&str; 7] = ["id", "version", "severity", "status", "fixedIn", "waiver", "kev"];

/// Compare two reports. The same reports and snapshots give the same comparison.
pub fn compare(before: Side<'_>, after: Side<'_>) -> Comparison {
    let (old, new) = (before.report.clone().sorted(), after.report.clone().sorted());
    let pairs = Pairs::of(&old, &new);
    let causes = Causes::new((&old, before.judged), (&new, after.judged), &pairs);
    let mut findings = Vec::new();
    let mut unchanged = 0;
    for (left, right) in pairs.findings() {
        if left == right {
            unchanged += 1;
            continue;
        }
        let fields = left.zip(right).map(|(left, right)| differing(left, right)).unwrap_or_default();
        let (cause, reason) = causes.of(left, right);
        let change = match (left, right) {
            (None, _) => Change::Appeared,
            (Some(_), None) => Change::Vanished,
            _ => Change::Changed,
        };
        findings.push(FindingChange { change, cause, reason, fields, before: left.cloned(), after: right.cloned() });
    }
    findings.sort_by(|left, right| left.place().cmp(&right.place()));
    Comparison {
        before: Compared::of(&old),
        after: Compared::of(&new),
        components: pairs.component_changes(),
        findings,
        unchanged,
        new_gaps: new.gaps.iter().filter(|gap| !old.gaps.contains(gap)).cloned().collect(),
    }
}

/// The JSON names of the members that differ.
fn differing(before: &Finding, after: &Finding) -> Vec<String> {
    let (before, after) = (members(before), members(after));
    let names = before.keys().chain(after.keys()).collect::<std::collections::BTreeSet<_>>();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

fn members(finding: &Finding) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(finding) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    }
}

impl Comparison {
    /// How many findings are open now, as severe as this or of unknown severity, and were not before: absent, closed, or less severe.
    pub fn reaching(&self, least: Severity) -> usize {
        let reaches = |finding: &Finding, at| {
            finding.is_open(at) && (finding.severity == Severity::Unknown || finding.severity >= least)
        };
        let (earlier, later) = (self.before.created, self.after.created);
        let now = |one: &&FindingChange| one.after.as_ref().is_some_and(|finding| reaches(finding, later));
        let was = |one: &&FindingChange| one.before.as_ref().is_some_and(|finding| reaches(finding, earlier));
        self.findings.iter().filter(|one| now(one) && !was(one)).count()
    }

    /// As JSON; equal comparisons give equal bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("texts, numbers and lists always serialise");
        bytes.push(b'\n');
        bytes
    }

    /// As lines of at most `width` columns for a terminal. Findings of which only details of a record differ are counted, unless `all` are
    /// asked for.
    pub fn to_table(&self, width: usize, all: bool) -> String {
        text::table(self, width, all)
    }
}

impl FindingChange {
    /// False when it is about details only: references, chances, words of sources that do not count.
    pub fn is_weighty(&self) -> bool {
        self.change != Change::Changed || self.fields.iter().any(|field| WEIGHTY.contains(&field.as_str()))
    }

    /// The finding as it is, or as it was.
    pub fn finding(&self) -> Option<&Finding> {
        self.after.as_ref().or(self.before.as_ref())
    }

    fn place(&self) -> (Change, bool, std::cmp::Reverse<u8>, Option<&Finding>, Option<&Finding>) {
        let rank = self.finding().map_or(0, |finding| match finding.severity {
            Severity::Minor => 1,
            Severity::Major => 2,
            Severity::Critical => 3,
            Severity::Unknown => 4,
        });
        (self.change, !self.is_weighty(), std::cmp::Reverse(rank), self.finding(), self.before.as_ref())
    }
}

impl Compared {
    fn of(report: &Report) -> Compared {
        Compared {
            name: report.image.name.clone(),
            digest: report.image.digest.clone(),
            scanner: report.scanner.clone(),
            snapshot: report.snapshot.clone(),
            created: report.created,
            components: report.components.len() as u64,
            findings: report.findings.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests;
