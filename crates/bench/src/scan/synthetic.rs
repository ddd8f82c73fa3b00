//! Package versions for a registry that nobody pushed: real names, and versions at the edges of what real advisories say of them.

use std::collections::{BTreeSet, HashMap};

use advisory::{Advisory, Snapshot};
use anyhow::{Result, ensure};
use serde_json::json;

/// Distinct package versions of the registry.
pub const SUBJECTS: usize = 60_000;
/// Images, each with so many components at the least and at the most.
pub const IMAGES: usize = 10_000;
pub const COMPONENTS: std::ops::Range<u64> = 200..300;
/// Records that the older snapshot lacks: what a busy day brings.
pub const NEWEST: usize = 100;
/// Package versions of the registry that the smaller difference may be about.
const FEW: usize = 8;

/// The records without the newest ones.
pub fn older(records: &[Advisory]) -> Vec<Advisory> {
    before(records, |_| true)
}

/// The records without the newest ones of those that say little of the registry: all of these together are about a few of its package
/// versions, as a day's records are where most are about what nobody has.
pub fn older_by_few(records: &[Advisory], subjects: &[String]) -> Result<Vec<Advisory>> {
    let mut versions: HashMap<String, usize> = HashMap::new();
    for subject in subjects {
        let subject: serde_json::Value = serde_json::from_str(subject)?;
        *versions.entry(subject["package"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let mut left = FEW;
    Ok(before(records, |record| {
        let packages: BTreeSet<&str> = record.affected.iter().map(|affected| affected.package.as_str()).collect();
        let about: usize = packages.iter().filter_map(|package| versions.get(*package)).sum();
        let taken = about <= left;
        left -= if taken { about } else { 0 };
        taken
    }))
}

fn before(records: &[Advisory], mut wanted: impl FnMut(&Advisory) -> bool) -> Vec<Advisory> {
    let mut order: Vec<usize> = (0..records.len()).filter(|at| !records[*at].affected.is_empty()).collect();
    order.sort_by_key(|at| (records[*at].modified.or(records[*at].published), *at));
    let newest: BTreeSet<usize> = order.into_iter().rev().filter(|at| wanted(&records[*at])).take(NEWEST).collect();
    let kept = records.iter().enumerate().filter(|(at, _)| !newest.contains(at));
    kept.map(|(_, record)| record.clone()).collect()
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
