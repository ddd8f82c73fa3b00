//! A new snapshot held against everything that was scanned, without opening a layer.
//!
//! ```text
//!   old ─┐ packages that differ ─► subjects of these ─► judgements old and new ─► those that differ
//!   new ─┘                                                                          │
//!          inventories, each a short list of numbers ─► sums of what differs ◄──────┘─► new totals, events
//! ```
//!
//! Where the old snapshot cannot be read any more, every subject is judged, and every image's sum is compared.
//!
//! Results stand in groups, each held against one snapshot (`store/held.rs`). The groups are closed first, so that nothing joins them that
//! was not looked at; images that differ leave them, a hundred in one transaction with one entry of the log and their events; at the end one
//! row says that the others are held against the new snapshot. Cut off anywhere, the next job finds the images that are still to be looked at
//! in the closed groups. Only the last transaction waits for the disk: before it returns, all of them are there.

use std::sync::{Arc, Mutex, PoisonError};

use advisory::Snapshot;
use audit::Entry;
use base::Ctx;
use oci::Digest;
use registry::Registry;
use serde_json::json;

use crate::{
    Error, Scan,
    changes::{Changes, Sum},
    judgement::Totals,
    layers::blocking,
    service::event,
    store::{self, Scanned},
    subjects::StoredSubject,
};

/// Rows that are read at once: subjects, and lists of them.
const SUBJECTS_PAGE: i64 = 10_000;
const LISTS_PAGE: i64 = 4_000;
/// Images whose results are written in one transaction, with one entry of the log.
const WRITTEN: usize = 100;

/// All subjects of the database, each with its number, in that order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subjects(Vec<(u64, StoredSubject)>);

/// The subjects that were read before: they never change, so that only new ones are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownSubjects(Arc<Mutex<Arc<Subjects>>>);

impl Subjects {
    #[cfg(test)]
    pub(crate) fn of(all: impl Iterator<Item = (u64, StoredSubject)>) -> Subjects {
        Subjects(all.collect())
    }

    pub(crate) fn all(&self) -> &[(u64, StoredSubject)] {
        &self.0
    }

    pub(crate) async fn load(scan: &Scan) -> Result<Arc<Subjects>, Error> {
        let mut all = scan.subjects.take();
        loop {
            let last = all.0.last().map_or(-1, |(number, _)| number.cast_signed());
            let page = store::subjects_after(&mut scan.db.read().await?, last, SUBJECTS_PAGE).await?;
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
        if store::outdated(&mut self.db.read().await?, new.digest()).await?.is_empty() {
            return Ok(());
        }
        db::write_soon!(self.db, ctx, |tx| store::close(tx, new.digest()).await)
            .map_err(|error: db::Error| Error::Database(error))?;
        let subjects = Subjects::load(self).await?;
        for old in store::outdated(&mut self.db.read().await?, new.digest()).await? {
            self.rematch_from(ctx, &old, &new, &subjects).await?;
        }
        Ok(())
    }

    /// Write what changes for the images in the closed groups of the old snapshot.
    async fn rematch_from(
        &self,
        ctx: &Ctx,
        old: &str,
        new: &Arc<Snapshot>,
        subjects: &Arc<Subjects>,
    ) -> Result<(), Error> {
        let (held, subjects, next, profile) =
            (self.snapshot_of(old).await, subjects.clone(), new.clone(), self.profile);
        let changes = blocking(move || match held {
            Ok(held) => Changes::between(&subjects, &held, &next, profile),
            Err(error) => {
                tracing::warn!(%error, "an old snapshot cannot be read, so that everything is matched anew");
                Changes::anew(&subjects, &next, profile)
            }
        });
        // Lists are read while subjects are judged, and while those before them are summed up.
        let (changes, first) = tokio::join!(changes, self.lists_after(String::new()));
        let (changes, mut lists) = (Arc::new(changes?), first?);
        while !changes.is_empty()
            && let Some((last, _)) = lists.last()
        {
            let next = self.lists_after(last.clone());
            let summing = changes.clone();
            let sums = blocking(move || summing.sums(&lists));
            let (sums, next) = tokio::join!(sums, next);
            for part in sums??.chunks(WRITTEN) {
                let affected = self.affected(old, &changes, part).await?;
                for part in affected.chunks(WRITTEN) {
                    self.record_matched(ctx, (old, new.digest()), part).await?;
                }
            }
            lists = next?;
        }
        db::write!(self.db, ctx, |tx| {
            store::confirm(tx, old, new.digest()).await?;
            // Also where no result changed: what is said beside the findings may have.
            let event = ::jobs::Event {
                kind: "snapshot.matched".to_owned(),
                subject: format!("snapshot/{}", new.digest()),
                data: json!({"snapshot": new.digest()}),
                at: ctx.now,
                entry: ctx.cause.clone().unwrap_or_default(),
            };
            ::jobs::emit(tx, ctx, &event).await
        })
        .map_err(|error: db::Error| Error::Database(error))
    }

    async fn lists_after(&self, after: String) -> Result<Vec<(String, Vec<u8>)>, Error> {
        Ok(store::lists_after(&mut self.db.read().await?, &after, LISTS_PAGE).await?)
    }

    /// The images that have one of these inventories and another result now.
    async fn affected(
        &self,
        old: &str,
        changes: &Changes,
        sums: &[(String, Sum)],
    ) -> Result<Vec<(Scanned, Totals)>, Error> {
        let inventories = sums.iter().map(|(inventory, _)| inventory.as_str());
        let scanned = store::in_closed(&mut self.db.read().await?, old, inventories).await?;
        // In the order of the inventories, as they were read.
        let sum_of = |image: &Scanned| sums.binary_search_by_key(&image.inventory.as_str(), |(inventory, _)| inventory);
        let differs = |image: Scanned| {
            let (_, sum) = &sums[sum_of(&image).ok()?];
            changes.apply(sum, &image.totals).map(|totals| (image, totals))
        };
        Ok(scanned.into_iter().filter_map(differs).collect())
    }

    async fn record_matched(
        &self,
        ctx: &Ctx,
        (old, new): (&str, &str),
        images: &[(Scanned, Totals)],
    ) -> Result<(), Error> {
        db::write_soon!(self.db, ctx, |tx| {
            let written = store::set_matched(tx, ctx, (old, new), images).await?;
            let images: Vec<_> = images.iter().filter(|(image, _)| written.contains(&image.digest)).collect();
            if images.is_empty() {
                return Ok(());
            }
            let mut entry = Entry::new("scan.rematched").about(format!("snapshot/{new}"));
            for (image, totals) in &images {
                let guard = image.guard(new, totals);
                entry = entry.about(&image.digest).set(format!("scan/image/{}", image.digest), guard);
            }
            let entry = audit::append(tx, ctx, entry).await?;
            let digests: Vec<&Digest> = images.iter().map(|(image, _)| &image.digest).collect();
            let tags = Registry::tags_of(tx, &digests).await?;
            let mut events = Vec::new();
            for (image, totals) in &images {
                for (repository, tag) in tags.get(&image.digest).into_iter().flatten() {
                    let data = json!({
                        "repository": repository, "tag": tag, "digest": image.digest, "counts": totals.counts,
                        "before": image.totals.counts, "snapshot": new,
                    });
                    events.push(event(ctx, "scan.completed", repository, &image.digest, data, &entry));
                }
            }
            ::jobs::emit_all(tx, ctx, "scan.completed", &events).await?;
            self.want_attestations(tx, ctx, &digests, &entry).await
        })
    }
}
