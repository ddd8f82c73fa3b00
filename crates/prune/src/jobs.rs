//! The jobs: what wakes pruning.

use base::{Ctx, Kind};
use jobs::{Failure, Job, Subscription, Worker};
use oci::RepoName;
use serde::Deserialize;

use crate::{Error, Prune, policies, store};

/// Runs every fifteen minutes: has every repository with policies looked at.
pub const EVERY_JOB: &str = "prune.every";
/// Prunes one repository.
pub const REPOSITORY_JOB: &str = "prune.repository";
/// Runs when a repository is gone.
const FORGET_JOB: &str = "prune.forget";

/// The events that wake us.
pub const SUBSCRIPTIONS: &[Subscription] =
    &[Subscription { event: "repository.deleted", job: FORGET_JOB, filtered: false }];

#[derive(Deserialize)]
struct About {
    repository: RepoName,
}

impl Prune {
    /// Let this worker run our jobs.
    pub fn work(&self, worker: Worker) -> Worker {
        let (every, one, forget) = (self.clone(), self.clone(), self.clone());
        worker
            .on(EVERY_JOB, move |ctx, _| {
                let prune = every.clone();
                async move { prune.run_every(&ctx).await.map_err(failure) }
            })
            .on(REPOSITORY_JOB, move |ctx, job| {
                let prune = one.clone();
                async move {
                    let about: About = serde_json::from_value(job.payload.clone()).map_err(Failure::last)?;
                    prune.prune(&ctx, &about.repository).await.or_else(later).map_err(failure)
                }
            })
            .on(FORGET_JOB, move |ctx, job| {
                let prune = forget.clone();
                async move { prune.run_forget(&ctx, &job).await }
            })
    }

    async fn run_every(&self, ctx: &Ctx) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            for repository in store::repositories(tx).await? {
                policies::enqueue(tx, ctx, &repository, None).await?;
            }
            Ok(())
        })
    }

    /// Policies of a repository that is gone go too: whoever makes one of that name again must not inherit them.
    async fn run_forget(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let event = job.event()?;
        let gone: About = serde_json::from_value(event.data.clone()).map_err(Failure::last)?;
        let forgotten: Result<(), Error> = db::write!(self.db, ctx, |tx| {
            for policy in store::of_repository(tx, &gone.repository).await? {
                if policy.created_at <= event.at {
                    policies::remove(tx, ctx, &policy).await?;
                }
            }
            Ok(())
        });
        forgotten.map_err(failure)
    }
}

/// What may not be written now is looked at in a quarter of an hour anyhow.
fn later(error: Error) -> Result<(), Error> {
    match error {
        Error::Registry(registry::Error::ReadOnly(_) | registry::Error::NameUnknown(_)) => Ok(()),
        error => Err(error),
    }
}

fn failure(error: Error) -> Failure {
    match error.kind() {
        Kind::Unavailable | Kind::Internal | Kind::Conflict => Failure::retry(error),
        _ => Failure::last(error),
    }
}
