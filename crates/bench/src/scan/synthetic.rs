//! Package versions for a registry that nobody pushed: real names, and versions at the edges of what real advisories say of them.

use std::collections::{BTreeSet, HashMap};

use advisory::{About, Advisory, Binary, Ecosystem, Profile, Snapshot, Subject, find_with};
use anyhow::{Result, ensure};
use serde_json::json;

/// Distinct package versions of the registry.
pub const SUBJECTS: usize = 60_000;
/// Images, each with so many components at the least and at the most.
pub const IMAGES: usize = 10_000;
pub const COMPONENTS: std::ops::Range<u64> = 200..300;
/// Records that the older snapshot lacks: what a busy day brings.
pub const NEWEST: usize = 100;
/// Package versions of the registry that the smaller difference affects; each is in some forty images.
const FEW: usize = 3;

/// The records without the newest ones.
pub fn older(records: &[Advisory]) -> Result<Vec<Advisory>> {
    before(records, |_| Ok(true))
}

/// The records without the newest ones of those that say little of the registry: all of these together affect a few of its package
/// versions, as a day's records do where most are about what nobody has.
pub fn older_by_few(records: &[Advisory], subjects: &[String]) -> Result<Vec<Advisory>> {
    let read: Vec<Version> = subjects.iter().map(|json| Version::of(json)).collect::<Result<_>>()?;
    let mut versions: HashMap<&str, Vec<&Version>> = HashMap::new();
    for version in &read {
        versions.entry(&version.package).or_default().push(version);
    }
    let mut left = FEW;
    before(records, |record| {
        let affected = affected(record, &versions)?;
        let taken = affected <= left;
        left -= if taken { affected } else { 0 };
        Ok(taken)
    })
}

/// A subject as it is stored.
struct Version {
    ecosystem: Ecosystem,
    package: String,
    version: String,
    binary: Option<(String, String)>,
}

impl Version {
    fn of(json: &str) -> Result<Version> {
        let stored: serde_json::Value = serde_json::from_str(json)?;
        let text = |key: &str| stored[key].as_str().unwrap_or_default().to_owned();
        Ok(Version {
            ecosystem: serde_json::from_value(stored["ecosystem"].clone())?,
            package: text("package"),
            version: text("version"),
            binary: serde_json::from_value(stored["binary"].clone())?,
        })
    }

    fn as_subject(&self) -> Subject<'_> {
        let mut subject = Subject::new(Some(self.ecosystem.clone()), &self.package, &self.version);
        subject.binary = self.binary.as_ref().map(|(name, version)| Binary { name, version });
        subject
    }
}

/// How many of these versions a record is about.
fn affected(record: &Advisory, versions: &HashMap<&str, Vec<&Version>>) -> Result<usize> {
    let packages: BTreeSet<&str> = record.affected.iter().map(|affected| affected.package.as_str()).collect();
    let spoken_of = packages.iter().filter_map(|package| versions.get(package)).flatten();
    let subjects: Vec<Subject<'_>> = spoken_of.map(|version| version.as_subject()).collect();
    let alone = Snapshot::new(About::default(), vec![record.clone()])?;
    let found = find_with(&subjects, &alone, Profile::default()).findings;
    Ok(found.iter().map(|finding| finding.subject).collect::<BTreeSet<_>>().len())
}

fn before(records: &[Advisory], mut wanted: impl FnMut(&Advisory) -> Result<bool>) -> Result<Vec<Advisory>> {
    let mut order: Vec<usize> = (0..records.len()).filter(|at| !records[*at].affected.is_empty()).collect();
    order.sort_by_key(|at| (records[*at].modified.or(records[*at].published), *at));
    let mut newest = BTreeSet::new();
    for at in order.into_iter().rev() {
        if newest.len() < NEWEST && wanted(&records[at])? {
            newest.insert(at);
        }
    }
    let kept = records.iter().enumerate().filter(|(at, _)| !newest.contains(at));
    Ok(kept.map(|(_, record)| record.clone()).collect())
}

/// Subjects as the scanner stores them, evenly taken out of all there are.
pub fn subjects(snapshot: &Snapshot) -> Result<Vec<String>> {
    let mut all = BTreeSet::new();
    for record in snapshot.records()? {
        for affected in &record.affected {
            let family = affected.ecosystem.family();
            if family.has_releases() && affected.ecosystem.release().is_none() {
                continue;
            }
            let ends = affected.ranges.iter().flat_map(|range| [&range.fixed, &range.introduced, &range.last_affected]);
            for version in ends.flatten().chain(&affected.exact).filter(|version| *version != "0") {
                let mut subject =
                    json!({"ecosystem": affected.ecosystem, "package": affected.package, "version": version});
                if family.is_rpm() {
                    subject["binary"] = json!([affected.package, version]);
                }
                all.insert(subject.to_string());
            }
        }
    }
    ensure!(all.len() >= SUBJECTS, "the advisories name {} package versions, fewer than {SUBJECTS}", all.len());
    let total = all.len();
    let taken = all.into_iter().enumerate().filter(|(at, _)| at * SUBJECTS / total != (at + 1) * SUBJECTS / total);
    Ok(taken.map(|(_, subject)| subject).collect())
}

/// The components of every image, by numbers of subjects; the same ones each time.
pub fn images() -> impl Iterator<Item = BTreeSet<u64>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..IMAGES).map(move |_| {
        let count = COMPONENTS.start + random.next() % (COMPONENTS.end - COMPONENTS.start);
        let mut numbers = BTreeSet::new();
        while (numbers.len() as u64) < count {
            numbers.insert(random.next() % SUBJECTS as u64);
        }
        numbers
    })
}

/// Xorshift (Marsaglia 2003): the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
