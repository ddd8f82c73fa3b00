//! Where only robots push: *no human will build or deploy*.
//!
//! A repository says it of itself, a namespace of all its repositories. Then what a push brings, and a promotion by hand, is
//! refused to persons, whatever their level. Robots push, jobs of pipelines, and the program itself for a policy. Deleting is
//! no push; and who pushes what is there already, as `docker trust sign` does, changes nothing and may.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use audit::Entry;
use base::{AccountName, Ctx, Timestamp, limits};
use db::Tx;
use identity::{Identity, Level};
use oci::RepoName;

use crate::{Error, Registry, Repository, record, store};

/// Whose refused pushes the log has of late: who pushes in a loop shall not fill it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusals(Arc<Mutex<HashMap<(String, String), Timestamp>>>);

impl Refusals {
    /// Whether this one is to be told.
    fn is_news(&self, who: String, name: &RepoName, now: Timestamp) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |at: &Timestamp| now.duration_since(*at).unsigned_abs() < limits::REFUSED_PUSH_REST;
        if told.len() >= limits::REFUSED_PUSHES {
            told.retain(|_, at| fresh(at));
        }
        let key = (who, name.to_string());
        if told.get(&key).is_some_and(fresh) || told.len() >= limits::REFUSED_PUSHES {
            return false;
        }
        told.insert(key, now);
        true
    }
}

impl Registry {
    /// Refuse a person where only robots push. `repository` is `None` where the push would make it.
    pub(crate) async fn require_pusher(
        tx: &mut Tx,
        ctx: &Ctx,
        name: &RepoName,
        repository: Option<&Repository>,
    ) -> Result<(), Error> {
        let said_by = match repository {
            Some(repository) if repository.only_robots_push => format!("repository {name}"),
            _ if store::only_robots_push(tx, name.namespace()).await? => format!("namespace {}", name.namespace()),
            _ => return Ok(()),
        };
        match Identity::is_robot(tx, ctx).await? {
            true => Ok(()),
            false => Err(Error::RobotsOnly { repository: name.clone(), said_by }),
        }
    }

    /// Have a refused push in the log, with its reason; of one account and repository one in a while.
    pub async fn tell_refused<T>(&self, ctx: &Ctx, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error @ Error::RobotsOnly { repository, .. }) = &outcome
            && self.refusals.is_news(ctx.actor.label(), repository, ctx.now)
        {
            let entry = Entry::new("push.refused")
                .about(record::repository_subject(repository))
                .detail("repository", repository)
                .detail("reason", error.to_string());
            db::write!(self.db, ctx, |tx| {
                audit::append(tx, ctx, entry.clone()).await?;
                Ok::<_, Error>(())
            })?;
        }
        outcome
    }

    /// Whether only robots push in a namespace. For its owners.
    pub async fn only_robots_push(&self, ctx: &Ctx, namespace: &AccountName) -> Result<bool, Error> {
        let mut tx = self.db.read().await?;
        Level::require_owner(&mut tx, &ctx.actor, namespace.as_str()).await?;
        Ok(store::only_robots_push(&mut tx, namespace.as_str()).await?)
    }

    /// Say so of all repositories of a namespace, also of those to come. For its owners.
    pub async fn set_only_robots_push(&self, ctx: &Ctx, namespace: &AccountName, on: bool) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, namespace.as_str()).await?;
            Identity::require_namespace(tx, namespace.as_str()).await?;
            store::set_only_robots_push(tx, namespace.as_str(), on).await?;
            let (entry, key) = (
                Entry::new("namespace.updated").about(format!("account/{namespace}")),
                record::pushers_key(namespace.as_str()),
            );
            audit::append(tx, ctx, if on { entry.set(key, "robots") } else { entry.unset(key) }).await?;
            Ok(())
        })
    }

    /// Refuse that an account goes while repositories are in its namespace; forget what was said of the namespace. Part of
    /// the transaction of whoever deletes the account.
    pub async fn leave_namespace(tx: &mut Tx, ctx: &Ctx, namespace: &AccountName) -> Result<(), Error> {
        if let Some((name, deleted)) = store::any_repository(tx, namespace.as_str()).await? {
            let how = match deleted {
                true => "can still be brought back, or some of its tags; wait until that is over",
                false => "is in its namespace; delete that first",
            };
            return Err(Error::Conflict(format!("{namespace} cannot be deleted: the repository {name} {how}")));
        }
        if store::only_robots_push(tx, namespace.as_str()).await? {
            store::set_only_robots_push(tx, namespace.as_str(), false).await?;
            let entry = Entry::new("namespace.updated").about(format!("account/{namespace}"));
            audit::append(tx, ctx, entry.unset(record::pushers_key(namespace.as_str()))).await?;
        }
        if store::namespace_has_quota(tx, namespace.as_str()).await? {
            store::set_namespace_quota(tx, namespace.as_str(), 0).await?;
            let entry = Entry::new("quota.set").about(format!("account/{namespace}")).detail("bytes", 0);
            audit::append(tx, ctx, entry.unset(record::namespace_quota_key(namespace.as_str()))).await?;
        }
        Ok(())
    }
}
