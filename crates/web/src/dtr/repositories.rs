//! Repositories: `/api/v0/repositories`.

use std::collections::BTreeSet;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::IntoResponse,
    routing::get,
};
use base::{AccountName, limits};
use identity::AccountKind;
use oci::RepoName;
use registry::{NewRepository, Page, Registry, Repository, RepositoryChanges, Visibility};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Asked, Body, Params};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/repositories", get(list))
        .route("/api/v0/repositories/{namespace}", get(list_of).post(create))
        .route("/api/v0/repositories/{namespace}/{repo}", get(show).patch(update).delete(remove))
}

/// `pageStart` is the last name of the page before, as `X-Next-Page-Start` of its answer gave it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Paging {
    #[serde(default)]
    pub(crate) page_start: String,
    page_size: Option<usize>,
    /// Whether `X-Resource-Count` says how many there are in all.
    #[serde(default)]
    pub(super) count: bool,
}

impl Paging {
    /// The page of a list that is there whole: all of it, unless somebody says how many.
    pub(super) fn part<T>(&self, items: Vec<T>, id: impl Fn(&T) -> String) -> Result<(HeaderMap, Vec<T>), ApiError> {
        let total = self.count.then_some(items.len() as u64);
        let start = match self.page_start.is_empty() {
            true => Some(0),
            false => items.iter().position(|item| id(item) == self.page_start),
        };
        let gone = || ApiError::invalid("what \"pageStart\" names is not there any more; begin again without it");
        let start = start.ok_or_else(gone)?;
        let size = if self.page_size.is_some() { self.size() } else { items.len() };
        let next = items.get(start.saturating_add(size)).map(&id);
        let mut headers = next_page(next.is_some(), next);
        counted(&mut headers, total);
        Ok((headers, items.into_iter().skip(start).take(size).collect()))
    }

    pub(crate) fn size(&self) -> usize {
        self.page_size.unwrap_or(limits::PAGE_DEFAULT).clamp(1, limits::PAGE_MAX)
    }
}

/// A repository as the two parts of a path name it. A name of more than two components comes with its slashes encoded.
#[derive(Deserialize)]
pub(crate) struct Named {
    namespace: String,
    repo: String,
}

impl Named {
    /// A name that stands in a route of its own.
    pub(super) fn of(namespace: &str, repo: &str) -> Named {
        Named { namespace: namespace.to_owned(), repo: repo.to_owned() }
    }

    pub(crate) fn name(&self) -> Result<RepoName, ApiError> {
        repo_name(&self.namespace, &self.repo)
    }
}

/// What can be no repository's name is no repository.
pub(super) fn repo_name(namespace: &str, repo: &str) -> Result<RepoName, ApiError> {
    let missing = |error| ApiError::new(base::Kind::NotFound, error).coded("NO_SUCH_REPOSITORY");
    format!("{namespace}/{repo}").parse().map_err(missing)
}

type Listed = Result<(HeaderMap, Json<Value>), ApiError>;

async fn list(State(app): State<App>, Caller(ctx): Caller, Asked(paging): Asked<Paging>) -> Listed {
    let page = app.registry.repositories(&ctx, None, &paging.page_start, paging.size()).await?;
    let total = if paging.count { Some(app.registry.count_repositories(&ctx, None).await?) } else { None };
    listed(&app, &page, total).await
}

async fn list_of(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
    Asked(paging): Asked<Paging>,
) -> Listed {
    app.identity.require_account(&namespace).await?;
    let own = Some(namespace.as_str());
    let page = app.registry.repositories(&ctx, own, &paging.page_start, paging.size()).await?;
    let total = if paging.count { Some(app.registry.count_repositories(&ctx, own).await?) } else { None };
    listed(&app, &page, total).await
}

async fn listed(app: &App, page: &Page<Repository>, total: Option<u64>) -> Listed {
    let views = views(app, &page.items).await?;
    let last = page.items.last().map(|repository| repository.name.to_string());
    let mut headers = next_page(page.more, last);
    counted(&mut headers, total);
    Ok((headers, Json(json!({"repositories": views}))))
}

/// Where the next page starts, if there is one.
pub(super) fn next_page(more: bool, last: Option<String>) -> HeaderMap {
    let value = last.filter(|_| more).and_then(|last| HeaderValue::from_str(&last).ok());
    value.into_iter().map(|value| (HeaderName::from_static("x-next-page-start"), value)).collect()
}

