//! One image: its layers with the Dockerfile line that made each, its components, its findings.

use maud::{Markup, html};

use crate::{
    Frame, ScanState,
    advisories::aged,
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
    /// How old that is, in words, and whether it is stale; of the one in use only.
    pub snapshot_age: Option<(String, bool)>,
    pub distribution: Option<String>,
    /// The image it was built on and how that is known.
    pub base: Option<String>,
    /// How many findings count that come with the base image, and that do not.
    pub inherited: (usize, usize),
    pub changes: Option<ChangesView>,
    pub layers: Vec<LayerView>,
    pub components: Vec<ComponentView>,
    /// The reader may waive findings here.
    pub waives: bool,
    pub secrets: Vec<SecretView>,
    pub facts: Vec<FactView>,
    pub labels: Vec<(String, String)>,
    /// The images of an index: platform and digest.
    pub children: Vec<(String, String)>,
}

/// What differs from another scan.
#[derive(Clone, Debug)]
pub struct ChangesView {
    /// `Since the scan of 2026-11-30 03:00`, `Against prod/app:1`.
    pub title: String,
    /// What changed, and the cause.
    pub lines: Vec<(String, String)>,
    /// How many more there are.
    pub more: usize,
}

/// One layer, or one line that made none.
#[derive(Clone, Debug)]
pub struct LayerView {
    pub created_by: String,
    /// Counted from 1 among the lines that made a layer.
    pub number: Option<usize>,
    pub digest: Option<String>,
    pub size_bytes: u64,
    /// It comes with the base image.
    pub base: bool,
    /// How many components this layer brought.
    pub components: usize,
    pub findings: usize,
    /// Components of layers below that cannot be seen any more since this one, and can still be pulled.
    pub removed: Vec<String>,
}

/// Secrets of one file, masked.
#[derive(Clone, Debug)]
pub struct SecretView {
    pub path: String,
    /// Counted from 1 among the layers.
    pub layer: usize,
    /// A layer above hides the file, and whoever pulls the image has it all the same.
    pub removed: bool,
    pub found: Vec<String>,
}

/// One fact about the configuration or the files.
#[derive(Clone, Debug)]
pub struct FactView {
    pub sentence: String,
    /// The first of them.
    pub places: Vec<String>,
    /// How many there are.
    pub count: usize,
}

