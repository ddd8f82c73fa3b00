//! Writing and reading policies.

use std::collections::BTreeSet;

use audit::Entry;
use base::{Ctx, Id, limits};
use db::Tx;
use jobs::NewJob;
use oci::RepoName;
use policy::PolicyForm;
use registry::{Registry, Right};

use crate::{
    Error, PolicyChange, Promote, PromotionPolicy,
    jobs::{APPLY_JOB, EVALUATE_JOB, SIGNED_JOB},
    promotion_policy::understood,
    store,
};

impl Promote {
    /// Write a policy: admin level on both repositories. With `apply` everything in the source is evaluated too ("Save &
    /// Apply"), without only what is pushed from now on ("Save").
    pub async fn create_policy(
        &self,
        ctx: &Ctx,
        source: &RepoName,
        form: PolicyForm,
        apply: bool,
    ) -> Result<PromotionPolicy, Error> {
        let (policy, target) = understood(form)?;
        let made = PromotionPolicy {
            id: Id::new(ctx),
            source: source.clone(),
            target,
            policy,
            created_by: ctx.actor.label(),
            created_at: ctx.now,
            last_promoted_at: None,
        };
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, source, Right::Admin).await?;
            check(tx, ctx, &made).await?;
            let others = store::policies_of_source(tx, source).await?;
            // A person whose first attempt was done, but not answered, must not promote everything twice.
            if let Some(same) = others.iter().find(|other| other.policy == made.policy) {
                return Err(Error::Conflict(format!("{source} has this policy already: {}", same.id)));
            }
            if others.len() >= limits::POLICIES_PER_REPOSITORY {
                let most = limits::POLICIES_PER_REPOSITORY;
                return Err(Error::Conflict(format!("{source} has {most} policies already; delete one first")));
            }
            store::insert_policy(tx, &made).await?;
            watch(tx).await?;
            save(tx, ctx, "policy.created", &made, apply).await
        })?;
        Ok(made)
    }

    /// Say anew which repositories have policies, as an earlier program may not have, and have signed again what another key signed; at
    /// each start.
    pub async fn resume(&self, ctx: &Ctx) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            watch(tx).await?;
            self.renew_later(tx, ctx).await
        })
    }

    /// Change a policy; the same rights as to write it, also on the target it had.
    pub async fn update_policy(
        &self,
        ctx: &Ctx,
        source: &RepoName,
        id: &Id<PromotionPolicy>,
        change: PolicyChange,
        apply: bool,
    ) -> Result<PromotionPolicy, Error> {
        db::write!(self.db, ctx, |tx| {
            let before = policy_at(tx, ctx, source, id).await?;
            Registry::authorize(tx, ctx, source, Right::Admin).await?;
            let after = before.clone().changed(change.clone())?;
            check(tx, ctx, &after).await?;
            if before.target != after.target {
                Registry::authorize(tx, ctx, &before.target, Right::Admin).await?;
            }
            store::update_policy(tx, &after).await?;
            watch(tx).await?;
            save(tx, ctx, "policy.updated", &after, apply).await?;
            Ok(after)
        })
    }

    /// Remove a policy: admin level on the source or on the target. What it decided stays.
    pub async fn delete_policy(&self, ctx: &Ctx, source: &RepoName, id: &Id<PromotionPolicy>) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let policy = policy_at(tx, ctx, source, id).await?;
            if let Err(refused) = Registry::authorize(tx, ctx, &policy.source, Right::Admin).await {
                let at_target = Registry::authorize(tx, ctx, &policy.target, Right::Admin).await;
                at_target.map_err(|_| refused)?;
            }
            remove(tx, ctx, &policy).await
        })
    }

    /// The same for who knows its id alone; gives the source.
    pub async fn delete_policy_by_id(&self, ctx: &Ctx, id: &Id<PromotionPolicy>) -> Result<RepoName, Error> {
        let found = store::policy(&mut self.db.read().await?, id).await?;
        let policy = found.ok_or_else(|| Error::NotFound { what: "promotion policy", name: id.to_string() })?;
        self.delete_policy(ctx, &policy.source, id).await?;
        Ok(policy.source)
    }

    /// The policies of a repository as source or as target; for those who may see it.
    pub async fn policies(&self, ctx: &Ctx, name: &RepoName, as_source: bool) -> Result<Vec<PromotionPolicy>, Error> {
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        Ok(match as_source {
            true => store::policies_of_source(&mut tx, name).await?,
            false => store::policies_of_target(&mut tx, name).await?,
        })
    }

    /// One policy of a repository, which is its source or its target.
    pub async fn policy(&self, ctx: &Ctx, name: &RepoName, id: &Id<PromotionPolicy>) -> Result<PromotionPolicy, Error> {
        policy_at(&mut self.db.read().await?, ctx, name, id).await
    }
}

