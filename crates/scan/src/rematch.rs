//! A new snapshot held against everything that was scanned, without opening a layer.
//!
//! ```text
//!   old ─┐ packages that differ ─► subjects of these ─► judgements old and new ─► those that differ
//!   new ─┘                                                                          │
//!          inventories, each a short list of numbers ─► images that have one ◄──────┘─► new totals, an event
//! ```
//!
//! Where the old snapshot cannot be read any more, every subject is judged, and every image's sum is compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
pub(crate) struct Subjects(BTreeMap<u64, StoredSubject>);

/// How judgements changed, by the number of the subject: what was said before, where that is known, and what is said now.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    judgements: HashMap<u64, (Judgement, Judgement)>,
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
        Changes { judgements: pairs.filter(|(_, (before, after))| before != after).collect(), whole: false }
    }

    /// What one snapshot says of everything.
    pub(crate) fn anew(subjects: &Subjects, new: &Snapshot, profile: Profile) -> Changes {
        let all: Vec<_> = subjects.0.values().map(StoredSubject::as_subject).collect();
        let after = judgements(&all, new, profile).into_iter().map(|after| (Judgement::default(), after));
        Changes { judgements: subjects.0.keys().copied().zip(after).collect(), whole: true }
    }

    /// The new totals of an image with these subjects; None when nothing changes for it.
    pub(crate) fn apply(&self, list: &[(u64, u64)], totals: &Totals) -> Option<Totals> {
        let mut changed = if self.whole { Totals::default() } else { totals.clone() };
        for (number, times) in list {
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

    pub(crate) async fn load(scan: &Scan) -> Result<Subjects, Error> {
        let mut all = BTreeMap::new();
        let mut last = -1;
        loop {
            let page = store::subjects_after(&mut scan.db.read().await?, last, PAGE).await?;
            let Some((number, _)) = page.last() else { return Ok(Subjects(all)) };
            last = *number;
            all.extend(page.into_iter().map(|(number, subject)| (number.unsigned_abs(), subject)));
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
        let subjects = std::sync::Arc::new(Subjects::load(self).await?);
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
        if !changes.is_empty() {
            let lists = self.lists_with(changes).await?;
            let mut after = String::new();
            loop {
                let page = store::confirmed(&mut self.db.read().await?, old, &after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = last.digest.to_string();
                let affected: Vec<(Scanned, Totals)> = page
                    .into_iter()
                    .filter_map(|scanned| {
                        let totals = changes.apply(lists.get(&scanned.inventory)?, &scanned.totals)?;
                        Some((scanned, totals))
                    })
                    .collect();
                for part in affected.chunks(WRITTEN) {
                    self.record_matched(ctx, new.digest(), part).await?;
                }
            }
        }
        db::write!(self.db, ctx, |tx| store::confirm(tx, old, new.digest()).await)
            .map_err(|error: db::Error| Error::Database(error))
    }

    /// The inventories that have a changed subject.
    async fn lists_with(&self, changes: &Changes) -> Result<HashMap<String, Vec<(u64, u64)>>, Error> {
        let mut lists = HashMap::new();
        let mut after = String::new();
        loop {
            let page = store::subjects_of(&mut self.db.read().await?, &after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(lists) };
            after.clone_from(last);
            lists.extend(page.into_iter().filter(|(_, list)| {
                changes.whole || list.iter().any(|(number, _)| changes.judgements.contains_key(number))
            }));
        }
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

    /// How many distinct subjects there are, for whoever measures.
    pub async fn subject_count(&self) -> Result<usize, Error> {
        Ok(Subjects::load(self).await?.0.keys().collect::<BTreeSet<_>>().len())
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
