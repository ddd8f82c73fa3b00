//! How jobs end: by their runner's report, by a person, or because nobody heard of them any more. And how they begin again.

use audit::Entry;
use base::{Actor, Ctx, Secret};
use db::Tx;
use forge::ProjectRef;
use identity::{Identity, Level};
use jobs::Event;
use serde_json::json;

use crate::{
    Ci, Error, FailureReason, Job, JobEvent, JobStatus, Pipeline,
    advance::{Advanced, advance, last_attempts, step},
    failure::tried_again,
    job::TraceState,
    service::{pipeline_of, require},
    store,
};

/// What a runner reports about its job.
#[derive(Clone, Debug)]
pub struct Report {
    pub said: Said,
    pub reason: Option<FailureReason>,
    pub exit_code: Option<i64>,
    /// `crc32:` and eight hexadecimal digits, over all bytes of the log.
    pub checksum: Option<String>,
    pub size_bytes: Option<i64>,
    /// Whether the runner can send its log again.
    pub can_resend: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A sign of life.
    Running,
    Success,
    Failed,
}

/// The answer to a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Ok,
    /// The log that came in is not the one the runner sent; it shall send it again.
    Resend,
    /// The job runs no more, and how it stands.
    Over(JobStatus),
}

/// How a job comes to its end.
pub(crate) struct Ending {
    pub(crate) event: JobEvent,
    pub(crate) reason: Option<FailureReason>,
    pub(crate) exit_code: Option<i64>,
}

impl Ci {
    /// `PUT /jobs/:id`.
    pub async fn report(&self, ctx: &Ctx, id: i64, token: &Secret, report: &Report) -> Result<Heard, Error> {
        let ctx = &self.fresh(ctx).with_actor(Actor::System("runner"));
        let (heard, advanced) = db::write!(self.0.db, ctx, |tx| {
            let job = by_token(tx, id, token).await?;
            if job.status != JobStatus::Running {
                return Ok((Heard::Over(job.status), Advanced::default()));
            }
            if report.said == Said::Running {
                store::jobs::touch(tx, id, ctx.now).await?;
                return Ok((Heard::Ok, Advanced::default()));
            }
            if report.contradicts(&job.trace) && report.can_resend && job.trace.resets == 0 {
                store::jobs::reset_trace(tx, id).await?;
                return Ok((Heard::Resend, Advanced::default()));
            }
            let ending = match report.said {
                Said::Failed => Ending {
                    event: JobEvent::Fail,
                    reason: Some(report.reason.unwrap_or(FailureReason::UnknownFailure)),
                    exit_code: report.exit_code,
                },
                _ => Ending { event: JobEvent::Succeed, reason: None, exit_code: Some(0) },
            };
            Ok::<_, Error>((Heard::Ok, self.end(tx, ctx, job, ending).await?))
        })?;
        if report.said != Said::Running {
            self.after(&advanced).await;
        }
        Ok(heard)
    }

    /// End a job, in the caller's transaction: its credentials die, it is tried again when it shall be, others get their
    /// turn, the log and the other contexts learn of it.
    pub(crate) async fn end(&self, tx: &mut Tx, ctx: &Ctx, mut job: Job, ending: Ending) -> Result<Advanced, Error> {
        let from = job.status;
        job.status = from.next(ending.event)?;
        (job.finished_at, job.failure, job.exit_code) = (Some(ctx.now), ending.reason, ending.exit_code);
        if !store::jobs::set_status(tx, &job, from).await? {
            return Err(Error::Conflict(format!("job {} changed meanwhile; look again", job.id)));
        }
        self.flush_trace(tx, ctx, &mut job).await?;
        store::jobs::forget_secrets(tx, job.id).await?;
        Identity::revoke_job_tokens(tx, job.id).await?;
        let pipeline = pipeline_of(tx, &job).await?;
        if let (JobStatus::Failed, Some(attempt)) = (job.status, job.attempt()) {
            let others = store::jobs::of_pipeline(tx, job.pipeline).await?;
            let earlier: Vec<_> = others
                .iter()
                .filter(|other| other.plan.name == job.plan.name && other.id < job.id)
                .map(Job::attempt)
                .collect();
            if tried_again(&job.plan.retry, attempt, &earlier) {
                job.retried_by = Some(again(tx, ctx, &job).await?);
            }
        }
        let entry = audit::append(tx, ctx, entry(&job, &pipeline)).await?;
        jobs::emit(tx, ctx, &event(ctx, &job, &pipeline, &entry)).await?;
        let mut advanced = Advanced::default();
        if let Some(group) = &job.plan.resource_group
            && !store::jobs::resource_taken(tx, job.project, group).await?
            && let Some(mut next) = store::jobs::next_for_resource(tx, job.project, group).await?
        {
            advanced.queued |= step(tx, ctx, &mut next, JobEvent::Queue).await?;
            if next.pipeline != job.pipeline {
                advanced.join(advance(tx, ctx, next.pipeline).await?);
            }
        }
        advanced.join(advance(tx, ctx, job.pipeline).await?);
        advanced.emit(tx, ctx, &entry).await?;
        Ok(advanced)
    }

