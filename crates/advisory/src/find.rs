//! Components matched against a snapshot.
//!
//! ```text
//!   subject ─► package's row ─► entries ─► of this release, or of all of them ─► holds the version? ─► one hit a vulnerability
//!              by two names     few        a release's own word replaces         one comparison of
//!                                          what is said of all                   bytes a bound
//! ```

use std::borrow::Cow;

use version::key;

use crate::{
    Family, Named, Profile, Severity, Snapshot, Status, Subject, Unknown,
    layout::Section,
    read::{EntryRow, RecordRow},
    subject::unjudged,
};

/// A vulnerability of one subject, in sixteen bytes. [`Snapshot::explain`] says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    pub(crate) vulnerability: u32,
    pub(crate) entry: u32,
    pub(crate) held: u32,
    pub severity: Severity,
    pub status: Status,
}

/// What holds a version: a range by its number, or one exact version by its number and this bit, or a statement about all.
pub(crate) const EXACT: u32 = 1 << 31;
pub(crate) const ALL: u32 = u32::MAX;

/// What a snapshot says about many subjects, by their positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// By subject: where its hits begin; one more at the end.
    starts: Vec<u32>,
    hits: Vec<Hit>,
    /// The subjects that could not be judged, or only in part.
    pub unknown: Vec<(u32, Unknown)>,
}

impl Hits {
    /// How many subjects were given.
    pub fn subjects(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The hits of one subject, by vulnerability.
    pub fn of(&self, subject: usize) -> &[Hit] {
        let bounds = self.starts.get(subject).zip(self.starts.get(subject + 1));
        bounds.and_then(|(start, end)| self.hits.get(*start as usize..*end as usize)).unwrap_or_default()
    }

    /// All hits of all subjects.
    pub fn all(&self) -> &[Hit] {
        &self.hits
    }
}

/// Judge each of many subjects, which should be distinct. Nothing is copied from the snapshot. Split the subjects over
/// threads as you like: one does not depend on another.
pub fn find_distinct(subjects: &[Subject<'_>], snapshot: &Snapshot, profile: Profile) -> Hits {
    let mut hits = Hits { starts: Vec::with_capacity(subjects.len() + 1), ..Hits::default() };
    let mut matcher = Matcher { snapshot, profile, said: Vec::new(), candidates: Vec::new() };
    hits.starts.push(0);
    for (position, subject) in (0_u32..).zip(subjects) {
        hits.unknown.extend(unjudged(subject, snapshot).map(|unknown| (position, unknown)));
        matcher.judge(subject, &mut hits.hits);
        hits.starts.push(hits.hits.len() as u32);
    }
    hits
}

struct Matcher<'a> {
    snapshot: &'a Snapshot,
    profile: Profile,
    /// What the entries say of the subject in hand.
    said: Vec<Said>,
    /// Vulnerability, whether it is said of all releases, and the place in `said`, in one number each.
    candidates: Vec<u64>,
}

/// The bit of a candidate that says it is of all releases: it stands behind the release's own.
const GENERAL: u64 = 1 << 31;

/// What one entry says of the subject.
struct Said {
    entry: u32,
    /// None when it does not hold the version.
    held: Option<u32>,
    status: Status,
    /// The lowest says most.
    rank: u8,
    /// What the entry itself, or its record alone, is rated; unknown when neither is.
    first: Severity,
    /// What its record is rated.
    last: Severity,
}

/// The subject as the entries of one of its names are asked.
struct Asked<'a> {
    named: Named,
    only: bool,
    name: Cow<'a, str>,
    vendor: Option<String>,
    version: &'a str,
}

