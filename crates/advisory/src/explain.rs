//! Findings: hits in words, with everything that was known when they were made.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Epss, Kev, Profile, Range, Rating, Severity, Snapshot, Status, Subject, Unknown,
    find::{ALL, EXACT, Hit, find_distinct},
    layout::Section,
    read::{EntryRow, RecordRow},
};

/// A subject that an advisory is about, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// The vulnerability: its CVE where it has one. One subject has an id once.
    pub advisory: String,
    /// Every other id of it, and the ids of bulletins about it, sorted.
    pub aliases: Vec<String>,
    /// Of the rating that counts.
    pub cvss_tenths: Option<u8>,
    /// As the scores were when this was found; [`Snapshot::epss`] has today's.
    pub epss: Option<Epss>,
    /// None when no fixed version is known.
    pub fixed_version: Option<String>,
    pub kev: Option<Kev>,
    /// What people call it: `Heartbleed`.
    pub name: Option<String>,
    /// When the vulnerability was first published by any source.
    pub published: Option<Timestamp>,
    /// The versions that the record says are affected.
    pub range: Range,
    /// A sentence: which versions are affected and which one this is.
    pub reason: String,
    /// The record that matched, which may be a bulletin: `DSA-5000-1`.
    pub record: String,
    pub references: Vec<String>,
    pub severity: Severity,
    /// What every source says, sorted.
    pub severities: Vec<Rating>,
    /// The database of the record that matched.
    pub source: String,
    /// The words of the rating that counts.
    pub source_severity: Option<String>,
    /// What the publisher says of it.
    pub status: Status,
    /// Position among the subjects given.
    pub subject: usize,
    pub summary: Option<String>,
}

/// What a snapshot says about the subjects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matches {
    /// By subject, then by id.
    pub findings: Vec<Finding>,
    /// How many subjects could not be judged, or only in part, by reason.
    pub unknown: Vec<(Unknown, u64)>,
}

