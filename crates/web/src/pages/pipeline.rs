//! The pipelines of a project, and one of them.

use axum::{
    extract::{Path, Query},
    response::Response,
};
use ci::{Job, Pipeline};
use serde::Deserialize;
use ui::{PipelineRow, PipelineView, StageView};

use super::{Page, Visitor, projects::project, see_other, view::moment};

const PAGE: usize = 50;

#[derive(Debug, Deserialize)]
pub(super) struct Number {
    /// Counted from 1.
    #[serde(default)]
    page: usize,
}

/// `GET /projects/{namespace}/{name}/pipelines?page=…`
pub(super) async fn list(
    visitor: Visitor,
    Path((namespace, name)): Path<(String, String)>,
    Query(number): Query<Number>,
) -> Response {
    visitor.answer(pipelines(&visitor, (&namespace, &name), number.page.max(1)).await)
}

async fn pipelines(visitor: &Visitor, (namespace, name): (&str, &str), number: usize) -> Page {
    let which = project(namespace, name)?;
    let project = visitor.app.forge.project(&visitor.ctx, &which).await?;
    let offset = (number - 1).saturating_mul(PAGE);
    let (found, total) = visitor.app.ci.pipelines(&visitor.ctx, &which, (None, None, None), (PAGE, offset)).await?;
    let rows: Vec<PipelineRow> = found.iter().map(row).collect();
    let seen = offset.saturating_add(rows.len());
    let more = usize::try_from(total).is_ok_and(|total| total > seen) && !rows.is_empty();
    let next = more.then_some(number + 1);
    Ok(ui::pipelines(&visitor.frame(), &project.path.to_string(), &rows, next).into_string())
}

/// `GET /projects/{namespace}/{name}/pipelines/{id}`
pub(super) async fn show(visitor: Visitor, Path((namespace, name, id)): Path<(String, String, i64)>) -> Response {
    visitor.answer(pipeline(&visitor, (&namespace, &name), id).await)
}

async fn pipeline(visitor: &Visitor, (namespace, name): (&str, &str), id: i64) -> Page {
    let which = project(namespace, name)?;
    let pipeline = visitor.app.ci.pipeline(&visitor.ctx, &which, id).await?;
    // Every attempt: a job whose runner died stands beside the one that took its place.
    let jobs = visitor.app.ci.pipeline_jobs(&visitor.ctx, &which, id, true).await?;
    let view = PipelineView {
        project: pipeline.path.to_string(),
        row: row(&pipeline),
        stages: stages(&jobs),
        problems: pipeline.problems.iter().map(ToString::to_string).collect(),
        warnings: pipeline.warnings.iter().map(ToString::to_string).collect(),
    };
    Ok(ui::pipeline(&visitor.frame(), &view).into_string())
}

/// Where GitLab's API says that the page of a pipeline is.
pub(super) async fn moved(Path((namespace, name, id)): Path<(String, String, i64)>) -> Response {
    match project(&namespace, &name) {
        Ok(_) => see_other(&format!("/projects/{namespace}/{name}/pipelines/{id}")),
        Err(_) => see_other("/projects"),
    }
}

pub(super) fn row(pipeline: &Pipeline) -> PipelineRow {
    PipelineRow {
        id: pipeline.id,
        status: pipeline.status.as_str().to_owned(),
        ref_name: pipeline.reference.short().to_owned(),
        sha: pipeline.sha.to_string(),
        source: pipeline.source.as_str().to_owned(),
        created_at: moment(pipeline.created_at),
        who: pipeline.who.clone(),
    }
}

/// Jobs by stage, in the order of the file.
fn stages(jobs: &[Job]) -> Vec<StageView> {
    let mut jobs: Vec<&Job> = jobs.iter().collect();
    jobs.sort_by_key(|job| (job.plan.stage_index, job.id));
    let mut stages: Vec<StageView> = Vec::new();
    for job in jobs {
        if stages.last().is_none_or(|stage| stage.name != job.plan.stage) {
            stages.push(StageView { name: job.plan.stage.clone(), jobs: Vec::new() });
        }
        let own = (job.id, job.plan.name.clone(), job.status.as_str().to_owned());
        stages.last_mut().expect("one was pushed when there was none").jobs.push(own);
    }
    stages
}
