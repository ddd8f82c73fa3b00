//! Garbage collection: what nothing names any more goes, while pushes and pulls go on.
//!
//! Nothing is searched for. Whatever could become garbage gets a *review* in the transaction that made it so, to be looked at
//! when it is due:
//!
//! ```text
//!   blob linked, or a manifest that names it deleted ──► review of the link ──due──► still named? ─yes─► no review
//!                                                                                        └─no─► unlinked, review of the bytes
//!   last link gone, file without a row ──► review of the bytes ──due──► still linked? ─yes─► no review
//!                                                                           └─no─► sweeping ─► file removed ─► row removed
//! ```
//!
//! Why a concurrent push loses nothing, on one server or on many:
//! - A link stays for [`limits::LINK_REVIEW_AFTER`] after it was made, and for half of that after a client asked whether the
//!   blob is here: the review is put off ([`Registry::keep_link`]). So there is time to push the manifest.
//! - Who stores bytes puts off a pending review of them *before* it stores them ([`Registry::keep_bytes`]), and links them in
//!   less than [`limits::BYTES_REVIEW_AFTER`]. A review that is made later is due later than that.
//! - Bytes that are being swept cannot be linked; such a push is told to come again, and a sweep that was cut off is finished
//!   by the next run.

use std::time::Duration;

use audit::Entry;
use base::{Ctx, Id, Timestamp, limits};
use identity::Level;
use jobs::{Job, NewJob};
use oci::Digest;
use serde::Serialize;

use crate::{Error, Registry, delete, restore::Removal, store};

/// Runs [`Registry::collect`]: a timer's job.
pub const COLLECT_JOB: &str = "registry.collect";

/// Reviews of one transaction: it holds SQLite's one writer for some milliseconds, and its digests fit into one audit entry.
const BATCH: i64 = 250;

/// What a collection removed, or would remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Collected {
    /// Manifests that no tag names, where the operator wants them gone.
    pub manifests: u64,
    /// Blobs taken out of a repository in which no manifest names them.
    pub links: u64,
    /// Blobs and manifests whose bytes were removed, and those bytes.
    pub files: u64,
    pub bytes: u64,
}

