//! The repositories somebody may see.

use axum::{extract::Query, response::Response};
use base::limits;
use registry::Visibility;
use serde::Deserialize;
use ui::RepositoryRow;

use super::{Page, Visitor, see_other};

#[derive(Debug, Deserialize)]
pub(super) struct After {
    #[serde(default)]
    pub(super) after: String,
}

/// `GET /`
pub(super) async fn home() -> Response {
    see_other("/repositories")
}

/// `GET /repositories?after=…`
pub(super) async fn list(visitor: Visitor, Query(after): Query<After>) -> Response {
    visitor.answer(page(&visitor, &after.after).await)
}

async fn page(visitor: &Visitor, after: &str) -> Page {
    visitor.require_account()?;
    let page = visitor.app.registry.repositories(&visitor.ctx, None, after, limits::PAGE_DEFAULT).await?;
    let rows: Vec<RepositoryRow> = page
        .items
        .iter()
        .map(|repository| RepositoryRow {
            name: repository.name.to_string(),
            private: repository.visibility == Visibility::Private,
            immutable: repository.immutable,
            scan_on_push: repository.scan_on_push,
            description: repository.short_description.clone(),
        })
        .collect();
    let next = rows.last().filter(|_| page.more).map(|row| row.name.as_str());
    Ok(ui::repositories(&visitor.frame(), &rows, next).into_string())
}
