//! The jobs: what wakes mirroring.

use base::{Ctx, Id, Kind};
use jobs::{Failure, Job, Subscription, Worker};
use oci::{Digest, RepoName, Tag};
use policy::{Need, Policy};
use promote::WaiverScope;
use serde::Deserialize;

use crate::{Direction, Error, Mirror, MirroringPolicy, policies, store};

/// Looks every half minute for polls that are due and transfers to be tried again.
pub const EVERY_JOB: &str = "mirror.every";
/// Has every repository polled.
pub const POLL_JOB: &str = "mirror.poll";
/// Runs for each push to, and each scan in, a repository with push policies.
pub(crate) const EVALUATE_JOB: &str = "mirror.evaluate";
/// Runs when something changed of what policies ask for that is no push and no scan.
pub(crate) const AGAIN_JOB: &str = "mirror.again";
/// Holds a policy against everything there is.
pub(crate) const APPLY_JOB: &str = "mirror.apply";
/// Transfers what is due of a policy.
pub(crate) const TRANSFER_JOB: &str = "mirror.transfer";
/// Runs when a repository is gone.
const FORGET_JOB: &str = "mirror.forget";

/// The events that wake us.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription { event: "image.pushed", job: EVALUATE_JOB, filtered: true },
    Subscription { event: "scan.completed", job: EVALUATE_JOB, filtered: true },
    Subscription { event: "tag.deleted", job: EVALUATE_JOB, filtered: true },
    Subscription { event: "trust.published", job: AGAIN_JOB, filtered: true },
    Subscription { event: "trust.deleted", job: AGAIN_JOB, filtered: true },
    Subscription { event: "signers.changed", job: AGAIN_JOB, filtered: false },
    Subscription { event: "evidence.changed", job: AGAIN_JOB, filtered: false },
    Subscription { event: "snapshot.matched", job: AGAIN_JOB, filtered: false },
    Subscription { event: "repository.deleted", job: FORGET_JOB, filtered: false },
];

#[derive(Deserialize)]
struct About {
    repository: RepoName,
    tag: Option<Tag>,
    digest: Digest,
}

#[derive(Deserialize)]
struct Gone {
    repository: RepoName,
}

/// What of it is about some repositories only.
#[derive(Deserialize)]
struct Changed {
    repository: Option<RepoName>,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct OfPolicy {
    policy: Id<MirroringPolicy>,
}

impl Mirror {
    /// Let this worker run our jobs.
    pub fn work_on(&self, worker: Worker) -> Worker {
        let (every, poll, evaluate, again) = (self.clone(), self.clone(), self.clone(), self.clone());
        let (apply, transfer, forget) = (self.clone(), self.clone(), self.clone());
        worker
            .on(EVERY_JOB, move |ctx, _| {
                let mirror = every.clone();
                async move { mirror.run_every(&ctx).await.map_err(failure) }
            })
            .on(POLL_JOB, move |ctx, _| {
                let mirror = poll.clone();
                async move { mirror.run_poll(&ctx).await.map_err(failure) }
            })
            .on(EVALUATE_JOB, move |ctx, job| {
                let mirror = evaluate.clone();
                async move { mirror.run_evaluate(&ctx, &job).await }
            })
            .on(AGAIN_JOB, move |ctx, job| {
                let mirror = again.clone();
                async move { mirror.run_again(&ctx, &job).await }
            })
            .on(APPLY_JOB, move |ctx, job| {
                let mirror = apply.clone();
                async move { mirror.run_apply(&ctx, &job).await }
            })
            .on(TRANSFER_JOB, move |ctx, job| {
                let mirror = transfer.clone();
                async move {
                    let Some(policy) = mirror.policy_of(&job).await? else { return Ok(()) };
                    mirror.transfer(&ctx, &policy).await.map_err(failure)
                }
            })
            .on(FORGET_JOB, move |ctx, job| {
                let mirror = forget.clone();
                async move { mirror.run_forget(&ctx, &job).await }
            })
    }