/// How many there are in all, where somebody asked.
pub(super) fn counted(headers: &mut HeaderMap, total: Option<u64>) {
    headers.extend(total.map(|total| (HeaderName::from_static("x-resource-count"), HeaderValue::from(total))));
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    name: String,
    #[serde(default)]
    short_description: String,
    #[serde(default)]
    long_description: String,
    visibility: Option<String>,
    /// When absent, on while the scanner is, as a push that makes a repository has it.
    scan_on_push: Option<bool>,
    #[serde(default)]
    only_robots_push: bool,
    #[serde(default)]
    immutable_tags: bool,
    #[serde(default)]
    tag_limit: u32,
}

async fn create(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(namespace): Params<AccountName>,
    Body(body): Body<Create>,
) -> Result<impl IntoResponse, ApiError> {
    let name = format!("{namespace}/{}", body.name).parse().map_err(ApiError::invalid)?;
    let usual = Registry::scans_new(&mut app.db.read().await?).await?;
    let new = NewRepository {
        name,
        visibility: visibility(body.visibility.as_deref())?.unwrap_or(Visibility::Private),
        immutable: body.immutable_tags,
        scan_on_push: body.scan_on_push.unwrap_or(usual),
        only_robots_push: body.only_robots_push,
        short_description: body.short_description,
        long_description: body.long_description,
        tag_limit: body.tag_limit,
    };
    let repository = app.registry.create_repository(&ctx, new).await?;
    Ok((StatusCode::CREATED, Json(view(&app, &repository).await?)))
}

pub(super) async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
) -> Result<Json<Value>, ApiError> {
    let repository = app.registry.repository(&ctx, &named.name()?).await?;
    Ok(Json(view(&app, &repository).await?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update {
    short_description: Option<String>,
    long_description: Option<String>,
    visibility: Option<String>,
    scan_on_push: Option<bool>,
    only_robots_push: Option<bool>,
    immutable_tags: Option<bool>,
    tag_limit: Option<u32>,
}

pub(super) async fn update(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Body(body): Body<Update>,
) -> Result<Json<Value>, ApiError> {
    let changes = RepositoryChanges {
        visibility: visibility(body.visibility.as_deref())?,
        immutable: body.immutable_tags,
        scan_on_push: body.scan_on_push,
        only_robots_push: body.only_robots_push,
        short_description: body.short_description,
        long_description: body.long_description,
        tag_limit: body.tag_limit,
    };
    let repository = app.registry.update_repository(&ctx, &named.name()?, changes).await?;
    Ok(Json(view(&app, &repository).await?))
}

pub(super) async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
) -> Result<StatusCode, ApiError> {
    match app.registry.delete_repository(&ctx, &named.name()?).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) if held_by_trust(&error) => Err(ApiError::from(error)
            .coded("REPOSITORY_CONTAINS_TAGS_IN_NOTARY")
            .answered(StatusCode::METHOD_NOT_ALLOWED)),
        Err(error) => Err(error.into()),
    }
}

/// Whether a deletion was refused because trust data names what is there.
pub(super) fn held_by_trust(error: &registry::Error) -> bool {
    matches!(error, registry::Error::Held { owner, .. } if owner == "trust")
}

fn visibility(text: Option<&str>) -> Result<Option<Visibility>, ApiError> {
    let parse = |text: &str| {
        text.parse().map_err(|error: registry::Error| ApiError::from(error).coded("INVALID_REPOSITORY_VISIBILITY"))
    };
    text.map(parse).transpose()
}

/// A repository as DTR showed it.
pub(super) async fn view(app: &App, repository: &Repository) -> Result<Value, ApiError> {
    let mut views = views(app, std::slice::from_ref(repository)).await?;
    Ok(views.pop().unwrap_or_default())
}

/// The same of many, whose namespaces and traffic are asked for once.
pub(super) async fn views(app: &App, repositories: &[Repository]) -> Result<Vec<Value>, ApiError> {
    let namespaces: BTreeSet<&str> = repositories.iter().map(|repository| repository.name.namespace()).collect();
    let kinds = app.identity.kinds(&namespaces).await?;
    let traffic = app.registry.traffic(repositories).await?;
    let view = |repository: &Repository| {
        let traffic = traffic.get(&repository.id).copied().unwrap_or_default();
        json!({
            "id": repository.id,
            "namespace": repository.name.namespace(),
            "namespaceType": match kinds.get(repository.name.namespace()) {
                Some(AccountKind::Organization) => "organization",
                _ => "user",
            },
            "name": repository.name.name(),
            "shortDescription": repository.short_description,
            "longDescription": repository.long_description,
            "visibility": repository.visibility.to_string(),
            "scanOnPush": repository.scan_on_push,
            "onlyRobotsPush": repository.only_robots_push,
            "immutableTags": repository.immutable,
            "enableManifestLists": true,
            "tagLimit": repository.tag_limit,
            "pulls": traffic.pulls,
            "pushes": traffic.pushes,
        })
    };
    Ok(repositories.iter().map(view).collect())
}