/// The policy, if this repository is one of its two and the actor may see it.
async fn policy_at(
    tx: &mut Tx,
    ctx: &Ctx,
    name: &RepoName,
    id: &Id<PromotionPolicy>,
) -> Result<PromotionPolicy, Error> {
    Registry::authorize(tx, ctx, name, Right::Pull).await?;
    let found = store::policy(tx, id).await?.filter(|policy| policy.source == *name || policy.target == *name);
    found.ok_or_else(|| Error::NotFound { what: "promotion policy", name: id.to_string() })
}

/// The target must be the actor's to administer, and no way may lead from it back to the source: an image would go round for
/// ever under ever new tags.
async fn check(tx: &mut Tx, ctx: &Ctx, policy: &PromotionPolicy) -> Result<(), Error> {
    Registry::authorize(tx, ctx, &policy.target, Right::Admin).await?;
    let mut seen = BTreeSet::new();
    let mut waiting = vec![policy.target.clone()];
    while let Some(name) = waiting.pop() {
        if name == policy.source {
            return Err(Error::Policy(format!(
                "the policies would promote in a circle: from {} an image already comes to {}",
                policy.target, policy.source
            )));
        }
        if seen.insert(name.clone()) {
            let others = store::policies_of_source(tx, &name).await?;
            waiting.extend(others.into_iter().filter(|other| other.id != policy.id).map(|other| other.target));
        }
    }
    Ok(())
}

async fn save(tx: &mut Tx, ctx: &Ctx, kind: &'static str, policy: &PromotionPolicy, apply: bool) -> Result<(), Error> {
    store::insert_document(tx, &policy.policy.digest(), &policy.policy.canonical()).await?;
    let entry = entry(kind, policy)
        .detail("digest", policy.policy.digest())
        .detail("enabled", policy.policy.enabled())
        .detail("apply", apply)
        .set(policy.state_key(), policy.state());
    let entry = audit::append(tx, ctx, entry).await?;
    if apply {
        let job = NewJob::new(APPLY_JOB, serde_json::json!({"policy": policy.id}));
        jobs::enqueue(tx, ctx, job.in_lane(&format!("{APPLY_JOB} {}", policy.id)).caused_by(&entry)).await?;
    }
    Ok(())
}

pub(crate) async fn remove(tx: &mut Tx, ctx: &Ctx, policy: &PromotionPolicy) -> Result<(), Error> {
    store::delete_policy(tx, &policy.id).await?;
    watch(tx).await?;
    audit::append(tx, ctx, entry("policy.deleted", policy).unset(policy.state_key())).await?;
    Ok(())
}

/// Let pushes, scans and signatures in the sources and targets of policies wake us, and no others.
async fn watch(tx: &mut Tx) -> Result<(), Error> {
    let watched: Vec<String> = store::sources_and_targets(tx).await?.iter().map(ToString::to_string).collect();
    jobs::want(tx, SIGNED_JOB, &watched).await?;
    Ok(jobs::want(tx, EVALUATE_JOB, &watched).await?)
}

fn entry(kind: &'static str, policy: &PromotionPolicy) -> Entry {
    Entry::new(kind)
        .about(policy.subject())
        .about(format!("repository/{}", policy.source))
        .about(format!("repository/{}", policy.target))
}
