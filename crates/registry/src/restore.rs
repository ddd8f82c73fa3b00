//! Undoing a deletion: what was deleted on request can be brought back until its time is over.
//!
//! A deleted tag or manifest leaves a row that says how it was; its blobs and bytes are reviewed only when the row's time is
//! over. A deleted repository keeps all its rows under a name that nobody can ask for, and loses them when its time is over.
//! What other contexts kept about a repository (grants, policies, waivers, trust data) went with it and does not come back.

use std::time::Duration;

use audit::Entry;
use base::{AccountName, Ctx, Id, Timestamp, limits};
use db::Tx;
use identity::Level;
use oci::{Digest, RepoName, Tag};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Origin, Page, Registry, Repository, Right, TagView, collect, record, store,
    tag::{NewTag, Step, set},
};

/// Tags that come back in one audit entry: four keys of at most 400 bytes each.
const TAGS_PER_ENTRY: usize = 40;

/// Something that was deleted and can come back.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deletion {
    pub id: Id<Deletion>,
    pub repository: RepoName,
    pub deleted: Deleted,
    pub author: String,
    pub at: Timestamp,
    /// From then on it is gone.
    pub until: Timestamp,
}

/// What was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Deleted {
    Repository,
    #[serde(rename_all = "camelCase")]
    Manifest {
        digest: Digest,
        pushed_by: String,
        pushed_at: Timestamp,
        job: Option<i64>,
        promoted: bool,
        tags: Vec<DeletedTag>,
    },
    Tag(DeletedTag),
}

/// A tag as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedTag {
    pub tag: Tag,
    pub digest: Digest,
    pub pushed_by: String,
    pub pushed_at: Timestamp,
    pub job: Option<i64>,
    pub origin: Origin,
}

impl Registry {
    /// What can come back in a namespace, the latest first. For whoever may push to the repository, or owns the namespace.
    pub async fn deletions(
        &self,
        ctx: &Ctx,
        namespace: &AccountName,
        repository: Option<&RepoName>,
        limit: usize,
    ) -> Result<Page<Deletion>, Error> {
        let mut tx = self.db.read().await?;
        match repository {
            Some(name) if store::repository(&mut tx, name).await?.is_some() => {
                Registry::authorize(&mut tx, ctx, name, Right::Push).await?;
            }
            _ => Level::require_owner(&mut tx, &ctx.actor, namespace.as_str()).await?,
        }
        let limit = limit.min(limits::PAGE_MAX);
        let one_more = i64::try_from(limit).expect("a page is small") + 1;
        Ok(Page::of(store::deletions(&mut tx, namespace.as_str(), repository, ctx.now, one_more).await?, limit))
    }

    /// Bring back what was deleted, unless something else has its place now.
    pub async fn restore(&self, ctx: &Ctx, id: &Id<Deletion>) -> Result<Deletion, Error> {
        db::write!(self.db, ctx, |tx| {
            let unknown =
                || Error::Invalid("nothing can be brought back under this id; its time may be over".to_owned());
            let found = store::deletion(tx, id, ctx.now).await?.ok_or_else(unknown)?;
            let (row, deletion) = found;
            if deletion.deleted == Deleted::Repository {
                Level::require_owner(tx, &ctx.actor, deletion.repository.namespace()).await?;
            } else {
                Registry::authorize(tx, ctx, &deletion.repository, Right::Push).await?;
            }
            Registry::require_writable(tx).await?;
            match &deletion.deleted {
                Deleted::Repository => restore_repository(tx, ctx, &deletion.repository, &row).await?,
                Deleted::Manifest { .. } => self.restore_manifest(tx, ctx, &row, &deletion).await?,
                Deleted::Tag(tag) => {
                    self.restore_tags(tx, ctx, &deletion.repository, &row, std::slice::from_ref(tag)).await?;
                }
            }
            store::delete_deletion(tx, id).await?;
            Ok(deletion)
        })
    }

    async fn restore_manifest(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        repository: &Id<Repository>,
        deletion: &Deletion,
    ) -> Result<(), Error> {
        let Deleted::Manifest { digest, pushed_by, pushed_at, job, promoted, tags } = &deletion.deleted else {
            return Ok(());
        };
        let name = &deletion.repository;
        if let Some(missing) = store::missing_blob(tx, repository, digest).await? {
            return Err(Error::Missing { repository: name.clone(), what: "blob", digest: missing });
        }
        store::refuse_sweeping(tx, digest).await?;
        if store::bytes_size(tx, digest).await?.is_none() {
            return Err(Error::ManifestUnknown { repository: name.clone(), reference: digest.to_string() });
        }
        store::add_manifest(tx, repository, digest, pushed_by, *pushed_at, *job).await?;
        if *promoted {
            store::mark_promoted(tx, repository, digest).await?;
        }
        let entry = restored(name).about(digest).detail("digest", digest);
        audit::append(tx, ctx, entry).await?;
        self.restore_tags(tx, ctx, name, repository, tags).await
    }