    /// Cancel a job.
    pub async fn cancel_job(&self, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Job, Error> {
        let advanced = db::write!(self.0.db, ctx, |tx| {
            let job = job_in(tx, ctx, which, id).await?;
            let ending = Ending { event: JobEvent::Cancel, reason: None, exit_code: None };
            self.end(tx, ctx, job, ending).await
        })?;
        self.after(&advanced).await;
        self.job(ctx, which, id).await
    }

    /// Cancel what is left of a pipeline.
    pub async fn cancel_pipeline(&self, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Pipeline, Error> {
        let advanced = db::write!(self.0.db, ctx, |tx| {
            pipeline_in(tx, ctx, which, id).await?;
            let mut advanced = Advanced::default();
            // The last first, so that no job gets its turn because one before it ended.
            for job in last_attempts(tx, id).await?.into_iter().rev().filter(|job| !job.status.is_finished()) {
                let ending = Ending { event: JobEvent::Cancel, reason: None, exit_code: None };
                advanced.join(self.end(tx, ctx, job, ending).await?);
            }
            Ok::<_, Error>(advanced)
        })?;
        self.after(&advanced).await;
        self.pipeline(ctx, which, id).await
    }

    /// Try a finished job again, under a new number; jobs that were skipped because of it wait again.
    pub async fn retry_job(&self, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Job, Error> {
        let (new, advanced) = db::write!(self.0.db, ctx, |tx| {
            let job = job_in(tx, ctx, which, id).await?;
            let new = self.reopen(tx, ctx, &[job]).await?;
            let advanced = advance(tx, ctx, new.1).await?;
            Ok::<_, Error>((new.0, advanced))
        })?;
        self.after(&advanced).await;
        self.job(ctx, which, new).await
    }

    /// Try all failed and canceled jobs of a pipeline again.
    pub async fn retry_pipeline(&self, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Pipeline, Error> {
        let advanced = db::write!(self.0.db, ctx, |tx| {
            pipeline_in(tx, ctx, which, id).await?;
            let failed = |job: &Job| matches!(job.status, JobStatus::Failed | JobStatus::Canceled);
            let jobs: Vec<Job> = last_attempts(tx, id).await?.into_iter().filter(failed).collect();
            if jobs.is_empty() {
                return Err(Error::Conflict(format!("pipeline {id} has no failed or canceled job to try again")));
            }
            self.reopen(tx, ctx, &jobs).await?;
            advance(tx, ctx, id).await
        })?;
        self.after(&advanced).await;
        self.pipeline(ctx, which, id).await
    }

    /// Start a job that waits for a person.
    pub async fn play_job(&self, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Job, Error> {
        let advanced = db::write!(self.0.db, ctx, |tx| {
            let mut job = job_in(tx, ctx, which, id).await?;
            if job.status != JobStatus::Manual {
                return Err(Error::Conflict(format!("job {id} is {}, not manual", job.status)));
            }
            let mut advanced =
                Advanced { queued: step(tx, ctx, &mut job, JobEvent::Queue).await?, ..Advanced::default() };
            let pipeline = pipeline_of(tx, &job).await?;
            audit::append(tx, ctx, about("job.played", &job, &pipeline)).await?;
            advanced.join(advance(tx, ctx, job.pipeline).await?);
            Ok::<_, Error>(advanced)
        })?;
        self.after(&advanced).await;
        self.job(ctx, which, id).await
    }

    /// New attempts of jobs of one pipeline. Gives the number of the last new one, and the pipeline's.
    async fn reopen(&self, tx: &mut Tx, ctx: &Ctx, jobs: &[Job]) -> Result<(i64, i64), Error> {
        let (mut new, mut first_stage, mut id) = (0, usize::MAX, 0);
        for job in jobs {
            if !job.status.is_finished() || job.status == JobStatus::Skipped {
                return Err(Error::Conflict(format!(
                    "job {} is {}; only a finished one is tried again",
                    job.id, job.status
                )));
            }
            new = again(tx, ctx, job).await?;
            (first_stage, id) = (first_stage.min(job.plan.stage_index), job.pipeline);
            let pipeline = pipeline_of(tx, job).await?;
            let entry = about("job.retried", job, &pipeline).about(format!("job/{new}"));
            audit::append(tx, ctx, entry).await?;
        }
        for mut skipped in last_attempts(tx, id).await? {
            if skipped.status == JobStatus::Skipped && skipped.plan.stage_index >= first_stage {
                skipped.finished_at = None;
                step(tx, ctx, &mut skipped, JobEvent::Reset).await?;
            }
        }
        Ok((new, id))
    }
}

impl Report {
    /// Whether what came in cannot be what the runner sent.
    fn contradicts(&self, trace: &TraceState) -> bool {
        let size = self.size_bytes.is_some_and(|size| size != trace.received);
        let stated = self.checksum.as_deref().and_then(|text| text.strip_prefix("crc32:"));
        let stated = stated.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        size || stated.is_some_and(|stated| stated != trace.crc)
    }
}

/// One more attempt of a job, which waits for its turn. Gives its number.
async fn again(tx: &mut Tx, ctx: &Ctx, job: &Job) -> Result<i64, Error> {
    let id = store::next(tx, "job").await?;
    if !store::jobs::set_retried_by(tx, job.id, id).await? {
        return Err(Error::Conflict(format!("job {} was tried again already", job.id)));
    }
    let new = Job {
        id,
        status: JobStatus::Created,
        created_at: ctx.now,
        retry_of: Some(job.id),
        retried_by: None,
        ..job.clone()
    };
    let place = store::jobs::place_of(tx, job.id).await?;
    store::jobs::insert(tx, &new, place).await?;
    Ok(id)
}

/// The job that this token belongs to, whatever its state.
pub(crate) async fn by_token(tx: &mut Tx, id: i64, token: &Secret) -> Result<Job, Error> {
    let job = store::jobs::get(tx, id).await?.ok_or_else(|| Error::no("job", id))?;
    let hash = base::digest_hex(token.expose().as_bytes());
    let own = job.token_hash.as_deref().unwrap_or_default();
    if base::constant_time_eq(own.as_bytes(), hash.as_bytes()) { Ok(job) } else { Err(Error::Unauthenticated) }
}

async fn job_in(tx: &mut Tx, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Job, Error> {
    let project = require(tx, ctx, which, Level::ReadWrite).await?;
    let job = store::jobs::get(tx, id).await?.filter(|job| job.project == project.id);
    job.ok_or_else(|| Error::no("job", id))
}

async fn pipeline_in(tx: &mut Tx, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Pipeline, Error> {
    let project = require(tx, ctx, which, Level::ReadWrite).await?;
    let pipeline = store::pipeline(tx, id).await?.filter(|pipeline| pipeline.project == project.id);
    pipeline.ok_or_else(|| Error::no("pipeline", id))
}

fn about(kind: &'static str, job: &Job, pipeline: &Pipeline) -> Entry {
    Entry::new(kind)
        .about(format!("job/{}", job.id))
        .about(format!("pipeline/{}", pipeline.id))
        .about(format!("commit/{}", pipeline.sha))
        .about(format!("project/{}", pipeline.path))
        .detail("name", &job.plan.name)
        .detail("stage", &job.plan.stage)
}

fn entry(job: &Job, pipeline: &Pipeline) -> Entry {
    about("job.finished", job, pipeline)
        .detail("status", job.status.as_str())
        .detail("failure_reason", job.failure.map(FailureReason::as_str))
        .detail("exit_code", job.exit_code)
        .detail("runner", job.runner)
        .detail("retried_by", job.retried_by)
        .detail("trace_bytes", job.trace.kept)
}

fn event(ctx: &Ctx, job: &Job, pipeline: &Pipeline, entry: &str) -> Event {
    Event {
        kind: "job.finished".to_owned(),
        subject: pipeline.path.to_string(),
        data: json!({
            "job": job.id,
            "pipeline": pipeline.id,
            "project": pipeline.project,
            "path": pipeline.path.to_string(),
            "name": job.plan.name,
            "status": job.status.as_str(),
            "failure_reason": job.failure.map(FailureReason::as_str),
            "retried_by": job.retried_by,
            "sha": pipeline.sha,
        }),
        at: ctx.now,
        entry: entry.to_owned(),
    }
}
