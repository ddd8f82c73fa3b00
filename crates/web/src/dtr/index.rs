//! Searching: DTR's `/api/v0/index`, and what `docker search HOST/TERM` asks for.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    routing::get,
};
use base::{AccountName, limits};
use registry::{Found, Visibility};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{accounts, body::Asked, repositories};
use crate::{App, caller::Caller, error::ApiError};

/// Results when nobody says how many, as in DTR.
const RESULTS: usize = 25;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/index/autocomplete", get(autocomplete))
        .route("/api/v0/index/dockersearch", get(docker_search))
        .route("/v1/search", get(docker_search))
        .route("/v1/_ping", get(ping))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Autocomplete {
    query: String,
    #[serde(default = "yes")]
    include_repositories: bool,
    #[serde(default = "yes")]
    include_accounts: bool,
    namespace: Option<AccountName>,
    limit: Option<usize>,
    /// Ours: the word and the name after which to go on, as `X-Next-Page-Start` gave them.
    #[serde(default)]
    page_start: String,
}

fn yes() -> bool {
    true
}

/// What begins like the query: names of accounts, for those who are signed in, and words in names of repositories.
async fn autocomplete(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(asked): Asked<Autocomplete>,
) -> Result<(HeaderMap, Json<Value>), ApiError> {
    let limit = asked.limit.unwrap_or(RESULTS).clamp(1, limits::PAGE_MAX);
    let mut headers = HeaderMap::new();
    let mut answer = json!({"accountResults": [], "repositoryResults": []});
    if asked.include_accounts && ctx.principal().is_some() {
        let found = app.identity.accounts_beginning(&ctx, &asked.query, limit).await?;
        answer["accountResults"] = found.iter().map(accounts::view).collect();
    }
    if asked.include_repositories {
        let (word, name) = asked.page_start.split_once(' ').unwrap_or_default();
        let after = Found { word: word.to_owned(), name: name.to_owned() };
        let namespace = asked.namespace.as_ref().map(AccountName::as_str);
        let (found, next) = app.registry.search(&ctx, &asked.query, namespace, &after, limit).await?;
        answer["repositoryResults"] = repositories::views(&app, &found).await?.into();
        let next = next.and_then(|at| HeaderValue::from_str(&format!("{} {}", at.word, at.name)).ok());
        headers.extend(next.map(|value| (HeaderName::from_static("x-next-page-start"), value)));
    }
    Ok((headers, Json(answer)))
}

#[derive(Deserialize)]
struct DockerSearch {
    q: String,
    n: Option<usize>,
}

/// The registry's first protocol, of which this is all that docker still speaks. `docker` sends the credentials of `docker login`.
async fn docker_search(
    State(app): State<App>,
    Caller(ctx): Caller,
    Asked(asked): Asked<DockerSearch>,
) -> Result<Json<Value>, ApiError> {
    let limit = asked.n.unwrap_or(RESULTS).clamp(1, limits::PAGE_DEFAULT);
    // Docker takes the host away, and DTR's users write it all the same.
    let text = asked.q.strip_prefix(&format!("{}/", app.site.authority)).unwrap_or(&asked.q);
    let (found, _) = app.registry.search(&ctx, text, None, &Found::default(), limit).await?;
    let results: Vec<Value> = found
        .iter()
        .map(|repository| {
            json!({
                "name": repository.name,
                "description": repository.short_description,
                "is_official": false,
                "is_automated": false,
                "is_trusted": false,
                "is_private": repository.visibility == Visibility::Private,
                "star_count": 0,
            })
        })
        .collect();
    Ok(Json(json!({
        "query": asked.q, "num_results": results.len(), "num_pages": 1, "page": 1, "page_size": limit, "results": results,
    })))
}

/// That there is something to search, as docker asks first.
async fn ping() -> (HeaderMap, Json<bool>) {
    let mut headers = HeaderMap::new();
    headers.insert("x-docker-registry-standalone", HeaderValue::from_static("true"));
    headers.insert("x-docker-registry-version", HeaderValue::from_static("0.6.0"));
    (headers, Json(true))
}
