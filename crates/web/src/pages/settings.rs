//! The settings of a repository.

use axum::{
    Form, Router,
    extract::{Path, Query},
    response::Response,
    routing::{get, post},
};
use oci::RepoName;
use registry::{BeyondLimit, Registry, RepositoryChanges, Right, Visibility};
use serde::Deserialize;
use ui::{BeyondRow, Refusal, SettingsView};

use super::{Failure, Page, Told, Visitor, see_other, view::moment};
use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/settings/of/{*name}", get(of_repository))
        .route("/settings/save", post(save))
        .route("/settings/try", post(try_limit))
}

#[derive(Debug, Deserialize)]
struct After {
    #[serde(default)]
    saved: bool,
}

async fn of_repository(visitor: Visitor, Path(name): Path<String>, Query(after): Query<After>) -> Response {
    visitor.answer(present(&visitor, &name, after.saved).await)
}

async fn present(visitor: &Visitor, name: &str, saved: bool) -> Page {
    let name: RepoName = name.parse().map_err(|_| Failure::NotFound)?;
    let mut tx = visitor.app.db.read().await?;
    let repository = Registry::authorize(&mut tx, &visitor.ctx, &name, Right::Admin).await?;
    drop(tx);
    let draft = Draft {
        repository: name.to_string(),
        visibility: repository.visibility.to_string(),
        immutable: repository.immutable,
        scan_on_push: repository.scan_on_push,
        only_robots_push: repository.only_robots_push,
        short_description: repository.short_description,
        long_description: repository.long_description,
        tag_limit: repository.tag_limit.to_string(),
    };
    let view = draft.view(visitor).await?;
    Ok(ui::settings(&visitor.frame(), &SettingsView { saved, ..view }).into_string())
}

/// What the form says.
#[derive(Debug, Deserialize)]
struct Draft {
    repository: String,
    #[serde(default)]
    visibility: String,
    #[serde(default)]
    immutable: bool,
    #[serde(default)]
    scan_on_push: bool,
    #[serde(default)]
    only_robots_push: bool,
    #[serde(default)]
    short_description: String,
    #[serde(default)]
    long_description: String,
    #[serde(default)]
    tag_limit: String,
}

impl Draft {
    fn name(&self) -> Result<RepoName, Failure> {
        self.repository.parse().map_err(|_| Failure::NotFound)
    }

    fn limit(&self) -> Result<u32, String> {
        let text = self.tag_limit.trim();
        let wrong = |_| format!("{:?} is no number of tags; write 0 for no limit", shortened(text));
        if text.is_empty() { Ok(0) } else { text.parse().map_err(wrong) }
    }

    async fn view(&self, visitor: &Visitor) -> Result<SettingsView, Failure> {
        Ok(SettingsView {
            tabs: visitor.tabs(&self.name()?).await,
            public: self.visibility == Visibility::Public.to_string(),
            immutable: self.immutable,
            scan_on_push: self.scan_on_push,
            only_robots_push: self.only_robots_push,
            short_description: self.short_description.clone(),
            long_description: self.long_description.clone(),
            tag_limit: self.tag_limit.clone(),
            refused: None,
            saved: false,
            beyond: None,
        })
    }

    fn changes(&self) -> Result<RepositoryChanges, Told> {
        Ok(RepositoryChanges {
            visibility: Some(self.visibility.parse()?),
            immutable: Some(self.immutable),
            scan_on_push: Some(self.scan_on_push),
            only_robots_push: Some(self.only_robots_push),
            short_description: Some(self.short_description.trim().to_owned()),
            long_description: Some(self.long_description.replace("\r\n", "\n")),
            tag_limit: Some(self.limit().map_err(Told::OnPage)?),
        })
    }
}

async fn save(visitor: Visitor, Form(draft): Form<Draft>) -> Response {
    match keep(&visitor, &draft).await {
        Ok(()) => see_other(&format!("/settings/of/{}?saved=true", draft.repository)),
        Err(told) => refused(&visitor, &draft, told).await,
    }
}

async fn keep(visitor: &Visitor, draft: &Draft) -> Result<(), Told> {
    let (name, changes) = (draft.name().map_err(Told::Apart)?, draft.changes()?);
    visitor.app.registry.update_repository(&visitor.ctx, &name, changes).await?;
    Ok(())
}

async fn try_limit(visitor: Visitor, Form(draft): Form<Draft>) -> Response {
    match beyond(&visitor, &draft).await {
        Ok(beyond) => {
            let beyond = beyond.iter().map(beyond_row).collect();
            visitor.answer(again(&visitor, &draft, |view| view.beyond = Some(beyond)).await)
        }
        Err(told) => refused(&visitor, &draft, told).await,
    }
}

async fn beyond(visitor: &Visitor, draft: &Draft) -> Result<Vec<BeyondLimit>, Told> {
    let (name, limit) = (draft.name().map_err(Told::Apart)?, draft.limit().map_err(Told::OnPage)?);
    Ok(visitor.app.registry.beyond_limit(&visitor.ctx, &name, limit).await?)
}

fn beyond_row(beyond: &BeyondLimit) -> BeyondRow {
    BeyondRow {
        tag: beyond.view.tag.to_string(),
        digest: beyond.view.image.digest.to_string(),
        set: moment(beyond.view.pushed_at),
        kept: beyond.kept.as_ref().map(ToString::to_string),
    }
}

/// The form, as it was filled in.
async fn again(visitor: &Visitor, draft: &Draft, with: impl FnOnce(&mut SettingsView)) -> Page {
    let mut view = draft.view(visitor).await?;
    with(&mut view);
    Ok(ui::settings(&visitor.frame(), &view).into_string())
}

async fn refused(visitor: &Visitor, draft: &Draft, told: Told) -> Response {
    match told {
        Told::OnPage(why) if visitor.administers(&draft.repository).await => {
            let field = match &why {
                _ if draft.limit().is_err() || why.contains("tag limit") => "tag_limit",
                _ if why.contains("visibility") => "visibility",
                _ => "",
            };
            visitor.refused(again(visitor, draft, |view| view.refused = Some(Refusal { field, why })).await)
        }
        told => visitor.told(told),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