impl Registry {
    /// Remove what is garbage by now. For administrators and the program itself.
    pub async fn collect(&self, ctx: &Ctx) -> Result<Collected, Error> {
        self.require_collector(ctx).await?;
        let until = after(ctx, limits::COLLECTION_TIME);
        if !db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::take_lease(tx, ctx.now, until).await?))? {
            return Err(Error::Collecting);
        }
        let outcome = tokio::time::timeout(limits::COLLECTION_TIME / 2, self.collect_alone(ctx)).await;
        db::write!(self.db, ctx, |tx| Ok::<_, Error>(store::end_lease(tx, until).await?))?;
        // What it had no time for is due in the next run.
        outcome.unwrap_or(Ok(Collected::default()))
    }

    /// Have garbage collected by a job now. Administrators only.
    pub async fn request_collection(&self, ctx: &Ctx) -> Result<Id<Job>, Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            Registry::require_writable(tx).await?;
            let entry = audit::append(tx, ctx, Entry::new("collection.requested")).await?;
            let job = NewJob::new(COLLECT_JOB, serde_json::Value::Null).in_lane(&format!("schedule {COLLECT_JOB}"));
            Ok::<_, Error>(jobs::enqueue(tx, ctx, job.caused_by(&entry)).await?)
        })
    }

    /// Whether a collection runs now.
    pub async fn is_collecting(&self, ctx: &Ctx) -> Result<bool, Error> {
        Ok(store::has_lease(&mut self.db.read().await?, ctx.now).await?)
    }

    async fn collect_alone(&self, ctx: &Ctx) -> Result<Collected, Error> {
        let mut collected = Collected::default();
        self.end_deletions(ctx).await?;
        self.finish_sweep(ctx, &mut collected).await?;
        self.collect_attachments(ctx).await?;
        if let Some(age) = self.settings.untagged_after {
            self.collect_manifests(ctx, age, &mut collected).await?;
        }
        while self.review_links(ctx, &mut collected).await? {}
        while self.review_bytes(ctx).await? {
            self.finish_sweep(ctx, &mut collected).await?;
        }
        Ok(collected)
    }

    /// What [`Registry::collect`] would remove now. What it unlinks has its bytes removed by a later run, and so counts here
    /// as links only.
    pub async fn collectable(&self, ctx: &Ctx) -> Result<Collected, Error> {
        self.require_collector(ctx).await?;
        let mut tx = self.db.read().await?;
        let (files, bytes) = store::due_bytes_totals(&mut tx, ctx.now).await?;
        let manifests = match self.settings.untagged_after {
            Some(age) => store::count_untagged(&mut tx, before(ctx, age)).await?,
            None => 0,
        };
        Ok(Collected { manifests, links: store::count_due_links(&mut tx, ctx.now).await?, files, bytes })
    }

    async fn require_collector(&self, ctx: &Ctx) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        Level::require_admin(&mut tx, &ctx.actor).await?;
        Registry::require_writable(&mut tx).await
    }

    /// Children of an index and what refers to an image follow it: they are found once it is gone.
    async fn collect_manifests(&self, ctx: &Ctx, age: Duration, collected: &mut Collected) -> Result<(), Error> {
        let removal = Removal { by: "garbage collection", undo: Duration::ZERO };
        loop {
            let removed = db::write!(self.db, ctx, |tx| {
                let untagged = store::untagged(tx, before(ctx, age), BATCH).await?;
                for (name, digest) in &untagged {
                    let repository =
                        store::repository(tx, name).await?.ok_or_else(|| Error::NameUnknown(name.clone()))?;
                    let unknown = || Error::ManifestUnknown { repository: name.clone(), reference: digest.to_string() };
                    let image = store::image_in(tx, &repository.id, digest).await?.ok_or_else(unknown)?;
                    delete::remove(tx, ctx, &repository, &image, removal).await?;
                }
                Ok::<_, Error>(untagged.len() as u64)
            })?;
            collected.manifests += removed;
            if removed == 0 {
                return Ok(());
            }
        }
    }

    /// Look at one batch of links; gives whether there was any.
    async fn review_links(&self, ctx: &Ctx, collected: &mut Collected) -> Result<bool, Error> {
        let (seen, unlinked) = db::write!(self.db, ctx, |tx| {
            let due = store::due_links(tx, ctx.now, BATCH).await?;
            let mut unlinked = Vec::new();
            for (repository, digest) in &due {
                if store::referenced_by(tx, repository, digest).await?.is_none() {
                    store::unlink_blob(tx, repository, digest).await?;
                    store::review_bytes(tx, digest, after(ctx, limits::BYTES_REVIEW_AFTER)).await?;
                    unlinked.push(digest.clone());
                }
                store::drop_link_review(tx, repository, digest).await?;
            }
            if !unlinked.is_empty() {
                audit::append(tx, ctx, entry("blobs.unlinked", &unlinked)).await?;
            }
            Ok::<_, Error>((due.len(), unlinked.len() as u64))
        })?;
        collected.links += unlinked;
        Ok(seen > 0)
    }

    /// Mark one batch of bytes that nothing links; gives whether any review was due.
    async fn review_bytes(&self, ctx: &Ctx) -> Result<bool, Error> {
        db::write!(self.db, ctx, |tx| {
            let due = store::due_bytes(tx, ctx.now, BATCH).await?;
            for digest in &due {
                if !store::mark_sweeping(tx, digest).await? {
                    store::drop_bytes_review(tx, digest).await?;
                }
            }
            Ok::<_, Error>(!due.is_empty())
        })
    }

    /// Remove the files of what is marked, then the rows: whatever was cut off in between is done again.
    async fn finish_sweep(&self, ctx: &Ctx, collected: &mut Collected) -> Result<(), Error> {
        loop {
            let marked = store::sweeping(&mut self.db.read().await?, BATCH).await?;
            if marked.is_empty() {
                return Ok(());
            }
            let digests: Vec<Digest> = marked.iter().map(|(digest, _)| digest.clone()).collect();
            for digest in &digests {
                self.blobs.delete(digest).await?;
                self.sweep_copy(digest).await;
            }
            db::write!(self.db, ctx, |tx| {
                for digest in &digests {
                    store::delete_swept(tx, digest).await?;
                }
                audit::append(tx, ctx, entry("blobs.swept", &digests)).await.map_err(Error::from)
            })?;
            collected.files += marked.len() as u64;
            collected.bytes += marked.iter().map(|(_, size)| size).sum::<u64>();
        }
    }

    /// Put off the review of a link that is due soon, because a client relies on it; false when the blob is not in the
    /// repository any more.
    pub(crate) async fn keep_link(
        &self,
        ctx: &Ctx,
        repository: &base::Id<crate::Repository>,
        digest: &Digest,
        due: Option<Timestamp>,
    ) -> Result<bool, Error> {
        if due.is_none_or(|due| due > after(ctx, limits::LINK_REVIEW_AFTER / 2)) {
            return Ok(true);
        }
        db::write!(self.db, ctx, |tx| {
            let held = store::blob_size(tx, repository, digest).await?.is_some();
            if held {
                store::review_link(tx, repository, digest, after(ctx, limits::LINK_REVIEW_AFTER)).await?;
            }
            Ok(held)
        })
    }

    /// Before bytes are stored under a digest: put off the review that would remove them. Refused while they are removed.
    pub(crate) async fn keep_bytes(&self, ctx: &Ctx, digest: &Digest) -> Result<(), Error> {
        if !store::is_reviewed(&mut self.db.read().await?, digest).await? {
            return Ok(());
        }
        db::write!(self.db, ctx, |tx| {
            store::refuse_sweeping(tx, digest).await?;
            Ok(store::review_bytes(tx, digest, after(ctx, limits::BYTES_REVIEW_AFTER)).await?)
        })
    }
}

fn entry(kind: &'static str, digests: &[Digest]) -> Entry {
    Entry::new(kind).detail("count", digests.len()).detail("digests", digests)
}

pub(crate) fn after(ctx: &Ctx, time: Duration) -> Timestamp {
    ctx.now.checked_add(time).unwrap_or(Timestamp::MAX)
}

pub(crate) fn before(ctx: &Ctx, time: Duration) -> Timestamp {
    ctx.now.checked_sub(time).unwrap_or(Timestamp::MIN)
}
