//! Putting into rows what [`crate::progress`] decides.

use base::Ctx;
use db::Tx;
use jobs::Event;
use pipeline::When;
use serde_json::json;

use crate::{
    Error, Job, JobEvent, JobStatus, Pipeline, PipelineStatus,
    progress::{self, Step},
    store,
};

/// What a transaction changed beside the job it is about.
#[derive(Debug, Default)]
pub(crate) struct Advanced {
    /// Jobs wait for runners that did not before.
    pub(crate) queued: bool,
    /// Pipelines that came to their end.
    pub(crate) finished: Vec<Pipeline>,
}

impl Advanced {
    pub(crate) fn join(&mut self, other: Advanced) {
        self.queued |= other.queued;
        self.finished.extend(other.finished);
    }

    /// Tell the other contexts, with the audit entry of the transaction.
    pub(crate) async fn emit(&self, tx: &mut Tx, ctx: &Ctx, entry: &str) -> Result<(), Error> {
        for pipeline in &self.finished {
            let event = Event {
                kind: "pipeline.finished".to_owned(),
                subject: pipeline.path.to_string(),
                data: json!({
                    "pipeline": pipeline.id,
                    "project": pipeline.project,
                    "path": pipeline.path.to_string(),
                    "ref": pipeline.reference,
                    "sha": pipeline.sha,
                    "source": pipeline.source.as_str(),
                    "status": pipeline.status.as_str(),
                    "user": pipeline.who,
                }),
                at: ctx.now,
                entry: entry.to_owned(),
            };
            jobs::emit(tx, ctx, &event).await?;
        }
        Ok(())
    }
}

/// Give every job of a pipeline its turn that can have it, and the pipeline its state; then the pipelines that waited for
/// this one.
pub(crate) async fn advance(tx: &mut Tx, ctx: &Ctx, first: i64) -> Result<Advanced, Error> {
    let mut advanced = Advanced::default();
    let mut next = Some(first);
    while let Some(id) = next {
        next = advance_one(tx, ctx, id, &mut advanced).await?;
    }
    Ok(advanced)
}

/// Gives the pipeline that may go on because this one came to its end.
async fn advance_one(tx: &mut Tx, ctx: &Ctx, id: i64, advanced: &mut Advanced) -> Result<Option<i64>, Error> {
    let Some(mut pipeline) = store::pipeline(tx, id).await? else { return Ok(None) };
    let before = pipeline.status;
    let alone = store::one_at_a_time(tx, pipeline.project).await?;
    let behind = alone && {
        let begun = matches!(before, PipelineStatus::Pending | PipelineStatus::Running);
        let open = store::open_pipelines(tx, pipeline.project).await?;
        // Older ones come first, but not one that a person tries again while a younger one is at it.
        open.iter().filter(|other| other.id != id).any(|other| other.begun || !begun && other.id < id)
    };
    let mut jobs = last_attempts(tx, id).await?;
    if !behind {
        let steps: Vec<Step> = jobs.iter().map(Job::step).collect();
        for (id, event) in progress::advance(&steps) {
            let job = jobs.iter_mut().find(|job| job.id == id).expect("progress speaks of the jobs it was given");
            advanced.queued |= step(tx, ctx, job, event).await?;
        }
    }
    let steps: Vec<Step> = jobs.iter().map(Job::step).collect();
    pipeline.status = match progress::summary(&steps) {
        PipelineStatus::Created if behind => PipelineStatus::WaitingForResource,
        status => status,
    };
    if pipeline.status == before {
        return Ok(None);
    }
    if pipeline.status == PipelineStatus::Running {
        pipeline.started_at = pipeline.started_at.or(Some(ctx.now));
    }
    let finished = pipeline.status.is_finished();
    pipeline.finished_at = finished.then_some(ctx.now);
    store::set_pipeline(tx, &pipeline).await?;
    // One that waits for a person lets the others pass.
    let freed = alone && (finished || pipeline.status == PipelineStatus::Manual);
    let project = pipeline.project;
    if finished && !before.is_finished() {
        advanced.finished.push(pipeline);
    }
    let others = if freed { store::open_pipelines(tx, project).await? } else { Vec::new() };
    Ok(others.into_iter().map(|other| other.id).find(|other| *other != id))
}

/// Do what a job's turn asks for; `true` when it waits for a runner now.
pub(crate) async fn step(tx: &mut Tx, ctx: &Ctx, job: &mut Job, event: JobEvent) -> Result<bool, Error> {
    let event = match (event, &job.plan.resource_group) {
        (JobEvent::Queue, Some(group)) if store::jobs::resource_taken(tx, job.project, group).await? => JobEvent::Wait,
        (event, _) => event,
    };
    let from = job.status;
    job.status = from.next(event)?;
    match job.status {
        JobStatus::Pending => {
            job.queued_at = Some(ctx.now);
            if let (When::Delayed, Some(seconds)) = (job.plan.when, job.plan.start_in_seconds) {
                job.not_before = ctx.now.checked_add(std::time::Duration::from_secs(seconds)).ok();
            }
        }
        JobStatus::Skipped => job.finished_at = Some(ctx.now),
        _ => {}
    }
    if !store::jobs::set_status(tx, job, from).await? {
        return Err(Error::Conflict(format!("job {} changed meanwhile; look again", job.id)));
    }
    Ok(job.status == JobStatus::Pending)
}

/// The jobs of a pipeline, of several attempts the last.
pub(crate) async fn last_attempts(tx: &mut Tx, pipeline: i64) -> Result<Vec<Job>, Error> {
    let jobs = store::jobs::of_pipeline(tx, pipeline).await?;
    Ok(jobs.into_iter().filter(|job| job.retried_by.is_none()).collect())
}