    /// Say anew which repositories have push policies, as an earlier program may not have; at each start.
    pub async fn resume(&self, ctx: &Ctx) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| Ok(policies::watch(tx).await?))
    }

    async fn run_every(&self, ctx: &Ctx) -> Result<(), Error> {
        let due = store::policies_due(&mut self.db.read().await?, ctx.now).await?;
        if due.is_empty() {
            return Ok(());
        }
        db::write!(self.db, ctx, |tx| {
            for policy in &due {
                policies::transfer_later(tx, ctx, policy, None).await?;
            }
            Ok(())
        })
    }

    async fn run_evaluate(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let event = job.event()?;
        let about: About = serde_json::from_value(event.data.clone()).map_err(Failure::last)?;
        let ctx = &ctx.clone().caused_by(Some(event.entry.clone()));
        if let (Some(tag), "tag.deleted") = (&about.tag, event.kind.as_str()) {
            // Whoever makes it again has it mirrored again.
            let forgotten: Result<(), db::Error> =
                db::write!(self.db, ctx, |tx| store::forget_tag(tx, &about.repository, tag).await);
            return Ok(forgotten?);
        }
        if let Some(tag) = &about.tag {
            self.evaluate(ctx, &about.repository, tag).await.map_err(failure)?;
        }
        if event.kind == "image.pushed" {
            return Ok(());
        }
        let indexes = self.promote.tags_of_indexes(&about.repository, &about.digest).await;
        for tag in indexes.map_err(|error| failure(error.into()))? {
            self.evaluate(ctx, &about.repository, &tag).await.map_err(failure)?;
        }
        Ok(())
    }

    /// Hold push policies against what they may want now, where they ask for what changed.
    async fn run_again(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let event = job.event()?;
        let changed: Changed = serde_json::from_value(event.data.clone()).map_err(Failure::last)?;
        let ctx = &ctx.clone().caused_by(Some(event.entry.clone()));
        let mut tx = self.db.read().await?;
        let mut repositories = store::push_repositories(&mut tx).await?;
        if let Some(repository) = &changed.repository {
            repositories.retain(|name| name == repository);
        }
        if let Some(scope) = &changed.scope {
            let scope: WaiverScope = scope.parse().map_err(Failure::last)?;
            repositories = scope.among(&mut tx, repositories).await.map_err(|error| failure(error.into()))?;
        }
        let mut policies = Vec::new();
        for repository in &repositories {
            policies.extend(store::of_repository(&mut tx, repository, Some(Direction::Push)).await?);
        }
        drop(tx);
        policies.retain(|policy| policy.policy.enabled() && asks_for(&policy.policy, &event.kind));
        for policy in &policies {
            self.evaluate_all(ctx, policy).await.map_err(failure)?;
        }
        Ok(())
    }

    async fn run_apply(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let Some(policy) = self.policy_of(job).await? else { return Ok(()) };
        if policy.direction == Direction::Push {
            self.evaluate_all(ctx, &policy).await.map_err(failure)?;
        }
        let written: Result<(), db::Error> = db::write!(self.db, ctx, |tx| {
            policies::transfer_later(tx, ctx, &policy.id, ctx.cause.as_deref()).await
        });
        Ok(written?)
    }

    /// The policy a job is about, while it is there and enabled.
    async fn policy_of(&self, job: &Job) -> Result<Option<MirroringPolicy>, Failure> {
        let of: OfPolicy = serde_json::from_value(job.payload.clone()).map_err(Failure::last)?;
        let policy = store::policy(&mut self.db.read().await?, &of.policy).await?;
        Ok(policy.filter(|policy| policy.policy.enabled()))
    }

    /// Policies of a repository that is gone go too: whoever makes one of that name again must not inherit them.
    async fn run_forget(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let event = job.event()?;
        let gone: Gone = serde_json::from_value(event.data.clone()).map_err(Failure::last)?;
        let forgotten: Result<(), Error> = db::write!(self.db, ctx, |tx| {
            for policy in store::of_repository(tx, &gone.repository, None).await? {
                if policy.created_at <= event.at {
                    policies::remove(tx, ctx, &policy).await?;
                }
            }
            Ok(())
        });
        forgotten.map_err(failure)
    }
}

/// Whether what an event of this kind changed is among what the policy asks for.
fn asks_for(policy: &Policy, event: &str) -> bool {
    match event {
        "evidence.changed" => policy.needs_scan(),
        "snapshot.matched" => policy.needs(Need::Findings),
        _ => policy.needs(Need::Signatures),
    }
}

fn failure(error: Error) -> Failure {
    match error.kind() {
        Kind::Unavailable | Kind::Internal | Kind::Conflict => Failure::retry(error),
        _ => Failure::last(error),
    }
}
