//! One image: layers, components, findings.

use axum::{
    extract::{Path, Query},
    response::Response,
};
use db::Tx;
use inventory::{Component, Gone, ImageInventory};
use oci::{Digest, ImageConfig, Reference, RepoName};
use promote::{Approval, Found, Waiver};
use registry::{Image, Layer, Registry};
use scan::{Change, Comparison, FindingChange};
use serde::Deserialize;
use ui::{ChangesView, ComponentView, FindingView, ImageView, LayerView};

use super::{
    Failure, Page, Visitor, evidence,
    view::{moment, platform, scan_state},
};
use crate::{App, changes, scanned::scanned};

/// Changes that are shown; all of them are in the API's answer.
const CHANGES: usize = 12;

#[derive(Deserialize)]
pub(super) struct Asked {
    /// The image to compare with: `NAMESPACE/NAME:TAG`.
    against: Option<String>,
}

/// `GET /images/{namespace}/{name}@{digest}`
pub(super) async fn show(visitor: Visitor, Path(reference): Path<String>, Query(asked): Query<Asked>) -> Response {
    visitor.answer(page(&visitor, &reference, asked.against.as_deref()).await)
}

async fn page(visitor: &Visitor, reference: &str, against: Option<&str>) -> Page {
    let app = &visitor.app;
    let (name, digest) = reference.split_once('@').ok_or(Failure::NotFound)?;
    let name: RepoName = name.parse().map_err(|_| Failure::NotFound)?;
    let digest: Digest = digest.parse().map_err(|_| Failure::NotFound)?;
    let image = app.registry.image(&visitor.ctx, &name, &Reference::Digest(digest)).await?;
    let (config, asked) = config(app, &name, &image).await?;
    let mut tx = app.db.read().await?;
    let scan = scanned(app, &mut tx, visitor.ctx.now, &name, &image).await?;
    let triage = app.promote.triage(&mut tx, visitor.ctx.now, &name, &[&image.digest]).await?;
    let findings = app.promote.found(&mut tx, visitor.ctx.now, (&name, &image), &triage).await?;
    let inventory = app.scan.inventory(&mut tx, &name, &image.digest).await?;
    let scanned_whole = inventory.is_some();
    let inventory = inventory.unwrap_or_default();
    let components = &inventory.components;
    let counted: Vec<&Found> = findings.iter().filter(|found| found.is_open()).collect();
    let layers = Registry::layers(&mut tx, &image.digest).await?;
    let base = match image.is_runnable() {
        true => app.scan.about(&mut tx, &visitor.ctx, (&name, &image), "").await?.base,
        false => None,
    };
    let below = base.as_ref().map_or(0, |base| base.layers);
    let of_base = |found: &&&Found| usize::try_from(found.finding.layer).is_ok_and(|layer| layer < below);
    let inherited = counted.iter().filter(of_base).count();
    let children = children_of(&mut tx, &name, &image).await?;
    drop(tx);
    let view = ImageView {
        repository: name.to_string(),
        digest: image.digest.to_string(),
        platform: platform(image.platform.as_ref(), image.is_index()),
        scan: scan_state(&scan),
        snapshot_age: scan.age.as_ref().map(|age| (age.words(), age.stale)),
        snapshot: scan.snapshot,
        distribution: scan.distribution,
        base: base.map(|base| base.to_string()),
        inherited: if below > 0 { (inherited, counted.len() - inherited) } else { (0, 0) },
        changes: changes_of(visitor, &name, &image, against).await?,
        layers: layer_views(&config, &layers, &inventory, &counted, below),
        components: components.iter().map(|component| component_view(component, &findings, below)).collect(),
        waives: visitor.administers(name.as_str()).await,
        secrets: evidence::secrets(&inventory),
        facts: if scanned_whole { evidence::facts(&asked, &inventory) } else { Vec::new() },
        labels: config.labels.into_iter().collect(),
        children,
    };
    Ok(ui::image(&visitor.frame(), &view).into_string())
}

/// The configuration of an image that can run.
async fn config(app: &App, name: &RepoName, image: &Image) -> Result<(ImageConfig, posture::Config), Failure> {
    if !image.is_runnable() {
        return Ok(Default::default());
    }
    let bytes = app.registry.config_bytes(name, image).await?.unwrap_or_default();
    Ok((ImageConfig::parse(&bytes).unwrap_or_default(), posture::Config::parse(&bytes).unwrap_or_default()))
}

/// What differs from the image that is named, or from this image's own scan before.
async fn changes_of(
    visitor: &Visitor,
    name: &RepoName,
    image: &Image,
    against: Option<&str>,
) -> Result<Option<ChangesView>, Failure> {
    let (app, ctx) = (&visitor.app, &visitor.ctx);
    let Some(other) = against.filter(|text| !text.is_empty()) else {
        let found = changes::since_before(app, ctx, name, image).await?;
        return Ok(
            found.map(|found| changes_view(&found, format!("Since the result of {}", moment(found.before.created))))
        );
    };
    let nothing = |why: &str| ChangesView { title: format!("Against {other}: {why}"), lines: Vec::new(), more: 0 };
    let Ok((from, base)) = changes::image_named(app, ctx, other).await else {
        return Ok(Some(nothing("there is no such image, or you may not see it")));
    };
    let found = changes::against(app, ctx, (&from, &base), (name, image)).await?;
    Ok(Some(match found {
        Some(found) => changes_view(&found, format!("Against {other}")),
        None => nothing("both must be scanned, and of one platform"),
    }))
}