/// One component.
#[derive(Clone, Debug)]
pub struct ComponentView {
    pub name: String,
    pub version: String,
    pub kind: String,
    /// It comes with the base image.
    pub inherited: bool,
    /// Which layer brought it, counted from 1 among those that are not empty.
    pub layer: usize,
    pub licenses: Vec<String>,
    /// In percent, where it was found in bytes.
    pub confidence: Option<u8>,
    /// What speaks for it then.
    pub evidence: Vec<String>,
    pub findings: Vec<FindingView>,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct FindingView {
    pub advisory: String,
    pub severity: String,
    /// What the publisher says, where that is more than that it is affected: `will not fix`.
    pub status: Option<String>,
    pub reason: String,
    /// Whose record it is.
    pub source: String,
    /// How it is known to be exploited.
    pub exploited: Option<String>,
    /// How likely it is exploited within 30 days, in percent.
    pub epss: Option<String>,
    pub fixed_version: Option<String>,
    /// Why it does not count, when somebody waived it.
    pub waived: Option<String>,
    /// What a VEX document says of it, and whose that is.
    pub stated: Option<String>,
    /// True when it does not count: waived, or stated not to matter.
    pub closed: bool,
}

/// Words of a list that are shown; all of them are in the API's answers.
const SHOWN: usize = 8;

/// The page.
pub fn image(frame: &Frame, view: &ImageView) -> Markup {
    let content = html! {
        p { (shield(&view.scan)) " " a href={ "/chain/" (view.digest) } { "chain of this digest" } }
        dl.facts {
            dt { "Digest" } dd { code { (view.digest) } }
            dt { "Platform" } dd { (view.platform) }
            @if let Some(distribution) = &view.distribution { dt { "Distribution" } dd { (distribution) } }
            @if let Some(base) = &view.base { dt { "Base image" } dd id="base" {
                (base)
                @if view.inherited != (0, 0) {
                    span.quiet { "; " (view.inherited.0) " findings come with it, " (view.inherited.1) " do not" }
                }
            } }
            @if let Some(snapshot) = &view.snapshot { dt { "Advisories" } dd {
                (snapshot) @if let Some(age) = &view.snapshot_age { (aged(age)) }
            } }
            @for (name, value) in &view.labels { dt { code { (name) } } dd { (value) } }
        }
        @if view.children.is_empty() {
            (downloads(view))
            (changes(view))
            h2 { "Layers" }
            (layers(view))
            (secrets(view))
            (facts(view))
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

/// The form that asks for a waiver of this finding.
fn waive(view: &ImageView, component: &ComponentView, finding: &FindingView) -> String {
    let asked = [
        ("repository", &view.repository),
        ("image", &view.digest),
        ("advisory", &finding.advisory),
        ("component", &component.name),
        ("version", &component.version),
    ];
    let query: String = asked.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
    format!("/waivers/new?{}", &query[1..])
}

/// As it may stand in a query (RFC 3986, section 2.3).
fn encoded(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:@".contains(&byte);
    text.bytes().map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// What is known of the image, as other tools read it.
fn downloads(view: &ImageView) -> Markup {
    const FORMATS: [(&str, &str); 6] = [
        ("cyclonedx", "CycloneDX"),
        ("spdx", "SPDX 2.3"),
        ("spdx3", "SPDX 3.0"),
        ("sarif", "SARIF"),
        ("openvex", "OpenVEX"),
        ("json", "JSON"),
    ];
    let (namespace, name) = view.repository.split_once('/').unwrap_or(("", &view.repository));
    let report = format!("/api/v1/repositories/{namespace}/{}/images/{}/report", name.replace('/', "%2F"), view.digest);
    html! {
        @if !view.components.is_empty() {
            p id="downloads" {
                "Download "
                @for (format, shown) in FORMATS { a href={ (report) "?format=" (format) } { (shown) } " " }
            }
        }
    }
}

fn changes(view: &ImageView) -> Markup {
    html! {
        @if let Some(changes) = &view.changes {
            h2 { "Changes" }
            p { (changes.title) @if changes.lines.is_empty() { ": nothing that counts." } }
            ul id="changes" {
                @for (what, why) in &changes.lines { li { (what) " " span.quiet { (why) } } }
                @if changes.more > 0 { li.quiet { "and " (changes.more) " more" } }
            }
        }
        form method="get" action={ "/images/" (view.repository) "@" (view.digest) } {
            label { "Compare with " input name="against" placeholder="namespace/name:tag" required; }
            " " button { "Compare" }
        }
    }
}

fn layers(view: &ImageView) -> Markup {
    html! {
        table id="layers" {
            thead { tr { th { "#" } th { "Made by" } th { "Layer" } th { "Size" } th { "Components" } th { "Findings" } } }
            tbody {
                @for layer in &view.layers {
                    tr {
                        td { @if let Some(number) = layer.number { (number) } }
                        td {
                            code { (layer.created_by) }
                            @if layer.base { " " span.quiet { "base image" } }
                            @if !layer.removed.is_empty() { div.quiet { "removes " (some_of(&layer.removed, layer.removed.len())) } }
                        }
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

fn secrets(view: &ImageView) -> Markup {
    html! {
        @if !view.secrets.is_empty() {
            h2 { "Secrets" }
            table id="secrets" {
                thead { tr { th { "File" } th { "Layer" } th { "Found" } } }
                tbody {
                    @for secret in &view.secrets {
                        tr {
                            td { code { (secret.path) } }
                            td { (secret.layer) @if secret.removed { " " span.quiet { "removed above, and still in the image" } } }
                            td { @for found in &secret.found { div.bad { "✕ " (found) } } }
                        }
                    }
                }
            }
        }
    }
}

fn facts(view: &ImageView) -> Markup {
    html! {
        @if !view.facts.is_empty() {
            h2 { "Configuration" }
            ul id="facts" {
                @for fact in &view.facts {
                    li {
                        (fact.sentence)
                        @if !fact.places.is_empty() { " " span.quiet { (some_of(&fact.places, fact.count)) } }
                    }
                }
            }
        }
    }
}

/// The first words of a list, and how many more there are.
fn some_of(words: &[String], count: usize) -> String {
    let shown = words.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match count.saturating_sub(words.len().min(SHOWN)) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn components(view: &ImageView) -> Markup {
    html! {
        table id="components" {
            thead { tr { th { "Component" } th { "Version" } th { "Kind" } th { "Layer" } th { "Licences" } th { "Findings" } } }
            tbody {
                @for component in &view.components {
                    tr {
                        td {
                            (component.name)
                            @if let Some(percent) = component.confidence {
                                details.quiet {
                                    summary { "found in its bytes, " (percent) " % sure" }
                                    @for reason in &component.evidence { div { (reason) } }
                                }
                            }
                        }
                        td { code { (component.version) } }
                        td { (component.kind) }
                        td { (component.layer) @if component.inherited { " " span.quiet { "base image" } } }
                        td { (component.licenses.join(", ")) }
                        td { @for finding in &component.findings { (finding_line(view, component, finding)) } }
                    }
                }
            }
        }
    }
}

fn finding_line(view: &ImageView, component: &ComponentView, finding: &FindingView) -> Markup {
    html! {
        div.bad[!finding.closed] {
            @if finding.closed { "◌ " } @else { "✕ " }
            (finding.advisory) " " (finding.severity)
            @if let Some(status) = &finding.status { ", " (status) }
            @if let Some(fixed) = &finding.fixed_version { ", fixed in " (fixed) }
            @if let Some(how) = &finding.exploited { ", " strong { (how) } }
            @if let Some(percent) = &finding.epss { ", EPSS " (percent) " %" }
            @if let Some(why) = &finding.waived { span.quiet { " waived: " (why) } }
            @if let Some(said) = &finding.stated { span.quiet { " stated: " (said) } }
            @if view.waives && !finding.closed {
                " " a href=(waive(view, component, finding)) aria-label={ "Waive " (finding.advisory) " in " (component.name) } { "Waive" }
            }
        }
        div.quiet { (finding.reason) " (" (finding.source) ")" }
    }
}
