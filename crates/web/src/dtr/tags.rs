//! Tags of a repository with what is known of them: `/api/v0/repositories/{ns}/{repo}/tags`.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::get,
};
use base::Kind;
use oci::{Reference, RepoName, Tag};
use registry::{Image, Registry};
use serde::Deserialize;
use serde_json::Value;

use super::{
    body::{Asked, Params},
    repositories::{Named, Paging, counted, held_by_trust, next_page, repo_name},
    tag_view::Known,
};
use crate::{App, caller::Caller, error::ApiError, signed::Signed};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/repositories/{namespace}/{repo}/tags", get(list))
        .route("/api/v0/repositories/{namespace}/{repo}/tags/{tag}", get(show).delete(remove))
}

/// A tag as the parts of a path name it.
#[derive(Deserialize)]
pub(crate) struct NamedTag {
    namespace: String,
    repo: String,
    tag: String,
}

impl NamedTag {
    pub(crate) fn split(&self) -> Result<(RepoName, Tag), ApiError> {
        Ok((repo_name(&self.namespace, &self.repo)?, tag_name(&self.tag)?))
    }
}

/// What can be no tag is no tag.
pub(super) fn tag_name(text: &str) -> Result<Tag, ApiError> {
    text.parse().map_err(|error| ApiError::new(Kind::NotFound, error).coded("NO_SUCH_TAG"))
}

/// `tag` is a tag, or a digest and so all tags that name it.
#[derive(Deserialize)]
struct Referred {
    namespace: String,
    repo: String,
    tag: String,
}

/// Which of the platforms of an index.
#[derive(Deserialize)]
struct Of {
    os: Option<String>,
    arch: Option<String>,
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(paging): Asked<Paging>,
) -> Result<(HeaderMap, Json<Value>), ApiError> {
    let name = named.name()?;
    let page = app.registry.tag_views(&ctx, &name, &paging.page_start, paging.size()).await?;
    let total = if paging.count { Some(app.registry.count_tags(&ctx, &name).await?) } else { None };
    let mut tx = app.db.read().await?;
    let signed = Signed::of(&app, &mut tx, ctx.now, &name).await?;
    let known = Known { app: &app, now: ctx.now, name: &name, signed: &signed };
    let mut views = Vec::with_capacity(page.items.len());
    for tag in &page.items {
        views.push(known.tag(&mut tx, tag).await?);
    }
    let last = page.items.last().map(|tag| tag.tag.to_string());
    let mut headers = next_page(page.more, last);
    counted(&mut headers, total);
    Ok((headers, Json(views.into())))
}

/// A list, as DTR answered: an index is a tag for each of its images, a digest all the tags that name it.
async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(referred): Params<Referred>,
    Asked(of): Asked<Of>,
) -> Result<Json<Value>, ApiError> {
    let name = repo_name(&referred.namespace, &referred.repo)?;
    let no_such_ref = |error| ApiError::new(Kind::NotFound, error).coded("NO_SUCH_REF");
    let reference: Reference = referred.tag.parse().map_err(no_such_ref)?;
    let image = app.registry.image(&ctx, &name, &reference).await.map_err(unknown_reference)?;
    let tags = match &reference {
        Reference::Tag(tag) => vec![app.registry.tag_view(&ctx, &name, tag).await.map_err(unknown_reference)?],
        Reference::Digest(digest) => app.registry.tags_with(&ctx, &name, digest).await?,
    };
    let mut tx = app.db.read().await?;
    let images = match image.is_index() {
        true => Registry::members(&mut tx, &name, &image.digest).await?.images,
        false => vec![image],
    };
    let signed = Signed::of(&app, &mut tx, ctx.now, &name).await?;
    let known = Known { app: &app, now: ctx.now, name: &name, signed: &signed };
    let mut views = Vec::new();
    for tag in &tags {
        for image in images.iter().filter(|image| of.is(image)) {
            views.push(known.image(&mut tx, tag, image).await?);
        }
    }
    Ok(Json(views.into()))
}

impl Of {
    fn is(&self, image: &Image) -> bool {
        let is = |asked: &Option<String>, own: Option<&String>| asked.as_ref().is_none_or(|asked| own == Some(asked));
        let platform = image.platform.as_ref();
        is(&self.os, platform.map(|own| &own.os)) && is(&self.arch, platform.map(|own| &own.architecture))
    }
}

/// What DTR called a reference when it was not there.
pub(super) fn unknown_reference(error: registry::Error) -> ApiError {
    match error {
        error @ registry::Error::ManifestUnknown { .. } => ApiError::from(error).coded("NO_SUCH_REF"),
        error => error.into(),
    }
}

async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedTag>,
) -> Result<StatusCode, ApiError> {
    let (name, tag) = named.split()?;
    match app.registry.delete_tag(&ctx, &name, &tag).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) if held_by_trust(&error) => Err(ApiError::from(error).coded("TAG_IN_NOTARY")),
        Err(error) => Err(error.into()),
    }
}
