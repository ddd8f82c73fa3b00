//! Components matched against a snapshot.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{Advisory, Affected, Ecosystem, Range, Severity, Snapshot};

/// One thing to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// None for a package of a distribution that no advisories are known for.
    pub ecosystem: Option<Ecosystem>,
    /// For a distribution, the source package.
    pub package: &'a str,
    /// For a distribution, the version of the source package.
    pub version: &'a str,
}

/// A subject that an advisory is about, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The CVE where the record has exactly one, else the record's own id. One subject has an id once.
    pub advisory: String,
    /// Every other id of it, sorted.
    pub aliases: Vec<String>,
    pub cvss_tenths: Option<u8>,
    /// None when no fixed version is known.
    pub fixed_version: Option<String>,
    /// A sentence: which versions are affected and which one this is.
    pub reason: String,
    pub severity: Severity,
    pub source_severity: Option<String>,
    /// Position among the subjects given.
    pub subject: usize,
}

/// Why subjects could not be judged. An image with any of these is not clean.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Unknown {
    /// A distribution that no advisories are known for.
    Distribution,
    /// A distribution whose release the image does not name.
    NoRelease { ecosystem: Ecosystem },
    /// An ecosystem that the snapshot says nothing about.
    NotCovered { ecosystem: Ecosystem },
    /// A component without a version.
    NoVersion,
}

/// What a snapshot says about the subjects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matches {
    /// By subject, then by id.
    pub findings: Vec<Finding>,
    /// How many subjects could not be judged, or only in part, by reason.
    pub unknown: Vec<(Unknown, u64)>,
}

/// Judge each subject. The same input gives the same output.
pub fn find(subjects: &[Subject<'_>], snapshot: &Snapshot) -> Matches {
    let mut unknown: BTreeMap<Unknown, u64> = BTreeMap::new();
    let mut findings = Vec::new();
    for (position, subject) in subjects.iter().enumerate() {
        if let Some(reason) = unjudged(subject, snapshot) {
            *unknown.entry(reason).or_default() += 1;
        }
        if let Some(ecosystem) = subject.ecosystem.as_ref().filter(|_| !subject.version.is_empty()) {
            findings.extend(distinct(findings_of(position, subject, ecosystem, snapshot)));
        }
    }
    Matches { findings, unknown: unknown.into_iter().collect() }
}

fn unjudged(subject: &Subject<'_>, snapshot: &Snapshot) -> Option<Unknown> {
    let Some(ecosystem) = &subject.ecosystem else { return Some(Unknown::Distribution) };
    if subject.version.is_empty() {
        Some(Unknown::NoVersion)
    } else if ecosystem.family().has_releases() && ecosystem.release().is_none() {
        Some(Unknown::NoRelease { ecosystem: ecosystem.clone() })
    } else if !snapshot.covers(ecosystem) {
        Some(Unknown::NotCovered { ecosystem: ecosystem.clone() })
    } else {
        None
    }
}

fn findings_of(position: usize, subject: &Subject<'_>, ecosystem: &Ecosystem, snapshot: &Snapshot) -> Vec<Finding> {
    // By advisory: what it says of this release, or else of all releases.
    let mut said: BTreeMap<&str, (&Advisory, Vec<&Affected>)> = BTreeMap::new();
    for (advisory, affected) in snapshot.entries(ecosystem.family(), subject.package) {
        let exactly = affected.ecosystem == *ecosystem;
        if !exactly && affected.ecosystem.release().is_some() {
            continue;
        }
        let (_, entries) = said.entry(&advisory.id).or_insert_with(|| (advisory, Vec::new()));
        if exactly {
            entries.retain(|entry| entry.ecosystem == *ecosystem);
        }
        if entries.iter().all(|entry| entry.ecosystem == affected.ecosystem) {
            entries.push(affected);
        }
    }
    said.into_values()
        .filter_map(|(advisory, entries)| {
            let range = entries.iter().find_map(|entry| entry.holding(subject.version))?;
            Some(finding(position, subject, ecosystem, advisory, range))
        })
        .collect()
}

fn finding(
    position: usize,
    subject: &Subject<'_>,
    ecosystem: &Ecosystem,
    advisory: &Advisory,
    range: Range,
) -> Finding {
    let cves = advisory.cves();
    let id = if let [cve] = cves[..] { cve.to_owned() } else { advisory.id.clone() };
    let mut aliases: Vec<String> = advisory.aliases.iter().chain([&advisory.id]).cloned().collect();
    aliases.sort();
    aliases.dedup();
    aliases.retain(|alias| *alias != id);
    let name = advisory.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let reason = format!(
        "{} {} of {ecosystem} is affected by {id}{name}, which touches {range}",
        subject.package, subject.version
    );
    let rating = crate::rating::first(&advisory.ratings);
    Finding {
        advisory: id,
        aliases,
        cvss_tenths: rating.and_then(|rating| rating.score_tenths),
        fixed_version: range.fixed,
        reason,
        severity: rating.map(|rating| rating.severity(Default::default())).unwrap_or_default(),
        source_severity: rating.map(crate::Rating::said),
        subject: position,
    }
}

/// Each vulnerability once: records of one CVE become one finding, and a record of several CVEs adds nothing when each
/// of them is found by itself.
fn distinct(findings: Vec<Finding>) -> Vec<Finding> {
    let mut by_id: BTreeMap<String, Finding> = BTreeMap::new();
    for finding in findings {
        match by_id.get_mut(&finding.advisory) {
            Some(first) => {
                first.aliases.extend(finding.aliases);
                first.aliases.sort();
                first.aliases.dedup();
                first.severity = first.severity.max(finding.severity);
                first.cvss_tenths = first.cvss_tenths.max(finding.cvss_tenths);
                first.fixed_version = first.fixed_version.take().or(finding.fixed_version);
            }
            None => {
                by_id.insert(finding.advisory.clone(), finding);
            }
        }
    }
    let repeated = |finding: &Finding| {
        let mut cves = finding.aliases.iter().filter(|alias| alias.starts_with("CVE-")).peekable();
        !finding.advisory.starts_with("CVE-") && cves.peek().is_some() && cves.all(|cve| by_id.contains_key(cve))
    };
    let repeated: Vec<String> =
        by_id.values().filter(|finding| repeated(finding)).map(|f| f.advisory.clone()).collect();
    by_id.into_values().filter(|finding| !repeated.contains(&finding.advisory)).collect()
}

impl fmt::Display for Unknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unknown::Distribution => out.write_str("no advisories are known for the image's distribution"),
            Unknown::NoRelease { ecosystem } => {
                write!(out, "the image does not say which release of {ecosystem} it is")
            }
            Unknown::NotCovered { ecosystem } => write!(out, "the advisory snapshot has no records of {ecosystem}"),
            Unknown::NoVersion => out.write_str("the version of a component is not known"),
        }
    }
}
