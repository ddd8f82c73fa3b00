//! The service: what all its parts share.

use std::{sync::Arc, time::Duration};

use base::{Actor, Clock, Ctx, Secret, digest_hex};
use db::{Db, Tx};
use forge::{Forge, Project, ProjectId, ProjectRef};
use identity::{Level, Sealer};
use tokio::sync::watch;

use crate::{Error, Job, JobStatus, Pipeline, advance::Advanced, mask::TOKEN_PREFIX, predefined::Site, store};

/// The pipelines of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Ci(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) forge: Forge,
    pub(crate) clock: Clock,
    pub(crate) sealer: Sealer,
    pub(crate) site: Site,
    pub(crate) lost_after: Duration,
    pub(crate) hold: Duration,
    /// Changes when jobs begin to wait for a runner.
    pub(crate) queue: watch::Sender<u64>,
    /// Changes when a log grows or a job changes its state.
    pub(crate) news: watch::Sender<u64>,
    /// Becomes true when the process is about to end.
    pub(crate) ending: watch::Sender<bool>,
}

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// `https://host:port`.
    pub url: String,
    /// `host:port`, as it stands in image references.
    pub authority: String,
    /// Seals variables at rest.
    pub key: Secret<[u8; 32]>,
    /// After this long without a word from its runner, a job is taken to be lost.
    pub lost_after: Duration,
    /// How long a runner's question for a job is held.
    pub hold: Duration,
}

impl Config {
    /// The numbers that fit stock runners: they show a sign of life every 30 seconds.
    pub fn new(url: &str, authority: &str, key: Secret<[u8; 32]>) -> Config {
        let (lost_after, hold) = (Duration::from_secs(60), Duration::from_secs(20));
        Config { url: url.to_owned(), authority: authority.to_owned(), key, lost_after, hold }
    }
}

/// What the token of a running job stands for.
#[derive(Clone, Debug)]
pub struct JobAccess {
    pub job: i64,
    /// The job's own project, which it may read whatever its person may.
    pub project: ProjectId,
    /// Whom it acts for.
    pub actor: Actor,
}

impl Ci {
    pub fn new(db: Db, forge: Forge, config: Config, clock: Clock) -> Ci {
        Ci(Arc::new(Inner {
            db,
            forge,
            clock,
            sealer: Sealer::new(&config.key),
            site: Site { url: config.url, authority: config.authority },
            lost_after: config.lost_after,
            hold: config.hold,
            queue: watch::Sender::new(0),
            news: watch::Sender::new(0),
            ending: watch::Sender::new(false),
        }))
    }

    /// Answer the questions that are held, and hold none from now on: a server that is to stop must not wait for them, and
    /// a job must not be given away by one that is going.
    pub fn end_questions(&self) {
        self.0.ending.send_replace(true);
    }

    /// A receiver that changes when a log of this process grows or a job changes its state: a hint to look again.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.0.news.subscribe()
    }

    /// What a job's token may be used for, while the job runs.
    pub async fn job_access(&self, token: &Secret) -> Result<Option<JobAccess>, Error> {
        if !token.expose().starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let mut tx = self.0.db.read().await?;
        let job = store::jobs::by_token(&mut tx, &digest_hex(token.expose().as_bytes())).await?;
        let Some(job) = job.filter(|job| job.status == JobStatus::Running) else { return Ok(None) };
        let pipeline = pipeline_of(&mut tx, &job).await?;
        let registry = job.registry_token.as_ref().map(|id| id.to_string()).unwrap_or_default();
        let actor = pipeline.actor(job.id, &registry);
        Ok(Some(JobAccess { job: job.id, project: job.project, actor }))
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        Ok(store::settings::state(tx).await?)
    }

    /// Tell those who wait what a committed transaction did.
    pub(crate) async fn after(&self, advanced: &Advanced) {
        if advanced.queued {
            self.0.queue.send_modify(|count| *count += 1);
        }
        self.0.news.send_modify(|count| *count += 1);
        for pipeline in &advanced.finished {
            // Made again when one of its jobs is tried again.
            if let Err(error) = self.0.forge.release_pipeline(pipeline.project, pipeline.id).await {
                tracing::warn!(pipeline = pipeline.id, %error, "the ref of a finished pipeline could not be removed");
            }
        }
    }

    /// A new context of now, for work that goes on longer than a request.
    pub(crate) fn fresh(&self, ctx: &Ctx) -> Ctx {
        Ctx { now: self.0.clock.now(), ..ctx.clone() }
    }
}

/// A project in which the actor has this level.
pub(crate) async fn require(tx: &mut Tx, ctx: &Ctx, which: &ProjectRef, level: Level) -> Result<Project, Error> {
    Ok(Forge::require(tx, ctx, which, level).await?)
}

pub(crate) async fn pipeline_of(tx: &mut Tx, job: &Job) -> Result<Pipeline, Error> {
    let missing = || Error::Internal(format!("job {} belongs to no pipeline", job.id));
    store::pipeline(tx, job.pipeline).await?.ok_or_else(missing)
}
