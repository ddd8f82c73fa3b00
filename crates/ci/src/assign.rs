//! Handing jobs to runners: `POST /jobs/request`, held until there is one.

use std::time::Duration;

use audit::Entry;
use base::{Actor, Ctx, Secret, digest_hex};
use db::Tx;
use forge::Forge;
use identity::Identity;
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    Ci, Error, Job, JobEvent, JobStatus, Pipeline, Runner, RunnerKind,
    advance::{Advanced, advance},
    mask::TOKEN_PREFIX,
    payload::Assignment,
    predefined,
    runners::RunnerInfo,
    service::pipeline_of,
    store,
};

/// How often a held question looks by itself: another replica may have queued a job, or a delayed one is due.
const LOOK: Duration = Duration::from_secs(2);

/// The answer to a runner.
#[derive(Debug)]
pub enum Asked {
    Job(Box<Value>),
    None,
    /// Its token is not, or no longer, one of ours.
    Denied,
}

/// A job that has a runner now.
struct Assigned {
    payload: Value,
    pipeline: Pipeline,
    advanced: Advanced,
}

impl Ci {
    /// The oldest job that this runner may take; waits for one as long as questions are held.
    pub async fn request_job(&self, ctx: &Ctx, token: &Secret, info: &RunnerInfo) -> Result<Asked, Error> {
        let ctx = ctx.clone().with_actor(Actor::System("runner"));
        let until = Instant::now() + self.0.hold;
        let mut queue = self.0.queue.subscribe();
        let mut ending = self.0.ending.subscribe();
        loop {
            queue.mark_unchanged();
            if *ending.borrow_and_update() {
                return Ok(Asked::None);
            }
            let ctx = self.fresh(&ctx);
            let Some(runner) = self.runner(&ctx, token, info).await? else { return Ok(Asked::Denied) };
            if runner.paused {
                return Ok(Asked::None);
            }
            if let Some(assigned) = self.assign(&ctx, &runner).await? {
                self.after(&assigned.advanced).await;
                let pipeline = &assigned.pipeline;
                self.0.forge.keep_for_pipeline(pipeline.project, pipeline.id, &pipeline.sha).await?;
                return Ok(Asked::Job(Box::new(assigned.payload)));
            }
            let now = Instant::now();
            if now >= until {
                return Ok(Asked::None);
            }
            tokio::select! {
                _ = queue.changed() => {}
                _ = ending.changed() => {}
                () = tokio::time::sleep(LOOK.min(until - now)) => {}
            }
        }
    }

    async fn assign(&self, ctx: &Ctx, runner: &Runner) -> Result<Option<Assigned>, Error> {
        // A look without the writer first: an idle runner must not make the writers wait.
        if !store::jobs::any_due(&mut self.0.db.read().await?, ctx.now).await? {
            return Ok(None);
        }
        let token = format!("{TOKEN_PREFIX}job-{}", ctx.entropy.token(40));
        db::write!(self.0.db, ctx, |tx| {
            let Some((mut job, pipeline)) = choose(tx, ctx, runner).await? else { return Ok(None) };
            let from = job.status;
            job.status = from.next(JobEvent::Assign)?;
            (job.started_at, job.contact_at, job.runner) = (Some(ctx.now), Some(ctx.now), Some(runner.id));
            if !store::jobs::set_status(tx, &job, from).await? {
                return Ok(None);
            }
            let payload = self.equip(tx, ctx, &job, &pipeline, runner, &token).await?;
            audit::append(tx, ctx, entry(&job, &pipeline, runner)).await?;
            let advanced = advance(tx, ctx, pipeline.id).await?;
            Ok::<_, Error>(Some(Assigned { payload, pipeline, advanced }))
        })
    }