    /// Each through the gate that every tag goes through: a name that names something else by now stays as it is.
    async fn restore_tags(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        name: &RepoName,
        id: &Id<Repository>,
        tags: &[DeletedTag],
    ) -> Result<(), Error> {
        let repository = store::repository(tx, name).await?.filter(|found| found.id == *id);
        let repository = repository.ok_or_else(|| Error::NameUnknown(name.clone()))?;
        for old in tags {
            match self.gate(tx, &repository, &old.tag, &old.digest).await? {
                Step::New => {}
                Step::Same => continue,
                Step::Moves { .. } => return Err(Error::Taken(format!("{name}:{}", old.tag))),
            }
            if store::image_in(tx, &repository.id, &old.digest).await?.is_none() {
                let reference = old.digest.to_string();
                return Err(Error::ManifestUnknown { repository: name.clone(), reference });
            }
            let new = NewTag {
                tag: old.tag.clone(),
                digest: old.digest.clone(),
                pushed_by: old.pushed_by.clone(),
                pushed_at: old.pushed_at,
                job: old.job,
                origin: old.origin.clone(),
            };
            let entry = restored(name).about(&old.digest).detail("tag", &old.tag).detail("digest", &old.digest);
            let entry = set(tx, ctx, &repository, &new, entry).await?;
            audit::append(tx, ctx, entry).await?;
        }
        Ok(())
    }

    /// End what was deleted and not brought back in time; gives how much.
    pub(crate) async fn end_deletions(&self, ctx: &Ctx) -> Result<(), Error> {
        const AT_ONCE: i64 = 20;
        loop {
            let ended = db::write!(self.db, ctx, |tx| {
                let over = store::deletions_over(tx, ctx.now, AT_ONCE).await?;
                for (id, repository, deleted) in &over {
                    if *deleted == Deleted::Repository {
                        let due = collect::after(ctx, limits::BYTES_REVIEW_AFTER);
                        store::review_bytes_of(tx, repository, due).await?;
                        store::delete_repository(tx, repository).await?;
                    }
                    store::delete_deletion(tx, id).await?;
                }
                Ok::<_, Error>(over.len())
            })?;
            if ended == 0 {
                return Ok(());
            }
        }
    }
}

/// How something is removed: on whose wish, and how long it can be brought back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removal {
    pub(crate) by: &'static str,
    pub(crate) undo: Duration,
}

impl Removal {
    /// Leave a row that can bring it back.
    pub(crate) async fn note(
        self,
        tx: &mut Tx,
        ctx: &Ctx,
        repository: &Repository,
        deleted: Deleted,
    ) -> Result<(), Error> {
        if self.undo.is_zero() {
            return Ok(());
        }
        let (name, author, until) = (repository.name.clone(), ctx.actor.label(), collect::after(ctx, self.undo));
        let deletion = Deletion { id: Id::new(ctx), repository: name, deleted, author, at: ctx.now, until };
        Ok(store::insert_deletion(tx, &repository.id, &deletion).await?)
    }
}

async fn restore_repository(tx: &mut Tx, ctx: &Ctx, name: &RepoName, id: &Id<Repository>) -> Result<(), Error> {
    if store::repository(tx, name).await?.is_some() {
        return Err(Error::Exists(name.clone()));
    }
    store::take_repository_back(tx, id, name).await?;
    let repository = store::repository(tx, name).await?.ok_or_else(|| Error::NameUnknown(name.clone()))?;
    let entry = restored(name).set(record::repository_key(name), repository.settings());
    let quota = store::repository_usage(tx, id).await?.quota_bytes;
    let entry = if quota > 0 { entry.set(record::repository_quota_key(name), quota.to_string()) } else { entry };
    let entry = audit::append(tx, ctx, entry).await?;
    record::repository_event(tx, ctx, "repository.restored", &repository, &entry).await?;
    let sets = store::tag_state(tx, &repository).await?;
    for sets in sets.chunks(3 * TAGS_PER_ENTRY) {
        let entry = sets.iter().fold(restored(name), |entry, (key, value)| entry.set(key.clone(), value));
        audit::append(tx, ctx, entry).await?;
    }
    Ok(())
}

fn restored(name: &RepoName) -> Entry {
    Entry::new("deletion.undone").about(record::repository_subject(name)).detail("repository", name)
}

impl DeletedTag {
    pub(crate) fn of(view: &TagView) -> DeletedTag {
        DeletedTag {
            tag: view.tag.clone(),
            digest: view.image.digest.clone(),
            pushed_by: view.pushed_by.clone(),
            pushed_at: view.pushed_at,
            job: view.job,
            origin: view.origin.clone(),
        }
    }
}
