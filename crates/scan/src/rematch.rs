//! A new snapshot held against everything that was scanned, without opening a layer.
//!
//! ```text
//!   old ─┐ packages that differ ─► subjects of these ─► judgements old and new ─► those that differ
//!   new ─┘                                                                          │
//!          inventories, each a short list of numbers ─► images that have one ◄──────┘─► new totals, an event
//! ```
//!
//! Where the old snapshot cannot be read any more, every subject is judged, and every image's sum is compared.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use advisory::{Profile, Snapshot, changed};
use audit::Entry;
use base::Ctx;
use oci::Digest;
use serde_json::json;

use crate::{
    Error, Scan,
    judgement::{Judgement, Totals, judgements},
    store::{self, Scanned},
    subjects::StoredSubject,
};

/// Rows that are read at once.
const PAGE: i64 = 10_000;
/// Images whose results are written in one transaction, with one entry of the log.
const WRITTEN: usize = 100;

/// All subjects of the database, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subjects(BTreeMap<u64, StoredSubject>);

/// The subjects that were read before: they never change, so that only new ones are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownSubjects(Arc<Mutex<Arc<Subjects>>>);

/// How judgements changed, by the number of the subject: what was said before, where that is known, and what is said now.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    judgements: HashMap<u64, (Judgement, Judgement)>,
    /// A bit for each number of a subject, set where it is among these: every component of every image is looked up.
    touched: Vec<u64>,
    /// Every subject is in, and images' totals begin with nothing.
    whole: bool,
}

impl Changes {
    /// What two snapshots say differently.
    pub(crate) fn between(subjects: &Subjects, old: &Snapshot, new: &Snapshot, profile: Profile) -> Changes {
        let packages = changed(old, new);
        let touched: Vec<_> = subjects
            .0
            .iter()
            .map(|(number, stored)| (*number, stored.as_subject()))
            .filter(|(_, subject)| packages.touches(subject))
            .collect();
        let (numbers, touched): (Vec<u64>, Vec<_>) = touched.into_iter().unzip();
        let (before, after) = (judgements(&touched, old, profile), judgements(&touched, new, profile));
        let pairs = numbers.into_iter().zip(before.into_iter().zip(after));
        Changes::of(pairs.filter(|(_, (before, after))| before != after), false)
    }

    /// What one snapshot says of everything.
    pub(crate) fn anew(subjects: &Subjects, new: &Snapshot, profile: Profile) -> Changes {
        let all: Vec<_> = subjects.0.values().map(StoredSubject::as_subject).collect();
        let after = judgements(&all, new, profile).into_iter().map(|after| (Judgement::default(), after));
        Changes::of(subjects.0.keys().copied().zip(after), true)
    }

    fn of(judgements: impl Iterator<Item = (u64, (Judgement, Judgement))>, whole: bool) -> Changes {
        let judgements: HashMap<u64, (Judgement, Judgement)> = judgements.collect();
        let mut touched = Vec::new();
        for number in judgements.keys() {
            let word = usize::try_from(number / 64).unwrap_or(usize::MAX - 1);
            if touched.len() <= word {
                touched.resize(word + 1, 0);
            }
            touched[word] |= 1 << (number % 64);
        }
        Changes { judgements, touched, whole }
    }

    fn touches(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|word| self.touched.get(word));
        word.is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    /// The new totals of an image with these subjects; None when nothing changes for it.
    pub(crate) fn apply(&self, list: &[(u64, u64)], totals: &Totals) -> Option<Totals> {
        let mut changed = if self.whole { Totals::default() } else { totals.clone() };
        for (number, times) in list.iter().filter(|(number, _)| self.touches(*number)) {
            if let Some((before, after)) = self.judgements.get(number) {
                if !self.whole {
                    changed.remove(before, *times);
                }
                changed.add(after, *times);
            }
        }
        (changed != *totals).then_some(changed)
    }

    fn is_empty(&self) -> bool {
        self.judgements.is_empty() && !self.whole
    }
}

impl Subjects {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&u64, &StoredSubject)> {
        self.0.iter()
    }

    pub(crate) async fn load(scan: &Scan) -> Result<Arc<Subjects>, Error> {
        let mut all = scan.subjects.take();
        loop {
            let last = all.0.last_key_value().map_or(-1, |(number, _)| number.cast_signed());
            let page = store::subjects_after(&mut scan.db.read().await?, last, PAGE).await?;
            if page.is_empty() {
                scan.subjects.keep(&all);
                return Ok(all);
            }
            // Nobody else has it but in the rare case of two at once, when it is copied.
            let known = &mut Arc::make_mut(&mut all).0;
            known.extend(page.into_iter().map(|(number, subject)| (number.unsigned_abs(), subject)));
        }
    }
}

impl KnownSubjects {
    /// More are read each time: memory is worth more.
    const KEPT: usize = 500_000;

    fn take(&self) -> Arc<Subjects> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, subjects: &Arc<Subjects>) {
        if subjects.0.len() <= KnownSubjects::KEPT {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(subjects);
        }
    }
}

