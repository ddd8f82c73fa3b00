//! Which images have a vulnerability, a component, a layer or a licence: `/api/v0/imagescan/scansummary`.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    routing::{get, post},
};
use base::{Ctx, Kind, limits};
use oci::{Digest, Reference, RepoName};
use promote::Waiver;
use registry::Registry;
use scan::{Hit, Wanted};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    body::{Asked, Body, Params},
    repositories::Paging,
    scan_image::{Told, overrides_of},
    scans,
};
use crate::{App, caller::Caller, error::ApiError, scanned::scanned};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/imagescan/scansummary/cve/{cve}", get(of_advisory))
        .route("/api/v0/imagescan/scansummary/component/{component}", get(of_component))
        .route("/api/v0/imagescan/scansummary/layer/{layerid}", get(of_layer))
        .route("/api/v0/imagescan/scansummary/license/{license}", get(of_license))
        .route("/api/v0/imagescan/scansummary/tags", post(of_tags))
}

type Found = Result<(HeaderMap, Json<Value>), ApiError>;

async fn of_advisory(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(id): Params<String>,
    Asked(paging): Asked<Paging>,
) -> Found {
    search(&app, &ctx, Wanted::Advisory(id), &paging).await
}

async fn of_component(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(name): Params<String>,
    Asked(paging): Asked<Paging>,
) -> Found {
    search(&app, &ctx, Wanted::Component(name), &paging).await
}

async fn of_layer(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(digest): Params<String>,
    Asked(paging): Asked<Paging>,
) -> Found {
    let digest: Digest = digest.parse().map_err(|error| ApiError::invalid(error).coded("INVALID_DIGEST"))?;
    let (headers, Json(found)) = search(&app, &ctx, Wanted::Layer(digest.clone()), &paging).await?;
    if paging.page_start.is_empty() && headers.is_empty() && found.as_array().is_some_and(Vec::is_empty) {
        let why = format!("no scanned image that you may see has the layer {digest}");
        return Err(ApiError::new(Kind::NotFound, why).coded("NO_SUCH_LAYER"));
    }
    Ok((headers, Json(found)))
}

async fn of_license(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(license): Params<String>,
    Asked(paging): Asked<Paging>,
) -> Found {
    search(&app, &ctx, Wanted::License(license), &paging).await
}

/// One page; the rights on each image's repository are asked for on the way.
async fn search(app: &App, ctx: &Ctx, wanted: Wanted, paging: &Paging) -> Found {
    ctx.principal().ok_or(identity::Error::Unauthenticated)?;
    let (hits, next) = app.scan.search(ctx, &wanted, &paging.page_start, paging.size()).await?;
    let mut found = Vec::with_capacity(hits.len());
    let waivers = app.promote.all_waivers(ctx).await?;
    for hit in &hits {
        found.extend(told(app, ctx, hit, &waivers).await?);
    }
    let mut headers = HeaderMap::new();
    let next = next.and_then(|at| HeaderValue::from_str(&at).ok());
    headers.extend(next.map(|value| (HeaderName::from_static("x-next-page-start"), value)));
    Ok((headers, Json(found.into())))
}

/// None when the image went meanwhile.
async fn told(app: &App, ctx: &Ctx, hit: &Hit, waivers: &[Waiver]) -> Result<Option<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let Some(image) = Registry::image_of(&mut tx, &hit.digest).await? else { return Ok(None) };
    let scan = scanned(app, &mut tx, ctx.now, &hit.repository, &image).await?;
    let triage = app.promote.triage(&mut tx, ctx.now, &hit.repository, &[&hit.digest]).await?;
    let layers = Registry::layers(&mut tx, &hit.digest).await?;
    let told = Told {
        repository: &hit.repository,
        tag: hit.tags.first().map(ToString::to_string),
        digest: &hit.digest,
        scan: &scan,
        layers: &layers,
        components: &hit.components,
        findings: &app.promote.found(&mut tx, ctx.now, (&hit.repository, &image), &triage).await?,
        overrides: overrides_of(waivers, ctx.now, &layers),
    };
    Ok(Some(told.summary()))
}

#[derive(Deserialize)]
struct Images {
    images: Vec<Tagged>,
}

#[derive(Deserialize)]
struct Tagged {
    /// `namespace/name`, with a tag or without.
    name: String,
    digest: Digest,
}

/// The counts of many images at once, by digest; those that one may not see are left out.
async fn of_tags(
    State(app): State<App>,
    Caller(ctx): Caller,
    Body(asked): Body<Images>,
) -> Result<Json<Value>, ApiError> {
    if asked.images.len() > limits::PAGE_DEFAULT {
        return Err(ApiError::invalid(format!("at most {} images are asked for at once", limits::PAGE_DEFAULT)));
    }
    let mut found = Map::new();
    for Tagged { name, digest } in asked.images {
        let name = name.split_once(':').map_or(name.as_str(), |(name, _)| name);
        let name: RepoName = name.parse().map_err(ApiError::invalid)?;
        let image = match app.registry.image(&ctx, &name, &Reference::Digest(digest)).await {
            Ok(image) => image,
            Err(error) if matches!(error.kind(), base::Kind::Unavailable | base::Kind::Internal) => {
                return Err(error.into());
            }
            Err(_) => continue,
        };
        let scan = scanned(&app, &mut app.db.read().await?, ctx.now, &name, &image).await?;
        let mut view = scans::summary(&scan);
        view["name"] = name.to_string().into();
        found.insert(image.digest.to_string(), view);
    }
    Ok(Json(json!({"images": found})))
}
