//! Scans: `/api/v0/imagescan`.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use base::Kind;
use db::Tx;
use oci::{Reference, RepoName};
use promote::Found;
use registry::{Image, Layer, Registry};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    body::{Asked, Params},
    repositories::repo_name,
    scan_image::{Told, decimal, overrides_of},
    tags::unknown_reference,
};
use crate::{
    App,
    caller::Caller,
    error::ApiError,
    scanned::{Scanned, scanned},
};

/// What DTR wrote for a point in time that never was; scripts compare with it.
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v0/imagescan/scan/{namespace}/{repo}/{tag}/{os}/{arch}", post(start))
        .route("/api/v0/imagescan/scansummary/repositories/{namespace}/{repo}/{tag}", get(show))
        .route("/api/v0/imagescan/repositories/{namespace}/{repo}/{tag}", get(old))
}

#[derive(Deserialize)]
struct Started {
    namespace: String,
    repo: String,
    tag: String,
    os: String,
    arch: String,
}

/// Ask for a scan of a tag, or of one platform of it when the tag names an index.
async fn start(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(asked): Params<Started>,
) -> Result<StatusCode, ApiError> {
    let name = repo_name(&asked.namespace, &asked.repo)?;
    let mut reference = reference(&asked.tag)?;
    let image = app.registry.image(&ctx, &name, &reference).await?;
    if image.is_index() {
        let images = Registry::members(&mut app.db.read().await?, &name, &image.digest).await?.images;
        let is_asked = |image: &Image| {
            image.platform.as_ref().is_some_and(|own| own.os == asked.os && own.architecture == asked.arch)
        };
        let found = images.into_iter().find(is_asked);
        let missing = || {
            let why = format!("{name}:{} has no image for {}/{}", asked.tag, asked.os, asked.arch);
            ApiError::new(Kind::NotFound, why).coded("NO_SUCH_TAG")
        };
        reference = Reference::Digest(found.ok_or_else(missing)?.digest);
    }
    app.scan.request(&ctx, &name, &reference).await?;
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
pub(super) struct Shown {
    pub(super) namespace: String,
    pub(super) repo: String,
    pub(super) tag: String,
}

/// What the scan of a tag or digest found: a list with one element per image.
async fn show(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(asked): Params<Shown>,
) -> Result<Json<Value>, ApiError> {
    let name = repo_name(&asked.namespace, &asked.repo)?;
    let reference = reference(&asked.tag).map_err(|error| error.coded("NO_SUCH_REF"))?;
    let image = app.registry.image(&ctx, &name, &reference).await.map_err(unknown_reference)?;
    let waivers = app.promote.all_waivers(&ctx).await?;
    let mut tx = app.db.read().await?;
    let images = images_of(&mut tx, &name, image).await?;
    let tag = match &reference {
        Reference::Tag(tag) => Some(tag.to_string()),
        Reference::Digest(_) => None,
    };
    let mut views = Vec::with_capacity(images.len());
    for image in &images {
        let scan = scanned(&app, &mut tx, ctx.now, &name, image).await?;
        let triage = app.promote.triage(&mut tx, ctx.now, &name, &[&image.digest]).await?;
        let findings = app.promote.found(&mut tx, ctx.now, (&name, image), &triage).await?;
        let layers = Registry::layers(&mut tx, &image.digest).await?;
        let inventory = app.scan.inventory(&mut tx, &name, &image.digest).await?;
        let inventory = inventory.map(|inventory| inventory.components).unwrap_or_default();
        let components: Vec<Value> = inventory.iter().map(|one| component(one, &findings)).collect();
        let told = Told {
            repository: &name,
            tag: tag.clone(),
            digest: &image.digest,
            scan: &scan,
            layers: &layers,
            components: &inventory,
            findings: &findings,
            overrides: overrides_of(&waivers, ctx.now, &layers),
        };
        let mut view = summary(&scan);
        let more = json!({
            "namespace": name.namespace(), "reponame": name.name(), "tag": asked.tag,
            "manifestDigest": image.digest,
            "layers": layers.iter().map(|layer| json!({"digest": layer.digest, "size": layer.size})).collect::<Vec<_>>(),
            "components": components,
        });
        if let (Value::Object(view), Value::Object(more), Value::Object(told)) = (&mut view, more, told.summary()) {
            view.extend(more);
            view.extend(told);
        }
        views.push(view);
    }
    Ok(Json(views.into()))
}

/// The image itself, or those that an index names.
pub(super) async fn images_of(tx: &mut Tx, name: &RepoName, image: Image) -> Result<Vec<Image>, ApiError> {
    match image.is_index() {
        true => Ok(Registry::members(tx, name, &image.digest).await?.images),
        false => Ok(vec![image]),
    }
}

#[derive(Deserialize)]
struct Detailed {
    #[serde(default = "yes")]
    detailed: bool,
}

fn yes() -> bool {
    true
}

/// DTR's older form: a summary for each image, with its layers, what is in each, and what was found in that.
async fn old(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(asked): Params<Shown>,
    Asked(how): Asked<Detailed>,
) -> Result<Json<Value>, ApiError> {
    let name = repo_name(&asked.namespace, &asked.repo)?;
    let image = app.registry.image(&ctx, &name, &reference(&asked.tag)?).await?;
    let mut tx = app.db.read().await?;
    let mut views = Vec::new();
    for image in images_of(&mut tx, &name, image).await? {
        let scan = scanned(&app, &mut tx, ctx.now, &name, &image).await?;
        let layers = Registry::layers(&mut tx, &image.digest).await?;
        let mut view = tag_summary(&scan, (&name, &asked.tag), &layers);
        if how.detailed {
            let triage = app.promote.triage(&mut tx, ctx.now, &name, &[&image.digest]).await?;
            let findings = app.promote.found(&mut tx, ctx.now, (&name, &image), &triage).await?;
            let inventory = app.scan.inventory(&mut tx, &name, &image.digest).await?;
            let inventory = inventory.map(|inventory| inventory.components).unwrap_or_default();
            let in_layer = |number: usize| inventory.iter().filter(move |one| one.layer == number);
            let details = layers.iter().enumerate().map(|(number, layer)| {
                let components = in_layer(number).map(|one| old_component(one, &findings)).collect::<Vec<_>>();
                json!({"sha256sum": layer.digest.hex(), "components": components})
            });
            view["layer_details"] = details.collect();
        }
        views.push(view);
    }
    Ok(Json(views.into()))
}

/// What is waived or stated not to matter is told in the notes, as DTR told of what was hidden.
fn old_component(component: &inventory::Component, findings: &[Found]) -> Value {
    let own = findings.iter().filter(|found| found.finding.purl == component.purl);
    let vulns = own.map(|found| {
        let about = &found.finding.about;
        let notes = found.closed_because().map(|reason| json!({"type": "waived", "reason": reason}));
        json!({
            // The version stands in the package's own metadata, or in bytes that are known.
            "exact": component.confidence.is_none_or(|percent| percent == 100),
            "notes": Vec::from_iter(notes),
            "vuln": {
                "cve": about.advisory,
                "cvss": about.cvss_tenths.map(decimal).unwrap_or_default(),
                "summary": about.summary.as_deref().unwrap_or_default(),
            },
        })
    });
    let mut view = json!({
        "component": component.name,
        "version": component.version,
        "fullpath": component.paths,
        "vulns": vulns.collect::<Vec<_>>(),
    });
    if let Some(name) = component.licenses.first() {
        view["license"] = super::scan_image::license(name);
    }
    view
}

pub(super) fn reference(text: &str) -> Result<Reference, ApiError> {
    text.parse().map_err(|error| ApiError::new(Kind::NotFound, error).coded("NO_SUCH_TAG"))
}

/// What the scan of an image says to whom reads it by a tag: DTR's old summary.
pub(super) fn tag_summary(scan: &Scanned, (name, tag): (&RepoName, &str), layers: &[Layer]) -> Value {
    let mut view = summary(scan);
    view["namespace"] = name.namespace().into();
    view["reponame"] = name.name().into();
    view["tag"] = tag.into();
    // Those that nobody may distribute are not here, and not scanned.
    view["has_foreign_layers"] = layers.iter().any(|layer| layer.media_type.is_nondistributable()).into();
    view
}

/// `vuln_summary` of a tag. `unknown`, `waived` and the last five are ours; DTR knew no severity but its three.
pub(super) fn summary(scan: &Scanned) -> Value {
    let counts = scan.counts;
    json!({
        "critical": counts.critical,
        "major": counts.major,
        "minor": counts.minor,
        "unknown": counts.unknown,
        "waived": counts.waived,
        "last_scan_status": scan.dtr_status(),
        "check_completed_at": scan.finished_at.map_or_else(|| NEVER.to_owned(), |at| at.to_string()),
        "should_rescan": scan.outdated,
        "unknown_because": scan.why_unknown(),
        "snapshot": scan.snapshot,
        "snapshot_age_days": scan.age.as_ref().and_then(|age| age.days),
        "snapshot_stale": scan.age.as_ref().is_some_and(|age| age.stale),
        "distribution": scan.distribution,
    })
}

fn component(component: &inventory::Component, findings: &[Found]) -> Value {
    let own = findings.iter().filter(|found| found.finding.purl == component.purl);
    let found: Vec<Value> = own
        .map(|found| {
            let finding = &found.finding;
            json!({
                "cve": finding.about.advisory,
                "aliases": finding.about.aliases,
                "severity": finding.about.severity,
                "severities": finding.about.severities,
                "cvss": finding.about.cvss_tenths.map(|tenths| f64::from(tenths) / 10.0),
                "status": finding.about.status,
                "fixedVersion": finding.about.fixed_version,
                "summary": finding.about.summary,
                "kev": finding.about.kev,
                "epss": finding.about.epss,
                "source": finding.about.source,
                "reason": finding.about.reason,
                "waived": found.closed_because(),
                "stated": found.stated(),
            })
        })
        .collect();
    json!({
        "component": component.name,
        "version": component.version,
        "purl": component.purl,
        "layer": component.layer,
        "fullpath": component.paths,
        "licenses": component.licenses,
        "vulns": found,
    })
}
