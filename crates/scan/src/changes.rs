//! How judgements change from one snapshot to the next, and what that makes of the totals of images: pure.
//!
//! ```text
//!   subjects ─► what both snapshots say of each ─► steps: what to add to the totals of an image, for each component of that subject
//!   an inventory, a short list of numbers ─► the sum of its steps ─► new totals
//! ```
//!
//! Ten thousand images have millions of components, and each is looked up, so what is looked up is small.

use std::collections::HashMap;

use advisory::{Profile, Snapshot, Unknown, changed};

use crate::{
    Error,
    judgement::{Fingerprint, Judgement, Totals, classes, judgements},
    rematch::Subjects,
    shares::in_shares,
    subjects::{StoredSubject, each},
};

/// Subjects that one thread looks at; fewer are not worth a thread.
const SUBJECTS: usize = 10_000;
/// The same for lists of subjects.
const LISTS: usize = 500;

/// How judgements changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// By the number of a subject: its place among the steps, counted from 1; 0 where nothing changed.
    places: Vec<u32>,
    steps: Vec<Step>,
    /// Why subjects are not judged; steps have their places, counted from 1.
    reasons: Vec<Unknown>,
    /// Totals begin with nothing: every image has to be looked at.
    whole: bool,
}

/// What one component of a subject adds to totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Step {
    fingerprint: Fingerprint,
    counts: [i32; 4],
    /// The reason that was, and the one that is; 0 for none.
    reasons: [u32; 2],
}

/// What all components of an image add to its totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    fingerprint: Fingerprint,
    counts: [i64; 4],
    /// By place, counted from 1; few images have more than one.
    reasons: Vec<(u32, i64)>,
}

impl Changes {
    /// What two snapshots say differently.
    pub(crate) fn between(subjects: &Subjects, old: &Snapshot, new: &Snapshot, profile: Profile) -> Changes {
        let packages = changed(old, new);
        let touched = in_shares(subjects.all(), SUBJECTS, |part| {
            let touched = |(_, stored): &&(u64, StoredSubject)| packages.touches(&stored.as_subject());
            part.iter().filter(touched).collect::<Vec<_>>()
        });
        let touched: Vec<_> = touched.into_iter().flatten().collect();
        let all: Vec<_> = touched.iter().map(|(_, stored)| stored.as_subject()).collect();
        let (before, after) = (judgements(&all, old, profile), judgements(&all, new, profile));
        let numbers = touched.iter().map(|(number, _)| *number);
        Changes::of(numbers.zip(before.iter().zip(&after)), false)
    }

    /// What one snapshot says of everything.
    pub(crate) fn anew(subjects: &Subjects, new: &Snapshot, profile: Profile) -> Changes {
        let all: Vec<_> = subjects.all().iter().map(|(_, stored)| stored.as_subject()).collect();
        let (before, after) = (Judgement::default(), judgements(&all, new, profile));
        let numbers = subjects.all().iter().map(|(number, _)| *number);
        Changes::of(numbers.zip(after.iter().map(|after| (&before, after))), true)
    }