    /// Variables and credentials of a job that starts; they die with it.
    async fn equip(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        job: &Job,
        pipeline: &Pipeline,
        runner: &Runner,
        token: &str,
    ) -> Result<Value, Error> {
        let gone = || Error::Internal(format!("pipeline {} belongs to no project", pipeline.id));
        let project = Forge::by_id(tx, pipeline.project).await?.ok_or_else(gone)?;
        let limit = runner.maximum_timeout.and_then(|limit| u64::try_from(limit).ok()).unwrap_or(u64::MAX);
        let timeout_seconds = job.timeout_seconds().min(limit);

        let mut given = job.plan.variables.clone();
        given.extend(self.project_variables_in(tx, pipeline.project, pipeline.protected).await?);
        let sealed = store::pipeline_variables(tx, pipeline.id).await?;
        given.extend(self.open_variables(pipeline.id, &sealed)?);
        for variable in &mut given {
            if let Some(child) = Identity::derive_job_token(tx, ctx, &variable.value, job.id).await? {
                variable.value = child.expose().clone();
                (variable.masked, variable.public) = (true, false);
            }
        }
        let site = &self.0.site;
        let mut variables = predefined::of_pipeline(site, &project, pipeline);
        variables.extend(predefined::of_job(site, pipeline, job, runner, token, timeout_seconds));
        variables.extend(given);
        let variables = pipeline::expand_all(&variables)?;

        let registry_token = match &pipeline.account {
            Some(account) => Some(Identity::admit_job(tx, ctx, account, job.id).await?),
            None => None,
        };
        let secrets: Vec<&str> = variables.iter().filter(|own| own.masked).map(|own| own.value.as_str()).collect();
        let secrets = serde_json::to_vec(&secrets).expect("texts are plain data");
        let secrets = self.0.sealer.seal(&ctx.entropy, &secrets_place(job.id), &secrets);
        let hash = digest_hex(token.as_bytes());
        store::jobs::set_credentials(tx, job.id, &hash, registry_token.as_ref(), &secrets).await?;
        let queued_at = job.queued_at.unwrap_or(ctx.now);
        let queued_seconds = ctx.now.duration_since(queued_at).as_secs_f64().max(0.0);
        let assignment =
            Assignment { site, pipeline, job, runner, token, variables: &variables, timeout_seconds, queued_seconds };
        Ok(assignment.payload())
    }

    /// The texts that must not stand in a job's log.
    pub(crate) fn open_secrets(&self, job: i64, sealed: &[u8]) -> Result<Vec<String>, Error> {
        let opened = self.0.sealer.open(&secrets_place(job), sealed)?;
        serde_json::from_slice(opened.expose())
            .map_err(|error| Error::Internal(format!("the secrets of job {job}: {error}")))
    }
}

fn secrets_place(job: i64) -> String {
    format!("job/{job}/secrets")
}

/// The oldest job that this runner may take.
async fn choose(tx: &mut Tx, ctx: &Ctx, runner: &Runner) -> Result<Option<(Job, Pipeline)>, Error> {
    for job in store::jobs::due(tx, ctx.now).await? {
        if !fits(runner, &job) {
            continue;
        }
        let pipeline = pipeline_of(tx, &job).await?;
        if !runner.protected || pipeline.protected {
            return Ok(Some((job, pipeline)));
        }
    }
    Ok(None)
}

fn fits(runner: &Runner, job: &Job) -> bool {
    let tags = &job.plan.tags;
    let tagged = if tags.is_empty() { runner.run_untagged } else { tags.iter().all(|tag| runner.tags.contains(tag)) };
    let own = match runner.kind {
        RunnerKind::Instance => true,
        RunnerKind::Project(project) => project == job.project,
    };
    tagged && own && job.status == JobStatus::Pending
}

fn entry(job: &Job, pipeline: &Pipeline, runner: &Runner) -> Entry {
    Entry::new("job.started")
        .about(format!("job/{}", job.id))
        .about(format!("pipeline/{}", pipeline.id))
        .about(format!("commit/{}", pipeline.sha))
        .about(format!("project/{}", pipeline.path))
        .detail("name", &job.plan.name)
        .detail("stage", &job.plan.stage)
        .detail("runner", runner.id)
        .detail("runner_description", &runner.description)
        .detail("retry_of", job.retry_of)
        .detail("who", &pipeline.who)
}
