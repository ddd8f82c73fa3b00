//! Projects, their pipelines, and one pipeline with its stages.

use maud::{Markup, html};

use crate::{Frame, layout::page};

/// One project in the list.
#[derive(Clone, Debug)]
pub struct ProjectRow {
    pub path: String,
    pub default_branch: String,
    pub last_pipeline: Option<PipelineRow>,
}

/// One pipeline in a list.
#[derive(Clone, Debug)]
pub struct PipelineRow {
    pub id: i64,
    pub status: String,
    pub ref_name: String,
    pub sha: String,
    pub source: String,
    pub created_at: String,
    /// Whom it acts for.
    pub who: String,
}

/// One pipeline.
#[derive(Clone, Debug)]
pub struct PipelineView {
    pub project: String,
    pub row: PipelineRow,
    pub stages: Vec<StageView>,
    /// What is wrong with `.gitlab-ci.yml`, when that is why nothing runs.
    pub problems: Vec<String>,
    /// What the file asks for and is not given, or may surprise its author.
    pub warnings: Vec<String>,
}

/// One stage with its jobs: id, name, status.
#[derive(Clone, Debug)]
pub struct StageView {
    pub name: String,
    pub jobs: Vec<(i64, String, String)>,
}

/// The list of projects.
pub fn projects(frame: &Frame, rows: &[ProjectRow]) -> Markup {
    let content = html! {
        @if rows.is_empty() { p { "There is no project that you may see." } }
        table {
            thead { tr { th { "Project" } th { "Default branch" } th { "Last pipeline" } } }
            tbody {
                @for row in rows {
                    tr {
                        td { a href={ "/projects/" (row.path) "/pipelines" } { (row.path) } }
                        td { (row.default_branch) }
                        td {
                            @if let Some(pipeline) = &row.last_pipeline {
                                (status(&pipeline.status)) " "
                                a href={ "/projects/" (row.path) "/pipelines/" (pipeline.id) } { "#" (pipeline.id) }
                            } @else { span.quiet { "none yet" } }
                        }
                    }
                }
            }
        }
    };
    page(frame, "Projects", &content)
}

/// The pipelines of a project, newest first, and the number of the next page.
pub fn pipelines(frame: &Frame, project: &str, rows: &[PipelineRow], next: Option<usize>) -> Markup {
    let content = html! {
        @if rows.is_empty() { p { "No pipeline yet: push a commit with a " code { ".gitlab-ci.yml" } "." } }
        table {
            thead { tr { th { "Pipeline" } th { "Status" } th { "Ref" } th { "Commit" } th { "Source" } th { "Created" } th { "By" } } }
            tbody {
                @for row in rows {
                    tr {
                        td { a href={ "/projects/" (project) "/pipelines/" (row.id) } { "#" (row.id) } }
                        td { (status(&row.status)) }
                        td { (row.ref_name) }
                        td { code { (row.sha.get(..8).unwrap_or(&row.sha)) } }
                        td { (row.source) }
                        td { (row.created_at) }
                        td { (row.who) }
                    }
                }
            }
        }
        @if let Some(next) = next {
            p { a href={ "/projects/" (project) "/pipelines?page=" (next) } { "Older" } }
        }
    };
    page(frame, project, &content)
}

/// One pipeline.
pub fn pipeline(frame: &Frame, view: &PipelineView) -> Markup {
    let content = html! {
        p {
            (status(&view.row.status)) " · " (view.row.source) " · " (view.row.ref_name) " · "
            code { (view.row.sha) } " · " (view.row.created_at)
        }
        @for problem in &view.problems { p.bad role="alert" { "✕ " (problem) } }
        @for warning in &view.warnings { p role="note" { "⚠ " (warning) } }
        @for stage in &view.stages {
            h2 { (stage.name) }
            table {
                thead { tr { th { "Job" } th { "Name" } th { "Status" } } }
                tbody {
                    @for (id, name, state) in &stage.jobs {
                        tr {
                            td { a href={ "/projects/" (view.project) "/jobs/" (id) } { "#" (id) } }
                            td { (name) }
                            td { (status(state)) }
                        }
                    }
                }
            }
        }
    };
    page(frame, &format!("{} pipeline #{}", view.project, view.row.id), &content)
}

/// A status by sign and word.
pub(crate) fn status(word: &str) -> Markup {
    let (sign, class) = match word {
        "success" => ("✓", "good"),
        "failed" => ("✕", "bad"),
        "canceled" | "skipped" => ("◌", "quiet"),
        _ => ("⏳", "wait"),
    };
    html! { span class=(class) data-status=(word) { (sign) " " (word) } }
}