impl Scan {
    /// Hold the current snapshot against every stored inventory; where the result differs, record it and tell the others.
    pub(crate) async fn rematch(&self, ctx: &Ctx) -> Result<(), Error> {
        self.load_current(ctx).await?;
        let new = self.current.get();
        let outdated = store::outdated(&mut self.db.read().await?, new.digest()).await?;
        if outdated.is_empty() {
            return Ok(());
        }
        let subjects = Subjects::load(self).await?;
        for digest in outdated {
            let old = self.snapshot_of(&digest).await;
            let (subjects, new, profile) = (subjects.clone(), new.clone(), self.profile);
            let changes = tokio::task::spawn_blocking(move || match old {
                Ok(old) => Changes::between(&subjects, &old, &new, profile),
                Err(error) => {
                    tracing::warn!(%error, "an old snapshot cannot be read, so that everything is matched anew");
                    Changes::anew(&subjects, &new, profile)
                }
            });
            let changes = changes.await.map_err(|error| Error::Internal(error.to_string()))?;
            self.apply(ctx, &digest, &changes).await?;
        }
        Ok(())
    }

    /// Write what changed for the images that were last held against the old snapshot.
    async fn apply(&self, ctx: &Ctx, old: &str, changes: &Changes) -> Result<(), Error> {
        let new = self.current.get();
        let mut after = String::new();
        while !changes.is_empty() {
            let wanted = |number| changes.whole || changes.touches(number);
            let (lists, last) = store::subjects_of(&mut self.db.read().await?, &after, PAGE, wanted).await?;
            let Some(last) = last else { break };
            let affected = self.affected(old, changes, &lists).await?;
            for part in affected.chunks(WRITTEN) {
                self.record_matched(ctx, new.digest(), part).await?;
            }
            after = last;
        }
        db::write!(self.db, ctx, |tx| store::confirm(tx, old, new.digest()).await)
            .map_err(|error: db::Error| Error::Database(error))
    }

    /// The images that have one of these inventories and another result now.
    async fn affected(
        &self,
        old: &str,
        changes: &Changes,
        lists: &[(String, Vec<(u64, u64)>)],
    ) -> Result<Vec<(Scanned, Totals)>, Error> {
        let mut affected = Vec::new();
        let mut tx = self.db.read().await?;
        for (inventory, list) in lists {
            let scanned = store::confirmed(&mut tx, old, inventory).await?;
            affected.extend(scanned.into_iter().filter_map(|scanned| {
                let totals = changes.apply(list, &scanned.totals)?;
                Some((scanned, totals))
            }));
        }
        Ok(affected)
    }

    async fn record_matched(&self, ctx: &Ctx, snapshot: &str, images: &[(Scanned, Totals)]) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let mut entry = Entry::new("scan.rematched").about(format!("snapshot/{snapshot}"));
            for (image, totals) in images {
                store::set_matched(tx, ctx, image.digest.as_ref(), snapshot, totals).await?;
                let guard = store::guard(tx, &image.digest).await?;
                entry = entry.about(&image.digest).set(format!("scan/image/{}", image.digest), guard);
            }
            let entry = audit::append(tx, ctx, entry).await?;
            for (image, totals) in images {
                for (repository, tag) in Scan::places(tx, &image.digest).await? {
                    let data = json!({
                        "repository": repository, "tag": tag, "digest": image.digest, "counts": totals.counts,
                        "before": image.totals.counts, "snapshot": snapshot,
                    });
                    crate::service::emit(tx, ctx, "scan.completed", &repository, &image.digest, data, &entry).await?;
                }
            }
            let digests: Vec<&Digest> = images.iter().map(|(image, _)| &image.digest).collect();
            self.want_attestations(tx, ctx, &digests, &entry).await
        })
    }
}

#[cfg(test)]
mod tests {
    use advisory::{About, Advisory, Affected, Ecosystem, Family, Range, Rating};
    use proptest::prelude::*;

    use super::*;

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

    /// What a snapshot says of an image, from nothing.
    fn anew(subjects: &Subjects, list: &[(u64, u64)], snapshot: &Snapshot) -> Totals {
        let changes = Changes::anew(subjects, snapshot, Profile::default());
        changes.apply(list, &Totals::default()).unwrap_or_default()
    }

    proptest! {
        #[test]
        fn a_difference_gives_what_matching_everything_anew_gives(
            old in snapshot(),
            new in snapshot(),
            subjects in proptest::collection::btree_set(subject(), 1..12),
            images in proptest::collection::vec(proptest::collection::btree_map(0..12_u64, 1..4_u64, 0..8), 0..6),
        ) {
            let subjects = Subjects((0..).zip(subjects).collect());
            let changes = Changes::between(&subjects, &old, &new, Profile::default());
            for image in images {
                let list: Vec<(u64, u64)> = image.into_iter().filter(|(number, _)| subjects.0.contains_key(number)).collect();
                let (before, after) = (anew(&subjects, &list, &old), anew(&subjects, &list, &new));
                let changed = changes.apply(&list, &before);
                prop_assert_eq!(changed.is_some(), before != after, "exactly the images that differ");
                prop_assert_eq!(changed.unwrap_or(before), after);
            }
        }
    }
}
