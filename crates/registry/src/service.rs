//! The service, and what can be done with repositories as a whole.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use audit::Entry;
use base::{Ctx, limits};
use blob::Blobs;
use db::{Db, Tx};
use identity::{Identity, Level, On};
use jobs::Tasks;
use oci::RepoName;
use tokio::sync::Notify;

use crate::{
    Deleted, Error, Hold, NewRepository, Repository, RepositoryChanges, Right, collect, flights::Flights,
    pushers::Refusals, record, restore::Removal, store, traffic::Counted,
};

/// The registry of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Registry {
    pub(crate) db: Db,
    pub(crate) blobs: Blobs,
    pub(crate) settings: Settings,
    /// This process among those that share a bucket.
    pub(crate) replica: Arc<OnceLock<String>>,
    /// Where a second copy of everything is.
    pub(crate) replica_store: Option<Blobs>,
    pub(crate) flights: Arc<Flights>,
    pub(crate) refusals: Refusals,
    pub(crate) counted: Counted,
    /// Wakes what tends the stored bytes.
    pub(crate) wake: Arc<Notify>,
    /// What goes on when the request that began it is over; it ends with [`Registry::keep_tending`].
    pub(crate) tasks: Tasks,
}

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host:port` as clients write it in front of a repository's name.
    pub host: String,
    /// Whether sparse manifests are taken: such as name blobs and manifests that are not in the repository. They are never
    /// scanned, and so never promoted on a scan, until what they lack is pushed.
    pub sparse: bool,
    /// How old a manifest that no tag names may become before garbage collection takes it; `None` is for ever, because people
    /// also deploy by digest.
    pub untagged_after: Option<Duration>,
    /// How long what was deleted on request can be brought back, and takes up room; zero for not at all.
    pub undo: Duration,
}

/// Tags whose end fits into one audit entry beside everything else: three keys of at most 400 bytes each.
const TAGS_PER_ENTRY: usize = 40;

impl Registry {
    pub fn new(db: Db, blobs: Blobs, settings: Settings) -> Registry {
        Registry {
            db,
            blobs,
            settings,
            replica: Arc::default(),
            replica_store: None,
            flights: Arc::default(),
            refusals: Refusals::default(),
            counted: Counted::default(),
            wake: Arc::default(),
            tasks: Tasks::default(),
        }
    }

    /// The bytes, for contexts that read what they were given the digest of by a row.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    pub(crate) fn removal(&self, by: &'static str) -> Removal {
        Removal { by, undo: self.settings.undo }
    }

    /// `host/namespace/name`, as clients write it.
    pub fn place_of(&self, name: &RepoName) -> String {
        format!("{}/{name}", self.settings.host)
    }

    /// Create a repository. For those who administer its namespace.
    pub async fn create_repository(&self, ctx: &Ctx, new: NewRepository) -> Result<Repository, Error> {
        let repository = new.create(ctx)?;
        let name = &repository.name;
        db::write!(self.db, ctx, |tx| {
            let level = Level::of(tx, &ctx.actor, On::Repository, name.namespace(), name.name()).await?;
            if level != Some(Level::Admin) {
                Level::require_owner(tx, &ctx.actor, name.namespace()).await?;
            }
            Identity::require_namespace(tx, name.namespace()).await?;
            if store::repository(tx, name).await?.is_some() {
                return Err(Error::Exists(name.clone()));
            }
            Ok(record::created(tx, ctx, &repository, "request").await?)
        })?;
        Ok(repository)
    }

    pub async fn repository(&self, ctx: &Ctx, name: &RepoName) -> Result<Repository, Error> {
        Registry::authorize(&mut self.db.read().await?, ctx, name, Right::Pull).await
    }

    /// Change settings. Switching immutability on binds every present tag to its digest.
    pub async fn update_repository(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        changes: RepositoryChanges,
    ) -> Result<Repository, Error> {
        db::write!(self.db, ctx, |tx| {
            let before = Registry::authorize(tx, ctx, name, Right::Admin).await?;
            let settings = before.settings();
            let repository = before.changed(changes.clone())?;
            store::update_repository(tx, &repository).await?;
            let entry = Entry::new("repository.updated")
                .about(record::repository_subject(name))
                .detail("before", settings)
                .set(record::repository_key(name), repository.settings());
            let entry = audit::append(tx, ctx, entry).await?;
            record::repository_event(tx, ctx, "repository.updated", &repository, &entry).await?;
            Ok(repository)
        })
    }

    /// Delete a repository with its tags and manifests, so that it can be brought back for a while. Refused while anything in
    /// it is held.
    pub async fn delete_repository(&self, ctx: &Ctx, name: &RepoName) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let repository = Registry::authorize(tx, ctx, name, Right::Admin).await?;
            Registry::require_writable(tx).await?;
            if let Some(hold) = store::first_hold(tx, &repository.id).await? {
                return Err(hold.refusal(&repository.name));
            }
            let names = store::tag_names(tx, &repository.id).await?;
            self.take_away(tx, ctx, &repository).await?;
            let namespace = name.namespace().parse().map_err(identity::Error::from)?;
            Identity::forget_grants(tx, ctx, On::Repository, (&namespace, name.name())).await?;
            let entry = Entry::new("repository.deleted")
                .about(record::repository_subject(name))
                .unset(record::repository_key(name))
                .unset(record::repository_quota_key(name));
            let entry = audit::append(tx, ctx, unset_tags(entry, name, names.iter().take(TAGS_PER_ENTRY))).await?;
            for names in names.get(TAGS_PER_ENTRY..).unwrap_or(&[]).chunks(TAGS_PER_ENTRY) {
                let more = Entry::new("repository.deleted").about(record::repository_subject(name));
                audit::append(tx, ctx, unset_tags(more, name, names.iter())).await?;
            }
            Ok(record::repository_event(tx, ctx, "repository.deleted", &repository, &entry).await?)
        })
    }

    /// For good, or aside for as long as it can be brought back.
    async fn take_away(&self, tx: &mut Tx, ctx: &Ctx, repository: &Repository) -> Result<(), Error> {
        if self.settings.undo.is_zero() {
            store::review_bytes_of(tx, &repository.id, collect::after(ctx, limits::BYTES_REVIEW_AFTER)).await?;
            return Ok(store::delete_repository(tx, &repository.id).await?);
        }
        store::put_repository_aside(tx, &repository.id, ctx.now).await?;
        self.removal("request").note(tx, ctx, repository, Deleted::Repository).await
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        Ok(store::state(tx).await?)
    }

    /// Forbid that something is deleted. Part of the transaction of whoever depends on it.
    pub async fn hold(
        tx: &mut Tx,
        ctx: &Ctx,
        name: &RepoName,
        hold: &Hold,
        owner: &str,
        reason: &str,
    ) -> Result<(), Error> {
        let repository = store::repository(tx, name).await?.ok_or_else(|| Error::NameUnknown(name.clone()))?;
        Ok(store::insert_hold(tx, ctx, &repository.id, hold, owner, reason).await?)
    }

    /// Take back what [`Registry::hold`] of the same owner forbade; gives whether there was such a hold.
    pub async fn release(tx: &mut Tx, name: &RepoName, hold: &Hold, owner: &str) -> Result<bool, Error> {
        Ok(store::delete_hold(tx, name, hold, owner).await?)
    }
}

fn unset_tags<'a>(mut entry: Entry, name: &RepoName, tags: impl Iterator<Item = &'a oci::Tag>) -> Entry {
    for tag in tags {
        entry = entry.unset(record::tag_key(name, tag)).unset(record::origin_key(name, tag));
        entry = entry.unset(record::tag_name_key(name, tag));
    }
    entry
}
