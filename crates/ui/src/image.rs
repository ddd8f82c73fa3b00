//! One image: its layers with the Dockerfile line that made each, its components, its findings.

use maud::{Markup, html};

use crate::{
    Frame, ScanState,
    layout::{page, short_digest},
    tags::{shield, size},
};

/// One image.
#[derive(Clone, Debug)]
pub struct ImageView {
    pub repository: String,
    pub digest: String,
    pub platform: String,
    pub scan: ScanState,
    pub snapshot: Option<String>,
    pub distribution: Option<String>,
    pub layers: Vec<LayerView>,
    pub components: Vec<ComponentView>,
    pub labels: Vec<(String, String)>,
    /// The images of an index: platform and digest.
    pub children: Vec<(String, String)>,
}

/// One layer, or one line that made none.
#[derive(Clone, Debug)]
pub struct LayerView {
    pub created_by: String,
    /// Counted from 1 among the lines that made a layer.
    pub number: Option<usize>,
    pub digest: Option<String>,
    pub size_bytes: u64,
    /// How many components this layer brought.
    pub components: usize,
    pub findings: usize,
}

/// One component.
#[derive(Clone, Debug)]
pub struct ComponentView {
    pub name: String,
    pub version: String,
    pub kind: String,
    /// Which layer brought it, counted from 1 among those that are not empty.
    pub layer: usize,
    pub licenses: Vec<String>,
    pub findings: Vec<FindingView>,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct FindingView {
    pub advisory: String,
    pub severity: String,
    pub reason: String,
    pub fixed_version: Option<String>,
    /// Why it does not count, when somebody waived it.
    pub waived: Option<String>,
}

/// The page.
pub fn image(frame: &Frame, view: &ImageView) -> Markup {
    let content = html! {
        p { (shield(&view.scan)) " " a href={ "/chain/" (view.digest) } { "chain of this digest" } }
        dl.facts {
            dt { "Digest" } dd { code { (view.digest) } }
            dt { "Platform" } dd { (view.platform) }
            @if let Some(distribution) = &view.distribution { dt { "Distribution" } dd { (distribution) } }
            @if let Some(snapshot) = &view.snapshot { dt { "Advisories" } dd { (snapshot) } }
            @for (name, value) in &view.labels { dt { code { (name) } } dd { (value) } }
        }
        @if view.children.is_empty() {
            h2 { "Layers" }
            (layers(view))
            h2 { "Components" }
            (components(view))
        } @else {
            h2 { "Images" }
            ul {
                @for (platform, digest) in &view.children {
                    li { a href={ "/images/" (view.repository) "@" (digest) } { (platform) } " " (short_digest(digest)) }
                }
            }
        }
    };
    page(frame, &format!("{}@{}", view.repository, &view.digest.get(..19).unwrap_or(&view.digest)), &content)
}

fn layers(view: &ImageView) -> Markup {
    html! {
        table id="layers" {
            thead { tr { th { "#" } th { "Made by" } th { "Layer" } th { "Size" } th { "Components" } th { "Findings" } } }
            tbody {
                @for layer in &view.layers {
                    tr {
                        td { @if let Some(number) = layer.number { (number) } }
                        td { code { (layer.created_by) } }
                        td { @if let Some(digest) = &layer.digest { (short_digest(digest)) } @else { span.quiet { "no layer" } } }
                        td { @if layer.digest.is_some() { (size(layer.size_bytes)) } }
                        td { (layer.components) }
                        td { @if layer.findings > 0 { span.bad { "✕ " (layer.findings) } } @else { "0" } }
                    }
                }
            }
        }
    }
}

fn components(view: &ImageView) -> Markup {
    html! {
        table id="components" {
            thead { tr { th { "Component" } th { "Version" } th { "Kind" } th { "Layer" } th { "Licences" } th { "Findings" } } }
            tbody {
                @for component in &view.components {
                    tr {
                        td { (component.name) }
                        td { code { (component.version) } }
                        td { (component.kind) }
                        td { (component.layer) }
                        td { (component.licenses.join(", ")) }
                        td { @for finding in &component.findings { (finding_line(finding)) } }
                    }
                }
            }
        }
    }
}

fn finding_line(finding: &FindingView) -> Markup {
    html! {
        div.bad[finding.waived.is_none()] title=(finding.reason) {
            @if finding.waived.is_none() { "✕ " } @else { "◌ " }
            (finding.advisory) " " (finding.severity)
            @if let Some(fixed) = &finding.fixed_version { ", fixed in " (fixed) }
            @if let Some(why) = &finding.waived { span.quiet { " waived: " (why) } }
        }
    }
}
