//! Looking at pipelines, jobs and logs.

use base::{Ctx, limits};
use db::Tx;
use forge::{Oid, ProjectRef};
use identity::Level;

use crate::{Ci, Error, Job, Pipeline, PipelineStatus, service::require, store};

/// A part of a log.
#[derive(Clone, Debug)]
pub struct TracePart {
    pub bytes: Vec<u8>,
    /// Whether no more will come.
    pub complete: bool,
}

impl Ci {
    /// The pipeline that a job is of. Whoever asks has shown that they may know.
    pub async fn pipeline_of_job(tx: &mut Tx, job: i64) -> Result<Option<Pipeline>, Error> {
        let Some(job) = store::jobs::get(tx, job).await? else { return Ok(None) };
        Ok(store::pipeline(tx, job.pipeline).await?)
    }

    /// Pipelines of a project, the newest first, and how many there are.
    pub async fn pipelines(
        &self,
        ctx: &Ctx,
        which: &ProjectRef,
        (reference, sha, status): (Option<&str>, Option<&Oid>, Option<PipelineStatus>),
        (limit, offset): (usize, usize),
    ) -> Result<(Vec<Pipeline>, i64), Error> {
        let mut tx = self.0.db.read().await?;
        let project = require(&mut tx, ctx, which, Level::ReadOnly).await?;
        let page = page(limit, offset);
        let reference = reference.map(|name| match name.starts_with("refs/") {
            true => name.to_owned(),
            false => format!("refs/heads/{name}"),
        });
        let found = store::pipelines(&mut tx, project.id, (reference.as_deref(), sha, status), page).await?;
        Ok((found, store::count_pipelines(&mut tx, project.id).await?))
    }

    pub async fn pipeline(&self, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Pipeline, Error> {
        let mut tx = self.0.db.read().await?;
        let project = require(&mut tx, ctx, which, Level::ReadOnly).await?;
        let pipeline = store::pipeline(&mut tx, id).await?.filter(|pipeline| pipeline.project == project.id);
        pipeline.ok_or_else(|| Error::no("pipeline", id))
    }

    /// The jobs of a pipeline in the order of its file; attempts that were tried again only when asked for.
    pub async fn pipeline_jobs(
        &self,
        ctx: &Ctx,
        which: &ProjectRef,
        id: i64,
        include_retried: bool,
    ) -> Result<Vec<Job>, Error> {
        self.pipeline(ctx, which, id).await?;
        let mut jobs = store::jobs::of_pipeline(&mut self.0.db.read().await?, id).await?;
        jobs.retain(|job| include_retried || job.retried_by.is_none());
        Ok(jobs)
    }

    /// Jobs of a project, the newest first.
    pub async fn jobs(&self, ctx: &Ctx, which: &ProjectRef, limit: usize, offset: usize) -> Result<Vec<Job>, Error> {
        let mut tx = self.0.db.read().await?;
        let project = require(&mut tx, ctx, which, Level::ReadOnly).await?;
        let (limit, offset) = page(limit, offset);
        Ok(store::jobs::of_project(&mut tx, project.id, limit, offset).await?)
    }

    pub async fn job(&self, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Job, Error> {
        let mut tx = self.0.db.read().await?;
        let project = require(&mut tx, ctx, which, Level::ReadOnly).await?;
        let job = store::jobs::get(&mut tx, id).await?.filter(|job| job.project == project.id);
        job.ok_or_else(|| Error::no("job", id))
    }

    /// The log of a job from an offset on.
    pub async fn trace(&self, ctx: &Ctx, which: &ProjectRef, id: i64, from: i64) -> Result<TracePart, Error> {
        let job = self.job(ctx, which, id).await?;
        let from = from.max(0);
        let mut bytes = Vec::new();
        for (start, piece) in store::jobs::trace(&mut self.0.db.read().await?, id, from).await? {
            let skip = usize::try_from(from - start).unwrap_or(0).min(piece.len());
            bytes.extend_from_slice(&piece[skip..]);
        }
        Ok(TracePart { bytes, complete: job.status.is_finished() })
    }
}

fn page(limit: usize, offset: usize) -> (i64, i64) {
    let limit = i64::try_from(limit.clamp(1, limits::PAGE_MAX)).expect("a page is small");
    (limit, i64::try_from(offset).unwrap_or(i64::MAX))
}
