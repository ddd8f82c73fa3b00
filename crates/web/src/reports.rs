//! What is in an image and what was found in it, in every format: `/api/v1/repositories/{namespace}/{repo}/images/{reference}/report`;
//! and the key by which the attestations of that are verified.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use base::Kind;
use bom::Format;
use oci::{Digest, Reference, RepoName};
use registry::{Image, Registry};
use serde::Deserialize;

use crate::{
    App,
    caller::Caller,
    dtr::{Asked, Params},
    error::ApiError,
    etag,
};

/// A table is written as wide; nothing says how wide the reader's screen is.
const WIDTH: usize = 140;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/repositories/{namespace}/{repo}/images/{reference}/report", get(report))
        .route("/api/v1/attestations/key", get(key))
}

#[derive(Deserialize)]
struct Of {
    namespace: String,
    repo: String,
    /// A tag, or the digest of an image.
    reference: String,
}

#[derive(Deserialize)]
struct As {
    #[serde(default)]
    format: Option<String>,
    /// `linux/arm64`: which image, where the reference names several.
    #[serde(default)]
    platform: Option<String>,
}

/// For whoever may pull the image. Findings that are waived, or stated not to matter, are marked as such.
async fn report(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(of): Params<Of>,
    Asked(asked): Asked<As>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let format: Format = asked.format.as_deref().unwrap_or("json").parse().map_err(ApiError::invalid)?;
    let name: RepoName =
        format!("{}/{}", of.namespace, of.repo).parse().map_err(|error| ApiError::new(Kind::NotFound, error))?;
    let reference: Reference = of.reference.parse().map_err(|error| ApiError::new(Kind::NotFound, error))?;
    let named = app.registry.image(&ctx, &name, &reference).await?;
    let image = one(&app, &name, &named, asked.platform.as_deref()).await?;
    let place = app.registry.place_of(&name);
    let called = match &reference {
        Reference::Tag(tag) => format!("{place}:{tag}"),
        Reference::Digest(_) => format!("{place}@{}", image.digest),
    };
    let mut report = app.scan.report(&name, &image, &called).await?;
    // What is said of an index is said of each image in it.
    let digests = [&named.digest, &image.digest];
    app.promote.triage(&mut app.db.read().await?, ctx.now, &name, &digests).await?.write(&mut report);
    let bytes = match format {
        Format::OpenVex => bom::openvex(&report, &app.site.authority),
        format => format.write(&report, WIDTH),
    };
    let bytes = bytes.map_err(|error| ApiError::new(Kind::NotFound, error))?;
    let etag = format!("\"{}\"", Digest::sha256_of(&bytes));
    let head = [
        (header::ETAG, etag.clone()),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::VARY, "Authorization, Cookie".to_owned()),
    ];
    if etag::is_known(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let file = format!("inline; filename=\"{}\"", file_name(&name, &image.digest, format));
    let more = [(header::CONTENT_TYPE, format.media_type().to_owned()), (header::CONTENT_DISPOSITION, file)];
    Ok((head, more, bytes).into_response())
}

/// The image itself, or the one of an index that is asked for.
async fn one(app: &App, name: &RepoName, named: &Image, platform: Option<&str>) -> Result<Image, ApiError> {
    if !named.is_index() {
        return Ok(named.clone());
    }
    let images = Registry::members(&mut app.db.read().await?, name, &named.digest).await?.images;
    let platforms: Vec<String> = images.iter().map(platform_of).collect();
    let found = match platform {
        Some(wanted) => platforms.iter().position(|own| own == wanted),
        None if images.len() == 1 => Some(0),
        None => {
            let which = platforms.join(", ");
            return Err(ApiError::invalid(format!("say which image with ?platform=; there are {which}")));
        }
    };
    found.and_then(|at| images.into_iter().nth(at)).ok_or_else(|| {
        let which = if platforms.is_empty() { "none".to_owned() } else { platforms.join(", ") };
        let wanted = platform.unwrap_or_default();
        ApiError::new(Kind::NotFound, format!("no image is for {wanted:?}; of those it names there are {which}"))
    })
}

fn platform_of(image: &Image) -> String {
    let Some(platform) = &image.platform else { return "unknown".to_owned() };
    let parts = [Some(&platform.os), Some(&platform.architecture), platform.variant.as_ref()];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/")
}

/// `flask-0a1b2c3d4e5f.cdx.json`: what tools recognise the format by.
fn file_name(name: &RepoName, digest: &Digest, format: Format) -> String {
    let last = name.name().rsplit('/').next().unwrap_or_default();
    let digits: String = digest.as_str().split(':').next_back().unwrap_or_default().chars().take(12).collect();
    let end = match format {
        Format::Json => "json",
        Format::CycloneDx => "cdx.json",
        Format::Spdx => "spdx.json",
        Format::Spdx3 => "spdx3.json",
        Format::Sarif => "sarif",
        Format::OpenVex => "openvex.json",
        Format::Table => "txt",
    };
    format!("{last}-{digits}.{end}")
}

/// The public key, PEM: `cosign verify-attestation --key`. Public, as the CA is.
async fn key(State(app): State<App>) -> Result<Response, ApiError> {
    let pem = app.scan.attestation_key();
    let pem = pem.ok_or_else(|| ApiError::new(Kind::NotFound, "nothing is attested here"))?;
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], pem).into_response())
}
