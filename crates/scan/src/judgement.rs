//! What a snapshot says of subjects, and of an image as the sum of its subjects.
//!
//! A judgement is small and can be added: an image's totals are the sum over its subjects, and when a snapshot changes what is said of
//! some of them, the difference is added to the totals of the images that have them. No list of findings is compared for that: each
//! finding has a number drawn from what it says, and a set of findings has the sum of theirs.

use std::collections::{BTreeMap, HashMap};

use advisory::{Profile, Snapshot, Subject, Unknown, find_distinct};
use policy::Counts;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::shares::in_shares;

/// Subjects that one thread judges at a time; fewer are not worth a thread.
const SHARE: usize = 2_000;

/// What a snapshot says of one subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) counts: Counts,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) unknown: Option<Unknown>,
}

/// A number for a set of findings, each counted as often as it stands in it: the sum of 128 bits of each one's SHA-256.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint(u128);

/// What a snapshot says of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) counts: Counts,
    pub(crate) fingerprint: Fingerprint,
    /// How many components could not be judged, by reason.
    pub(crate) unknown: BTreeMap<Unknown, u64>,
}

/// Judge each of many subjects, on all processors when there are many.
pub(crate) fn judgements(subjects: &[Subject<'_>], snapshot: &Snapshot, profile: Profile) -> Vec<Judgement> {
    in_shares(subjects, SHARE, |part| judge(part, snapshot, profile)).into_iter().flatten().collect()
}

fn judge(subjects: &[Subject<'_>], snapshot: &Snapshot, profile: Profile) -> Vec<Judgement> {
    let hits = find_distinct(subjects, snapshot, profile);
    let mut unknown = hits.unknown.iter().peekable();
    // What affects one version of a package mostly affects others too.
    let mut known = HashMap::new();
    let of = |position: usize| {
        let mut judgement = Judgement::default();
        for hit in hits.of(position) {
            *class(&mut judgement.counts, hit.severity) += 1;
            let fingerprint = known.entry(hit).or_insert_with(|| Fingerprint::of(&snapshot.stamp(hit)));
            judgement.fingerprint.add(*fingerprint, 1);
        }
        judgement.unknown = unknown.next_if(|(at, _)| *at as usize == position).map(|(_, reason)| reason.clone());
        judgement
    };
    (0..subjects.len()).map(of).collect()
}

pub(crate) fn class(counts: &mut Counts, severity: advisory::Severity) -> &mut u64 {
    match severity {
        advisory::Severity::Critical => &mut counts.critical,
        advisory::Severity::Major => &mut counts.major,
        advisory::Severity::Minor => &mut counts.minor,
        advisory::Severity::Unknown => &mut counts.unknown,
    }
}

impl Fingerprint {
    fn of(stamp: &[u8]) -> Fingerprint {
        let digest: [u8; 32] = Sha256::digest(stamp).into();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Fingerprint(u128::from_le_bytes(half))
    }

    pub(crate) fn add(&mut self, other: Fingerprint, times: u64) {
        self.0 = self.0.wrapping_add(other.0.wrapping_mul(u128::from(times)));
    }

    pub(crate) fn remove(&mut self, other: Fingerprint, times: u64) {
        self.0 = self.0.wrapping_sub(other.0.wrapping_mul(u128::from(times)));
    }

    pub(crate) fn to_hex(self) -> String {
        format!("{:032x}", self.0)
    }

    pub(crate) fn from_hex(text: &str) -> Option<Fingerprint> {
        u128::from_str_radix(text, 16).ok().map(Fingerprint)
    }
}

impl Totals {
    /// The sum over subjects, each with the number of components it stands for.
    pub(crate) fn of<'a>(judgements: impl Iterator<Item = (&'a Judgement, u64)>) -> Totals {
        let mut totals = Totals::default();
        judgements.for_each(|(judgement, times)| totals.add(judgement, times));
        totals
    }

    pub(crate) fn add(&mut self, judgement: &Judgement, times: u64) {
        for (count, more) in classes(&mut self.counts).into_iter().zip(classes(&mut judgement.counts.clone())) {
            *count = count.saturating_add(more.saturating_mul(times));
        }
        self.fingerprint.add(judgement.fingerprint, times);
        if let Some(reason) = &judgement.unknown {
            *self.unknown.entry(reason.clone()).or_default() += times;
        }
    }

    /// What could not be judged, in sentences.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = String> {
        self.unknown.iter().map(|(reason, count)| format!("{count} components: {reason}"))
    }
}

/// The numbers of each class.
pub(crate) fn classes(counts: &mut Counts) -> [&mut u64; 4] {
    [&mut counts.critical, &mut counts.major, &mut counts.minor, &mut counts.unknown]
}