fn changes_view(comparison: &Comparison, title: String) -> ChangesView {
    let weighty: Vec<&FindingChange> = comparison.findings.iter().filter(|one| one.is_weighty()).collect();
    let line = |one: &&FindingChange| {
        let verb = match one.change {
            Change::Appeared => "appeared",
            Change::Vanished => "vanished",
            Change::Changed => "changed",
        };
        let what = one.finding().map(|finding| {
            format!("{} ({}) in {} {} {verb}:", finding.id, finding.severity, finding.component, finding.version)
        });
        (what.unwrap_or_default(), format!("{} ({})", one.reason, one.cause.as_str()))
    };
    let lines: Vec<_> = weighty.iter().take(CHANGES).map(line).collect();
    ChangesView { title, more: weighty.len() - lines.len(), lines }
}

/// Platform and digest of each image of an index.
async fn children_of(tx: &mut Tx, name: &RepoName, image: &Image) -> Result<Vec<(String, String)>, Failure> {
    if !image.is_index() {
        return Ok(Vec::new());
    }
    let images = Registry::members(tx, name, &image.digest).await?.images;
    Ok(images.iter().map(|child| (platform(child.platform.as_ref(), false), child.digest.to_string())).collect())
}

/// The lines of the build with the layers they made; the layers alone when the history does not fit them.
fn layer_views(
    config: &ImageConfig,
    layers: &[Layer],
    inventory: &ImageInventory,
    counted: &[&Found],
    below: usize,
) -> Vec<LayerView> {
    let of_layer = |number: usize, created_by: String| LayerView {
        created_by,
        number: Some(number + 1),
        digest: Some(layers[number].digest.to_string()),
        size_bytes: layers[number].size,
        base: number < below,
        components: inventory.components.iter().filter(|component| component.layer == number).count(),
        findings: counted.iter().filter(|found| usize::try_from(found.finding.layer) == Ok(number)).count(),
        removed: inventory.gone.iter().filter(|gone| gone.removed == number).map(gone_view).collect(),
    };
    if config.layer_history().len() != layers.len() {
        return (0..layers.len()).map(|number| of_layer(number, "(the image does not say)".to_owned())).collect();
    }
    let mut next = 0..layers.len();
    let view = |step: &oci::History| {
        let created_by = posture::instruction(&step.created_by.clone().or(step.comment.clone()).unwrap_or_default());
        match (!step.empty_layer).then(|| next.next()).flatten() {
            Some(number) => of_layer(number, created_by),
            None => LayerView {
                created_by,
                number: None,
                digest: None,
                size_bytes: 0,
                base: false,
                components: 0,
                findings: 0,
                removed: Vec::new(),
            },
        }
    };
    config.history.iter().map(view).collect()
}

fn component_view(component: &Component, findings: &[Found], below: usize) -> ComponentView {
    let own = findings.iter().filter(|found| found.finding.purl == component.purl);
    ComponentView {
        name: component.name.clone(),
        version: component.version.clone(),
        kind: component.kind.as_str().to_owned(),
        inherited: component.layer < below,
        layer: component.layer + 1,
        licenses: component.licenses.clone(),
        confidence: component.confidence,
        evidence: evidence::of(component),
        findings: own.map(finding_view).collect(),
    }
}

fn finding_view(found: &Found) -> FindingView {
    let about = &found.finding.about;
    let exploited = about.kev.as_ref().map(|kev| {
        let how = if kev.ransomware { " by ransomware" } else { "" };
        format!("known to be exploited{how} (KEV {})", kev.added)
    });
    FindingView {
        advisory: about.advisory.clone(),
        severity: about.severity.as_str().to_owned(),
        status: Some(about.status.as_str()).filter(|said| *said != "affected").map(|said| said.replace('-', " ")),
        reason: about.reason.clone(),
        source: about.source.clone(),
        exploited,
        epss: about.epss.as_ref().map(|epss| format!("{:.1}", f64::from(epss.probability_1e5) / 1e3)),
        fixed_version: about.fixed_version.clone(),
        waived: found.waiver.as_ref().map(waived),
        stated: stated(found),
        closed: !found.is_open(),
    }
}

fn gone_view(gone: &Gone) -> String {
    format!("{} {} of layer {}", gone.name, gone.version, gone.brought + 1)
}

/// Why a finding does not count, and who answers for that.
fn waived(waiver: &Waiver) -> String {
    let until = waiver.expires_at.map(|at| format!(", until {}", moment(at))).unwrap_or_default();
    let approved = match &waiver.approval {
        Approval::Given { by, .. } => format!(", approved by {by}"),
        Approval::NotNeeded | Approval::Proposed => String::new(),
    };
    format!("{} ({}{approved}{until})", waiver.reason, waiver.author)
}

/// What a document states of it, and whose that is.
fn stated(found: &Found) -> Option<String> {
    let statement = found.statement.as_ref()?;
    let at = statement.timestamp.map(|at| format!(", {}", moment(at))).unwrap_or_default();
    let author = if statement.author.is_empty() { "no author" } else { &statement.author };
    Some(format!("{} ({author}{at}; {})", found.stated()?, statement.document))
}
