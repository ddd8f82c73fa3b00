//! CycloneDX 1.6 in JSON: a bill of materials with the vulnerabilities of its components.
//!
//! ```text
//!   metadata.component   the image, by digest        components[]        one each, layer and source as properties assay:…
//!   dependencies[]       image -> all components     vulnerabilities[]   affects -> components, analysis from waivers and statements
//! ```
//!
//! Source: ECMA-424 and the schema bom-1.6.schema.json.

mod analysis;
mod component;
mod read;
mod vulnerability;

use crate::{
    Distribution, Image, Layer, Report, Subject,
    identity::{self, Index},
    node::Node,
    purl,
};

pub(crate) use analysis::statements;
pub(crate) use read::bill;

/// The whole report: components and vulnerabilities.
pub fn cyclonedx(report: &Report) -> Vec<u8> {
    document(&report.clone().sorted()).pretty()
}

/// `report` is sorted.
pub(crate) fn document(report: &Report) -> Node {
    let index = Index::new(report);
    let image = image_ref(&report.image);
    let components =
        report.components.iter().zip(&index.refs).map(|(component, name)| component::write(component, name));
    // The distribution stands among the components: there matchers look for it.
    let components: Node = distribution(&report.image).into_iter().chain(components).collect();
    let inside = report.image.distribution.iter().map(distribution_ref).chain(index.refs.iter().cloned());
    let depends = Node::object().always("ref", image.as_str()).with("dependsOn", inside.collect::<Node>());
    Node::object()
        .always("$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json")
        .always("bomFormat", "CycloneDX")
        .always("specVersion", "1.6")
        .always("serialNumber", format!("urn:uuid:{}", identity::uuid(report, "cyclonedx")))
        .always("version", 1_u64)
        .always("metadata", metadata(report, &image))
        .always("components", components)
        .always("dependencies", Node::List(vec![depends]))
        .with("compositions", compositions(report, &image))
        .with("vulnerabilities", vulnerability::write(&index))
}

fn metadata(report: &Report, image: &str) -> Node {
    let tool = Node::object()
        .always("type", "application")
        .always("name", report.scanner.name.as_str())
        .with("version", report.scanner.version.as_str());
    let tools = Node::object().always("components", Node::List(vec![tool]));
    Node::object()
        .always("timestamp", report.created)
        .always("lifecycles", Node::List(vec![Node::object().always("phase", "post-build")]))
        .always("tools", tools)
        .always("component", image_component(report, image))
        .with("properties", properties(report))
}

fn image_ref(image: &Image) -> String {
    purl::of_image(image).unwrap_or_else(|| format!("assay:subject/{}", image.name))
}

fn image_component(report: &Report, name: &str) -> Node {
    let image = &report.image;
    let kind = if image.kind == Subject::Image { "container" } else { "application" };
    let sha256 = image.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:"));
    Node::object()
        .always("type", kind)
        .always("bom-ref", name)
        .with("supplier", image.supplier.as_deref().map(|supplier| Node::object().always("name", supplier)))
        .always("name", image.name.as_str())
        .with("version", image.digest.as_deref())
        .with("hashes", sha256.map(|content| Node::List(vec![hash(content)])))
        .with("purl", purl::of_image(image))
        .with("properties", image_properties(image))
}

fn distribution_ref(distribution: &Distribution) -> String {
    format!("assay:distribution/{}@{}", distribution.id, distribution.version)
}

fn distribution(image: &Image) -> Option<Node> {
    let distribution = image.distribution.as_ref()?;
    let node = Node::object()
        .always("type", "operating-system")
        .always("bom-ref", distribution_ref(distribution))
        .always("name", distribution.id.as_str())
        .with("version", distribution.version.as_str())
        .with("description", distribution.pretty_name.as_str())
        .with("cpe", distribution.cpe.as_deref())
        .with("properties", distribution_properties(distribution));
    Some(node)
}

/// Ours, and the two that syft's family of matchers takes the distribution from.
fn distribution_properties(distribution: &Distribution) -> Node {
    let mut list = property("assay:endOfLife", distribution.end_of_life.as_deref());
    list.extend(property("syft:distro:id", Some(&distribution.id)));
    list.extend(property("syft:distro:versionID", Some(&distribution.version)));
    Node::List(list)
}

fn image_properties(image: &Image) -> Node {
    let mut list = property("assay:platform", image.platform.as_deref());
    if let Some(config) = &image.config {
        list.extend(property("assay:config:user", Some(if config.user.is_empty() { "root" } else { &config.user })));
        for port in &config.exposed_ports {
            list.extend(property("assay:config:exposedPort", Some(port)));
        }
    }
    Node::List(list)
}

/// Layers, gaps and the snapshot: CycloneDX has no place for them.
fn properties(report: &Report) -> Node {
    let mut list = Vec::new();
    for (position, layer) in report.layers.iter().enumerate() {
        list.extend(layer_properties(position, layer));
    }
    for gap in &report.gaps {
        list.extend(property("assay:gap", Some(&gap.reason)));
    }
    if let Some(snapshot) = &report.snapshot {
        list.extend(property("assay:snapshot", Some(&snapshot.digest)));
        list.extend(property("assay:snapshot:label", Some(&snapshot.label)));
        list.extend(property("assay:snapshot:stale", snapshot.stale.then_some("true")));
    }
    Node::List(list)
}

fn layer_properties(position: usize, layer: &Layer) -> Vec<Node> {
    let name = |field: &str| format!("assay:layers:{position}:{field}");
    let mut list = Vec::new();
    for (field, value) in [("digest", &layer.digest), ("diffId", &layer.diff_id), ("instruction", &layer.instruction)] {
        list.extend(property(&name(field), value.as_deref()));
    }
    list.extend(property(&name("base"), Some(if layer.base { "true" } else { "false" })));
    list
}

/// Whether the list of components is the whole truth (ECMA-424, "Compositions").
fn compositions(report: &Report, image: &str) -> Node {
    let aggregate = if report.gaps.is_empty() { "unknown" } else { "incomplete" };
    let node = Node::object().always("aggregate", aggregate).always("assemblies", Node::List(vec![Node::from(image)]));
    Node::List(vec![node])
}

/// None, or one property: a list, to be joined to others.
pub(super) fn property(name: &str, value: Option<&str>) -> Vec<Node> {
    let node = |value: &str| Node::object().always("name", name).always("value", value);
    value.filter(|value| !value.is_empty()).map(node).into_iter().collect()
}

pub(super) fn hash(content: &str) -> Node {
    Node::object().always("alg", "SHA-256").always("content", content)
}