    fn of<'a>(judged: impl Iterator<Item = (u64, (&'a Judgement, &'a Judgement))>, whole: bool) -> Changes {
        let mut changes = Changes { whole, ..Changes::default() };
        let mut known = HashMap::new();
        for (number, (before, after)) in judged.filter(|(_, (before, after))| before != after) {
            let mut fingerprint = after.fingerprint;
            fingerprint.remove(before.fingerprint, 1);
            let [less, more] = [before, after].map(|said| classes(&mut said.counts.clone()).map(|count| *count));
            let step = Step {
                fingerprint,
                counts: std::array::from_fn(|class| small(more[class]) - small(less[class])),
                reasons: [before, after].map(|said| changes.reason(&mut known, said.unknown.as_ref())),
            };
            changes.steps.push(step);
            let place = usize::try_from(number).expect("a place in memory");
            if changes.places.len() <= place {
                changes.places.resize(place + 1, 0);
            }
            changes.places[place] = u32::try_from(changes.steps.len()).expect("subjects are fewer");
        }
        changes
    }

    fn reason(&mut self, known: &mut HashMap<Unknown, u32>, reason: Option<&Unknown>) -> u32 {
        let Some(reason) = reason else { return 0 };
        if let Some(place) = known.get(reason) {
            return *place;
        }
        self.reasons.push(reason.clone());
        let place = u32::try_from(self.reasons.len()).expect("subjects are fewer");
        known.insert(reason.clone(), place);
        place
    }

    /// What the lists of subjects add to the totals of the images that have them; those for which nothing changes are left out.
    pub(crate) fn sums(&self, lists: &[(String, Vec<u8>)]) -> Result<Vec<(String, Sum)>, Error> {
        let parts = in_shares(lists, LISTS, |part| {
            let sum = |(inventory, list): &(String, Vec<u8>)| match self.sum(list) {
                None => Some(Err(Error::Internal(format!("the subjects of {inventory} cannot be read")))),
                Some(sum) => (self.whole || sum != Sum::default()).then(|| Ok((inventory.clone(), sum))),
            };
            part.iter().filter_map(sum).collect::<Result<Vec<_>, _>>()
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// None when the bytes are no list of subjects.
    fn sum(&self, list: &[u8]) -> Option<Sum> {
        let mut sum = Sum::default();
        each(list, |number, times| {
            let place = usize::try_from(number).ok().and_then(|number| self.places.get(number)).copied().unwrap_or(0);
            if place != 0 {
                sum.add(&self.steps[place as usize - 1], times);
            }
        })?;
        sum.reasons.retain(|(_, count)| *count != 0);
        Some(sum)
    }

    /// The new totals of an image; None where they are what they were.
    pub(crate) fn apply(&self, sum: &Sum, totals: &Totals) -> Option<Totals> {
        let mut changed = if self.whole { Totals::default() } else { totals.clone() };
        changed.fingerprint.add(sum.fingerprint, 1);
        for (count, more) in classes(&mut changed.counts).into_iter().zip(sum.counts) {
            *count = count.saturating_add_signed(more);
        }
        for (place, more) in &sum.reasons {
            let reason = &self.reasons[*place as usize - 1];
            let count = changed.unknown.remove(reason).unwrap_or_default().saturating_add_signed(*more);
            if count > 0 {
                changed.unknown.insert(reason.clone(), count);
            }
        }
        (changed != *totals).then_some(changed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && !self.whole
    }
}

impl Sum {
    fn add(&mut self, step: &Step, times: u64) {
        self.fingerprint.add(step.fingerprint, times);
        let times = i64::try_from(times).unwrap_or(i64::MAX);
        for (count, more) in self.counts.iter_mut().zip(step.counts) {
            *count = count.saturating_add(i64::from(more).saturating_mul(times));
        }
        let [before, after] = step.reasons;
        if before != after {
            self.count(before, -times);
            self.count(after, times);
        }
    }

    fn count(&mut self, place: u32, more: i64) {
        match self.reasons.iter_mut().find(|(known, _)| *known == place) {
            _ if place == 0 => {}
            Some((_, count)) => *count = count.saturating_add(more),
            None => self.reasons.push((place, more)),
        }
    }
}

/// No package version has two thousand million findings.
fn small(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use advisory::{About, Advisory, Affected, Ecosystem, Family, Range, Rating};
    use proptest::prelude::*;

    use super::*;
    use crate::subjects::encode;

    /// Few packages, versions and vulnerabilities, so that they meet.
    fn record() -> impl Strategy<Value = Advisory> {
        (0..6_u8, 0..4_u8, 0..3_u8, 1..7_u8, 0..2_u8).prop_map(|(id, package, severity, fixed, family)| {
            let (family, release) = [(Family::Debian, Some("12")), (Family::Npm, None)][usize::from(family)];
            let fixed = Some(format!("{fixed}.0")).filter(|fixed| fixed != "6.0");
            let range = Range { fixed, ..Range::default() };
            Advisory {
                id: format!("CVE-2026-{id}"),
                source: "test".into(),
                ratings: vec![Rating::of_word("test", ["low", "medium", "high"][usize::from(severity)])],
                affected: vec![Affected::new(Ecosystem::new(family, release), format!("p{package}")).with_range(range)],
                ..Advisory::default()
            }
        })
    }

    fn snapshot() -> impl Strategy<Value = Snapshot> {
        proptest::collection::vec(record(), 0..12).prop_map(|records| Snapshot::new(About::default(), records).unwrap())
    }

    fn subject() -> impl Strategy<Value = StoredSubject> {
        (0..4_u8, 0..7_u8, 0..3_u8).prop_map(|(package, version, family)| {
            let ecosystem = [Some((Family::Debian, Some("12"))), Some((Family::Npm, None)), None][usize::from(family)];
            StoredSubject {
                ecosystem: ecosystem.map(|(family, release)| Ecosystem::new(family, release)),
                package: format!("p{package}"),
                version: if version == 0 { String::new() } else { format!("{version}.0") },
                binary: None,
                architecture: None,
                module: None,
            }
        })
    }

    /// What a snapshot says of an image: judged and added up one by one.
    fn plainly(subjects: &Subjects, list: &[(u64, u64)], snapshot: &Snapshot) -> Totals {
        let mut totals = Totals::default();
        for (number, times) in list {
            let (_, stored) = subjects.all().iter().find(|(known, _)| known == number).unwrap();
            totals.add(&judgements(&[stored.as_subject()], snapshot, Profile::default())[0], *times);
        }
        totals
    }

    fn applied(changes: &Changes, list: &[(u64, u64)], totals: &Totals) -> Option<Totals> {
        let lists = [("one".to_owned(), encode(list.to_vec()))];
        changes.sums(&lists).unwrap().pop().and_then(|(_, sum)| changes.apply(&sum, totals))
    }

    proptest! {
        #[test]
        fn a_difference_gives_what_matching_everything_anew_gives(
            old in snapshot(),
            new in snapshot(),
            subjects in proptest::collection::btree_set(subject(), 1..12),
            images in proptest::collection::vec(proptest::collection::btree_map(0..12_u64, 1..4_u64, 0..8), 0..6),
        ) {
            let subjects = Subjects::of((0..).zip(subjects));
            let anew = Changes::anew(&subjects, &new, Profile::default());
            let changes = Changes::between(&subjects, &old, &new, Profile::default());
            for image in images {
                let known = subjects.all().len() as u64;
                let list: Vec<(u64, u64)> = image.into_iter().filter(|(number, _)| *number < known).collect();
                let (before, after) = (plainly(&subjects, &list, &old), plainly(&subjects, &list, &new));
                for changes in [&changes, &anew] {
                    let changed = applied(changes, &list, &before);
                    prop_assert_eq!(changed.is_some(), before != after, "exactly the images that differ");
                    prop_assert_eq!(changed.as_ref().unwrap_or(&before), &after);
                }
            }
        }
    }
}
