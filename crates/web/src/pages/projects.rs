//! The projects somebody may see, each with its last pipeline.

use axum::response::Response;
use forge::{Project, ProjectPath, ProjectRef};
use ui::ProjectRow;

use super::{Failure, Page, Visitor, pipeline::row};

/// `GET /projects`
pub(super) async fn list(visitor: Visitor) -> Response {
    visitor.answer(page(&visitor).await)
}

async fn page(visitor: &Visitor) -> Page {
    visitor.require_account()?;
    let mut rows = Vec::new();
    for project in visitor.app.forge.projects(&visitor.ctx).await? {
        rows.push(project_row(visitor, project).await?);
    }
    Ok(ui::projects(&visitor.frame(), &rows).into_string())
}

async fn project_row(visitor: &Visitor, project: Project) -> Result<ProjectRow, Failure> {
    let which = ProjectRef::Id(project.id);
    let (last, _) = visitor.app.ci.pipelines(&visitor.ctx, &which, (None, None, None), (1, 0)).await?;
    Ok(ProjectRow {
        path: project.path.to_string(),
        default_branch: project.default_branch,
        last_pipeline: last.first().map(row),
    })
}

/// The project that two parts of a path name.
pub(super) fn project(namespace: &str, name: &str) -> Result<ProjectRef, Failure> {
    let path: ProjectPath = format!("{namespace}/{name}").parse().map_err(|_| Failure::NotFound)?;
    Ok(ProjectRef::Path(path))
}