impl Matcher<'_> {
    fn judge(&mut self, subject: &Subject<'_>, hits: &mut Vec<Hit>) {
        let Some(ecosystem) = &subject.ecosystem else { return };
        if subject.version.is_empty() {
            return;
        }
        let family = ecosystem.family();
        let own = self.snapshot.number_of(ecosystem);
        let general = self.snapshot.number_of(&crate::Ecosystem::new(family, None));
        self.said.clear();
        self.candidates.clear();
        for asked in names(subject, family) {
            self.gather(subject, family, (own, general), &asked);
        }
        self.candidates.sort_unstable();
        for group in self.candidates.chunk_by(|left, right| left >> 32 == right >> 32) {
            // What is said of the release itself replaces what is said of all.
            let general = group[0] & GENERAL;
            let said = group.iter().take_while(|candidate| *candidate & GENERAL == general);
            hits.extend(self.verdict((group[0] >> 32) as u32, said));
        }
    }

    /// What the entries of one name say.
    fn gather(
        &mut self,
        subject: &Subject<'_>,
        family: Family,
        (own, general): (Option<u16>, Option<u16>),
        asked: &Asked<'_>,
    ) {
        let tables = &self.snapshot.tables;
        let package = self.snapshot.package(family, &asked.name);
        let Some(row) = package.and_then(|package| tables.row(Section::Packages, package)) else { return };
        let (first, end) = (row.word(4), row.word(4).saturating_add(row.word(8)));
        let key = key(family.scheme(), asked.version);
        for number in first..end.min(tables.rows(Section::Entries)) {
            let Some(entry) = EntryRow::new(tables, number) else { break };
            let exactly = Some(entry.ecosystem()) == own;
            if !exactly && Some(entry.ecosystem()) != general {
                continue;
            }
            let named = entry.named().unwrap_or(Named::of_family(family));
            if named != asked.named && !asked.only || !speaks_of(entry, subject, asked.vendor.as_deref()) {
                continue;
            }
            let held = self.snapshot.held(entry, &key);
            // What does not hold the version still replaces what is said of all releases, where something is.
            if held.is_none() && (general.is_none() || !exactly) {
                continue;
            }
            let Some(record) = RecordRow::new(tables, entry.record()) else { continue };
            let place = self.said.len() as u64 | if exactly { 0 } else { GENERAL };
            let vulnerabilities = record.vulnerabilities().iter();
            self.candidates.extend(vulnerabilities.map(|vulnerability| u64::from(vulnerability) << 32 | place));
            self.said.push(self.said_by(number, entry, record, held, family));
        }
    }

    fn said_by(
        &self,
        number: u32,
        entry: EntryRow<'_>,
        record: RecordRow<'_>,
        held: Option<u32>,
        family: Family,
    ) -> Said {
        let severity = |rating| self.snapshot.severity(rating, self.profile);
        let (own, last) = (severity(entry.rating()), severity(record.best()));
        let alone = family.is_distribution() && !record.is_bulletin();
        let first = if own == Severity::Unknown && alone { last } else { own };
        let status = entry.status();
        let has_fix = held.is_some_and(|held| self.snapshot.has_fix(held));
        // A statement with a fix says most.
        let rank = if has_fix { 0 } else { 1 + rank(status) };
        Said { entry: number, held, status, rank, first, last }
    }

    /// One hit or none of what is said about one vulnerability. Among equal statements the first record's counts.
    fn verdict<'c>(&self, vulnerability: u32, candidates: impl Iterator<Item = &'c u64>) -> Option<Hit> {
        let mut best: Option<&Said> = None;
        for candidate in candidates {
            let said = self.said.get((candidate & (GENERAL - 1)) as usize)?;
            match (said.held, said.status) {
                (None, _) => {}
                (Some(_), Status::NotAffected) => return None,
                (Some(_), _) if best.is_none_or(|best| said.rank < best.rank) => best = Some(said),
                _ => {}
            }
        }
        let Said { entry, held, status, first, last, .. } = *best?;
        let severity = match first {
            Severity::Unknown => match self.snapshot.severity_of(vulnerability, self.profile) {
                Severity::Unknown => last,
                known => known,
            },
            known => known,
        };
        Some(Hit { vulnerability, entry, held: held?, severity, status })
    }
}

/// Among statements without a fix: the more is decided, the more it says.
fn rank(status: Status) -> u8 {
    match status {
        Status::WillNotFix => 0,
        Status::EndOfLife => 1,
        Status::Deferred => 2,
        Status::Affected => 3,
        Status::UnderInvestigation => 4,
        Status::NotAffected => 5,
    }
}

/// The names that a subject is looked up by. Each is asked for the entries that use this kind of name; a subject that has one
/// name only is asked for both kinds.
fn names<'a>(subject: &'a Subject<'_>, family: Family) -> Vec<Asked<'a>> {
    let asked = |named, only, name: &'a str, version: &'a str| {
        let name = family.spelling(name);
        Asked { named, only, name, vendor: None, version }
    };
    match subject.binary.filter(|_| family.is_distribution()) {
        Some(binary) => vec![
            asked(Named::Source, false, subject.package, subject.version),
            asked(Named::Binary, false, binary.name, binary.version),
        ],
        None if family == Family::Upstream => {
            let (vendor, product) = match subject.package.split_once('/') {
                Some((vendor, product)) => (Some(vendor.to_ascii_lowercase()), product),
                None => (None, subject.package),
            };
            vec![Asked { vendor, ..asked(Named::Source, true, product, subject.version) }]
        }
        None => vec![asked(Named::Source, true, subject.package, subject.version)],
    }
}

/// False for another module stream, architecture or vendor than the subject's.
fn speaks_of(entry: EntryRow<'_>, subject: &Subject<'_>, vendor: Option<&str>) -> bool {
    let [module, architecture, _, of_vendor] = entry.qualifier();
    let same_module = module.is_empty() || subject.module == Some(module);
    let same_architecture = architecture.is_empty() || subject.architecture.is_none_or(|own| own == architecture);
    let same_vendor = of_vendor.is_empty() || vendor.is_none_or(|own| own == of_vendor);
    same_module && same_architecture && same_vendor
}