/// Judge each subject and say everything about what is found. The same input gives the same output.
pub fn find(subjects: &[Subject<'_>], snapshot: &Snapshot) -> Matches {
    find_with(subjects, snapshot, Profile::default())
}

/// The same with severities of another profile.
pub fn find_with(subjects: &[Subject<'_>], snapshot: &Snapshot, profile: Profile) -> Matches {
    let hits = find_distinct(subjects, snapshot, profile);
    let mut unknown: BTreeMap<Unknown, u64> = BTreeMap::new();
    for (_, reason) in &hits.unknown {
        *unknown.entry(reason.clone()).or_default() += 1;
    }
    let findings = subjects.iter().enumerate().flat_map(|(at, subject)| {
        hits.of(at).iter().map(move |hit| Finding { subject: at, ..snapshot.explain(subject, hit, profile) })
    });
    Matches { findings: findings.collect(), unknown: unknown.into_iter().collect() }
}

impl Snapshot {
    /// A hit of this subject and profile in words. The hit must be of this snapshot.
    pub fn explain(&self, subject: &Subject<'_>, hit: &Hit, profile: Profile) -> Finding {
        let tables = &self.tables;
        let vulnerability = tables.row(Section::Vulnerabilities, hit.vulnerability);
        let mut finding = Finding { severity: hit.severity, status: hit.status, ..Finding::default() };
        let Some((row, entry)) = vulnerability.zip(EntryRow::new(tables, hit.entry)) else { return finding };
        finding.advisory = tables.text(row.word(0)).to_owned();
        finding.epss = self.epss_of(row);
        self.gather(&mut finding, tables.list(row.word(4)));
        finding.range = self.range_held(hit.held);
        finding.fixed_version = finding.range.fixed.clone();
        if let Some(record) = RecordRow::new(tables, entry.record()) {
            finding.record = record.id().to_owned();
            finding.source = record.source().to_owned();
            finding.severities.extend(record.ratings().iter().filter_map(|number| tables.rating(number)));
        }
        let family = subject.ecosystem.as_ref().map(crate::Ecosystem::family);
        let number =
            family.map_or(0, |family| self.rating_that_counts(hit.entry, hit.vulnerability, family, profile).1);
        if let Some(rating) = number.checked_sub(1).and_then(|number| tables.rating(number)) {
            finding.cvss_tenths = rating.score_tenths;
            finding.source_severity = Some(rating.said()).filter(|said| !said.is_empty());
        }
        finding.severities.extend(entry.rating().checked_sub(1).and_then(|number| tables.rating(number)));
        finding.severities.sort();
        finding.severities.dedup();
        finding.reason = self.sentence(subject, &finding, entry);
        finding
    }

    /// What all records of the vulnerability say.
    fn gather(&self, finding: &mut Finding, records: crate::layout::List<'_>) {
        let tables = &self.tables;
        let mut ids = BTreeSet::new();
        let mut references: Vec<&str> = Vec::new();
        for record in records.iter().filter_map(|number| RecordRow::new(tables, number)) {
            ids.insert(record.id());
            if record.is_bulletin() {
                continue;
            }
            ids.extend(record.aliases().iter().map(|place| tables.text(place)));
            finding.severities.extend(record.ratings().iter().filter_map(|number| tables.rating(number)));
            finding.kev = finding.kev.take().or_else(|| record.kev());
            finding.published = match (finding.published, record.published()) {
                (Some(left), Some(right)) => Some(left.min(right)),
                (left, right) => left.or(right),
            };
            let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            finding.name = finding.name.take().or_else(|| said(record.name()));
            finding.summary = finding.summary.take().or_else(|| said(record.summary()));
            references.extend(record.references().iter().map(|place| tables.text(place)));
        }
        ids.remove(finding.advisory.as_str());
        finding.aliases = ids.into_iter().filter(|id| !id.is_empty()).map(str::to_owned).collect();
        references.sort_unstable();
        references.dedup();
        finding.references = references.into_iter().map(str::to_owned).collect();
    }

    fn range_held(&self, held: u32) -> Range {
        if held == ALL {
            Range::default()
        } else if held & EXACT != 0 {
            let row = self.tables.row(Section::Versions, held & !EXACT);
            let version = row.map(|row| self.tables.text(row.word(0)).to_owned());
            Range { introduced: version.clone(), last_affected: version, fixed: None }
        } else {
            self.tables.range(held)
        }
    }

    fn sentence(&self, subject: &Subject<'_>, finding: &Finding, entry: EntryRow<'_>) -> String {
        let ecosystem = subject.ecosystem.as_ref().map(ToString::to_string).unwrap_or_default();
        let known_as = finding.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let (package, version) = (subject.package, subject.version);
        let what = match subject.binary.filter(|binary| binary.name != package) {
            Some(binary) => format!("{} {} (of source {package}) of {ecosystem}", binary.name, binary.version),
            None => format!("{package} {version} of {ecosystem}"),
        };
        let range = if finding.range.introduced.is_some() && finding.range.introduced == finding.range.last_affected {
            format!("exactly {}", finding.range.introduced.as_deref().unwrap_or_default())
        } else {
            finding.range.to_string()
        };
        let mut sentence = format!("{what} is affected by {}{known_as}, which touches {range}", finding.advisory);
        match finding.status {
            Status::Affected | Status::NotAffected => {}
            Status::Deferred => sentence.push_str("; the publisher mends it later"),
            Status::EndOfLife => sentence.push_str("; the release gets no fixes any more"),
            Status::UnderInvestigation => sentence.push_str("; the publisher has not decided yet whether it is"),
            Status::WillNotFix => sentence.push_str("; the publisher will not fix it"),
        }
        match entry.qualifier()[2] {
            "" => {}
            channel => sentence.push_str(&format!("; the fix comes by {channel} only")),
        }
        sentence
    }
}
