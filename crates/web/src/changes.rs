//! What differs between two scans: `/api/v1/repositories/{namespace}/{repo}/images/{reference}/changes`.

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::get,
};
use base::{Ctx, Kind};
use db::Tx;
use oci::{Digest, Reference, RepoName};
use registry::Image;
use scan::{Comparison, Moment, Reported};
use serde::Deserialize;

use crate::{App, caller::Caller, dtr::Params, error::ApiError, scanned::Error};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/v1/repositories/{namespace}/{repo}/images/{reference}/changes", get(show))
}

#[derive(Deserialize)]
struct Asked {
    /// `NAMESPACE/NAME:TAG` or `NAMESPACE/NAME@DIGEST`; the image's own scan before, where nothing is said.
    against: Option<String>,
}

async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params((namespace, repo, reference)): Params<(String, String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Json<Comparison>, ApiError> {
    let missing = |why: String| ApiError::new(Kind::NotFound, why);
    let name: RepoName = format!("{namespace}/{repo}").parse().map_err(|error| ApiError::new(Kind::NotFound, error))?;
    let reference: Reference = reference.parse().map_err(|error| ApiError::new(Kind::NotFound, error))?;
    let image = app.registry.image(&ctx, &name, &reference).await?;
    let Some(other) = asked.against else {
        let found = since_before(&app, &ctx, &name, &image).await?;
        let why =
            || missing(format!("{name}@{} was found once only: there is no scan before to compare with", image.digest));
        return found.map(Json).ok_or_else(why);
    };
    let (from, base) = image_named(&app, &ctx, &other).await?;
    let found = against(&app, &ctx, (&from, &base), (&name, &image)).await?;
    let why = || missing(format!("{name} and {other} are compared when both are scanned, each of one platform"));
    found.map(Json).ok_or_else(why)
}

/// The image that somebody names, if they may see it.
pub(crate) async fn image_named(app: &App, ctx: &Ctx, text: &str) -> Result<(RepoName, Image), ApiError> {
    let wrong =
        || ApiError::invalid(format!("{text:?} names no image: write NAMESPACE/NAME:TAG or NAMESPACE/NAME@DIGEST"));
    let (name, reference) = match text.split_once('@') {
        Some((name, digest)) => (name, digest.parse::<Digest>().ok().map(Reference::Digest)),
        None => text.rsplit_once(':').map(|(name, tag)| (name, tag.parse().ok())).ok_or_else(wrong)?,
    };
    let name: RepoName = name.parse().map_err(|_| wrong())?;
    let image = app.registry.image(ctx, &name, &reference.ok_or_else(wrong)?).await?;
    Ok((name, image))
}

/// What is otherwise since the result before the present one. Waivers and VEX documents that were taken back
/// meanwhile left no trace to be compared with.
pub(crate) async fn since_before(
    app: &App,
    ctx: &Ctx,
    name: &RepoName,
    image: &Image,
) -> Result<Option<Comparison>, Error> {
    let mut tx = app.db.read().await.map_err(scan::Error::Database)?;
    let shown = format!("{name}@{}", image.digest);
    let Some(mut before) = app.scan.reported(&mut tx, ctx, (name, image), &shown, Moment::Before).await? else {
        return Ok(None);
    };
    let Some(mut after) = app.scan.reported(&mut tx, ctx, (name, image), &shown, Moment::Now).await? else {
        return Ok(None);
    };
    let then = before.report.created;
    app.promote.triage(&mut tx, then, name, &[&image.digest]).await?.by(then).write(&mut before.report);
    after.report.created = ctx.now;
    app.promote.triage(&mut tx, ctx.now, name, &[&image.digest]).await?.write(&mut after.report);
    compared(before, after).await.map(Some)
}

/// What another image has otherwise; None where one of them has no result.
pub(crate) async fn against(
    app: &App,
    ctx: &Ctx,
    from: (&RepoName, &Image),
    to: (&RepoName, &Image),
) -> Result<Option<Comparison>, Error> {
    let mut tx = app.db.read().await.map_err(scan::Error::Database)?;
    let Some(before) = present(app, &mut tx, ctx, from).await? else { return Ok(None) };
    let Some(after) = present(app, &mut tx, ctx, to).await? else { return Ok(None) };
    drop(tx);
    compared(before, after).await.map(Some)
}

async fn present(
    app: &App,
    tx: &mut Tx,
    ctx: &Ctx,
    (name, image): (&RepoName, &Image),
) -> Result<Option<Reported>, Error> {
    let shown = format!("{name}@{}", image.digest);
    let Some(mut found) = app.scan.reported(tx, ctx, (name, image), &shown, Moment::Now).await? else {
        return Ok(None);
    };
    found.report.created = ctx.now;
    app.promote.triage(tx, ctx.now, name, &[&image.digest]).await?.write(&mut found.report);
    Ok(Some(found))
}

async fn compared(before: Reported, after: Reported) -> Result<Comparison, Error> {
    let work = tokio::task::spawn_blocking(move || scan::compare(before.side(), after.side()));
    work.await.map_err(|error| Error::Scan(scan::Error::Internal(error.to_string())))
}
