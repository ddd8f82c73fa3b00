//! Writing and reading policies.

use audit::Entry;
use base::{Ctx, Id, limits};
use db::Tx;
use identity::Level;
use jobs::{Job, NewJob};
use oci::RepoName;
use registry::{Registry, Right};

use crate::{
    Error, Prune, PruningForm, PruningPolicy,
    jobs::{EVERY_JOB, REPOSITORY_JOB},
    store,
};

impl Prune {
    /// Have all policies looked at by a job now, as the clock does. Administrators of the installation only.
    pub async fn request_all(&self, ctx: &Ctx) -> Result<Id<Job>, Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await.map_err(registry::Error::from)?;
            let entry = audit::append(tx, ctx, Entry::new("pruning.requested")).await?;
            let job = NewJob::new(EVERY_JOB, serde_json::Value::Null).in_lane(&format!("schedule {EVERY_JOB}"));
            Ok::<_, Error>(jobs::enqueue(tx, ctx, job.caused_by(&entry)).await?)
        })
    }

    /// Write a policy: admin level on the repository. With `all` it is also about the tags there are ("Prune all tags"), without
    /// only about those set from now on ("Prune future tags").
    pub async fn create(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        form: PruningForm,
        all: bool,
    ) -> Result<PruningPolicy, Error> {
        let made = PruningPolicy {
            id: Id::new(ctx),
            repository: repository.clone(),
            promoted_too: form.promoted_too.unwrap_or(false),
            policy: form.understood(repository)?,
            since: (!all).then_some(ctx.now),
            created_by: ctx.actor.label(),
            created_at: ctx.now,
            last_pruned_at: None,
        };
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, repository, Right::Admin).await?;
            let others = store::of_repository(tx, repository).await?;
            if let Some(same) = others.iter().find(|other| other.policy == made.policy) {
                return Err(Error::Conflict(format!("{repository} has this policy already: {}", same.id)));
            }
            if others.len() >= limits::POLICIES_PER_REPOSITORY {
                let most = limits::POLICIES_PER_REPOSITORY;
                return Err(Error::Conflict(format!(
                    "{repository} has {most} pruning policies already; delete one first"
                )));
            }
            store::insert(tx, &made).await?;
            save(tx, ctx, "pruning_policy.created", &made).await
        })?;
        Ok(made)
    }

    /// Change a policy; the same right.
    pub async fn update(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        id: &Id<PruningPolicy>,
        form: PruningForm,
        all: bool,
    ) -> Result<PruningPolicy, Error> {
        db::write!(self.db, ctx, |tx| {
            let before = policy_at(tx, ctx, repository, id, Right::Admin).await?;
            let mut after = before.changed(form.clone())?;
            after.since = (!all).then_some(ctx.now);
            store::update(tx, &after).await?;
            save(tx, ctx, "pruning_policy.updated", &after).await?;
            Ok(after)
        })
    }

    /// Remove a policy. What it pruned stays so, and can be brought back as before.
    pub async fn delete(&self, ctx: &Ctx, repository: &RepoName, id: &Id<PruningPolicy>) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let policy = policy_at(tx, ctx, repository, id, Right::Admin).await?;
            remove(tx, ctx, &policy).await
        })
    }

    /// The policies of a repository, in the order they were made; for those who may see it.
    pub async fn list(&self, ctx: &Ctx, repository: &RepoName) -> Result<Vec<PruningPolicy>, Error> {
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, repository, Right::Pull).await?;
        Ok(store::of_repository(&mut tx, repository).await?)
    }

    pub async fn policy(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        id: &Id<PruningPolicy>,
    ) -> Result<PruningPolicy, Error> {
        policy_at(&mut self.db.read().await?, ctx, repository, id, Right::Pull).await
    }
}

async fn policy_at(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &RepoName,
    id: &Id<PruningPolicy>,
    right: Right,
) -> Result<PruningPolicy, Error> {
    Registry::authorize(tx, ctx, repository, right).await?;
    let found = store::policy(tx, id).await?.filter(|policy| policy.repository == *repository);
    found.ok_or_else(|| Error::NoSuchPolicy(id.to_string()))
}

/// A changed policy is evaluated at once.
async fn save(tx: &mut Tx, ctx: &Ctx, kind: &'static str, policy: &PruningPolicy) -> Result<(), Error> {
    let entry = entry(kind, policy)
        .detail("digest", policy.policy.digest())
        .detail("enabled", policy.policy.enabled())
        .detail("promoted_too", policy.promoted_too)
        .detail("since", policy.since.map(|at| at.to_string()))
        .set(policy.state_key(), policy.state());
    let entry = audit::append(tx, ctx, entry).await?;
    if policy.policy.enabled() {
        enqueue(tx, ctx, &policy.repository, Some(&entry)).await?;
    }
    Ok(())
}

pub(crate) async fn enqueue(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &RepoName,
    cause: Option<&str>,
) -> Result<(), db::Error> {
    let kind = REPOSITORY_JOB;
    let job = NewJob::new(kind, serde_json::json!({"repository": repository})).in_lane(&format!("{kind} {repository}"));
    let job = match cause {
        Some(entry) => job.caused_by(entry),
        None => job,
    };
    jobs::enqueue(tx, ctx, job).await.map(drop)
}

pub(crate) async fn remove(tx: &mut Tx, ctx: &Ctx, policy: &PruningPolicy) -> Result<(), Error> {
    store::delete(tx, &policy.id).await?;
    audit::append(tx, ctx, entry("pruning_policy.deleted", policy).unset(policy.state_key())).await?;
    Ok(())
}

fn entry(kind: &'static str, policy: &PruningPolicy) -> Entry {
    Entry::new(kind).about(policy.subject()).about(format!("repository/{}", policy.repository))
}
