//! The manifests of a repository: `/api/v0/repositories/{ns}/{repo}/manifests`.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{delete, get},
};
use oci::Reference;
use serde::Deserialize;
use serde_json::Value;

use super::{
    body::{Asked, Params},
    repositories::{Named, Paging, counted, held_by_trust, next_page, repo_name},
    tag_view::manifest,
    tags::unknown_reference,
};
use crate::{App, caller::Caller, error::ApiError};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/repositories/{namespace}/{repo}/manifests", get(list))
        .route("/api/v0/repositories/{namespace}/{repo}/manifests/{reference}", delete(remove))
}

async fn list(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<Named>,
    Asked(paging): Asked<Paging>,
) -> Result<(HeaderMap, Json<Value>), ApiError> {
    let (page, total) = app.registry.manifests(&ctx, &named.name()?, &paging.page_start, paging.size()).await?;
    let mut headers = next_page(page.more, page.items.last().map(|image| image.digest.to_string()));
    counted(&mut headers, paging.count.then_some(total));
    Ok((headers, Json(page.items.iter().map(manifest).collect())))
}

#[derive(Deserialize)]
struct NamedManifest {
    namespace: String,
    repo: String,
    reference: String,
}

/// With all the tags that name it.
async fn remove(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(named): Params<NamedManifest>,
) -> Result<StatusCode, ApiError> {
    let name = repo_name(&named.namespace, &named.repo)?;
    let wrong = |error| ApiError::invalid(error).coded("INVALID_DIGEST");
    let digest = match named.reference.parse().map_err(wrong)? {
        Reference::Digest(digest) => digest,
        tag @ Reference::Tag(_) => app.registry.image(&ctx, &name, &tag).await.map_err(unknown_reference)?.digest,
    };
    match app.registry.delete_manifest(&ctx, &name, &digest).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) if held_by_trust(&error) => Err(ApiError::from(error).coded("TAG_IN_NOTARY")),
        Err(error) => Err(unknown_reference(error)),
    }
}
