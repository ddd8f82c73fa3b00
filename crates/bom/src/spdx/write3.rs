//! SPDX 3.0.1 in JSON-LD: the profiles core, software, simpleLicensing and security.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{notes, vulnerability3, write2::custom_licenses};
use crate::{
    Component, Distribution, Report, Subject,
    identity::{self, Index},
    node::Node,
    purl, spdx_expression,
};

/// The whole report: image, layers, components, files, licences and vulnerabilities.
pub fn spdx3(report: &Report) -> Vec<u8> {
    document(&report.clone().sorted()).pretty()
}

/// Elements under way, each with an id of the document's own namespace.
pub(super) struct Graph {
    namespace: String,
    elements: Vec<Node>,
    ids: Vec<String>,
    /// Local names of relationships, each of which is said once.
    said: HashSet<String>,
}

impl Graph {
    pub(super) fn id(&self, local: &str) -> String {
        format!("{}#{local}", self.namespace)
    }

    /// Adds an element and gives back its id.
    pub(super) fn add(&mut self, kind: &'static str, local: &str, fields: Node) -> String {
        let id = self.id(local);
        let mut element =
            Node::object().always("type", kind).always("spdxId", id.as_str()).always("creationInfo", "_:creationInfo");
        if let (Node::Object(all), Node::Object(more)) = (&mut element, fields) {
            all.extend(more);
        }
        self.elements.push(element);
        self.ids.push(id.clone());
        id
    }

    /// A relationship is named by what it says.
    pub(super) fn relate(&mut self, kind: &'static str, from: &str, how: &'static str, to: &[String], fields: Node) {
        if to.is_empty() {
            return;
        }
        let to: BTreeSet<&String> = to.iter().collect();
        let to: Vec<String> = to.into_iter().cloned().collect();
        let said = String::from_utf8(fields.compact()).unwrap_or_default();
        let mut parts = vec![kind, from, how, said.as_str()];
        parts.extend(to.iter().map(String::as_str));
        let local = format!("relationship-{}", identity::short(&parts));
        if !self.said.insert(local.clone()) {
            return;
        }
        let mut all = Node::object().always("from", from).always("relationshipType", how).always("to", to);
        if let (Node::Object(all), Node::Object(more)) = (&mut all, fields) {
            all.extend(more);
        }
        self.add(kind, &local, all);
    }
}

/// `report` is sorted.
pub(crate) fn document(report: &Report) -> Node {
    let index = Index::new(report);
    let namespace = format!("urn:uuid:{}", identity::uuid(report, "spdx-3.0"));
    let mut graph = Graph { namespace, elements: Vec::new(), ids: Vec::new(), said: HashSet::new() };
    let agent = graph.add("SoftwareAgent", "scanner", Node::object().always("name", report.scanner.name.as_str()));
    let version = format!("{} {}", report.scanner.name, report.scanner.version);
    let tool = graph.add("Tool", "tool", Node::object().always("name", version.trim_end()));
    let suppliers = suppliers(&mut graph, report);
    let image = image(&mut graph, report, &suppliers);
    let components = components(&mut graph, report, &index, &suppliers);
    layers(&mut graph, report, &image, &components);
    let mut contained = components.clone();
    contained.extend(distribution(&mut graph, report, &suppliers));
    graph.relate("Relationship", &image, "contains", &contained, Node::object());
    licenses(&mut graph, report, &components);
    vulnerability3::write(&mut graph, &index, &components);

    let sbom = Node::object()
        .always("rootElement", vec![image])
        .always("element", graph.ids.clone())
        .always("software_sbomType", vec!["analyzed"]);
    let sbom = graph.add("software_Sbom", "sbom", sbom);
    let profiles = vec!["core", "security", "simpleLicensing", "software"];
    let document = Node::object()
        .always("name", report.image.name.as_str())
        .always("profileConformance", profiles)
        .always("rootElement", vec![sbom])
        .always("element", graph.ids.clone());
    graph.add("SpdxDocument", "document", document);
    let creation = Node::object()
        .always("type", "CreationInfo")
        .always("@id", "_:creationInfo")
        .always("specVersion", "3.0.1")
        .always("created", report.created)
        .always("createdBy", vec![agent])
        .always("createdUsing", vec![tool])
        .with("comment", gaps(report));
    let mut all = vec![creation];
    all.extend(graph.elements);
    Node::object().always("@context", "https://spdx.org/rdf/3.0.1/spdx-context.jsonld").always("@graph", all)
}

fn gaps(report: &Report) -> String {
    report.gaps.iter().map(|gap| format!("Not looked at: {}", gap.reason)).collect::<Vec<_>>().join("\n")
}

fn sha256(digest: &str) -> Node {
    let hash = Node::object().always("type", "Hash").always("algorithm", "sha256").always("hashValue", digest);
    Node::List(vec![hash])
}

fn hash_of(digest: Option<&str>) -> Node {
    digest.and_then(|digest| digest.strip_prefix("sha256:")).map_or(Node::Null, sha256)
}

fn image(graph: &mut Graph, report: &Report, suppliers: &BTreeMap<&str, String>) -> String {
    let image = &report.image;
    let supplier = image.supplier.as_deref().map(|name| suppliers[name].as_str());
    let purpose = if image.kind == Subject::Image { "container" } else { "application" };
    let fields = Node::object()
        .always("name", image.name.as_str())
        .with("suppliedBy", supplier)
        .with("verifiedUsing", hash_of(image.digest.as_deref()))
        .with("software_packageVersion", image.digest.as_deref())
        .with("software_packageUrl", purl::of_image(image))
        .always("software_primaryPurpose", purpose);
    graph.add("software_Package", "image", fields)
}

fn distribution(graph: &mut Graph, report: &Report, suppliers: &BTreeMap<&str, String>) -> Option<String> {
    let distribution = report.image.distribution.as_ref()?;
    let supplier = distribution.supplier().map(|name| suppliers[name].as_str());
    let fields = Node::object()
        .always("name", distribution.id.as_str())
        .with("description", distribution.pretty_name.as_str())
        .with("suppliedBy", supplier)
        .with("externalIdentifier", distribution.cpe.as_deref().and_then(cpe).map(|cpe| Node::List(vec![cpe])))
        .with("software_packageVersion", distribution.version.as_str())
        .always("software_primaryPurpose", "operatingSystem");
    Some(graph.add("software_Package", "distribution", fields))
}

/// Who supplies something here, by name.
fn suppliers<'a>(graph: &mut Graph, report: &'a Report) -> BTreeMap<&'a str, String> {
    let of_components = report.components.iter().filter_map(|component| component.supplier.as_deref());
    let names: BTreeSet<&str> = of_components
        .chain(report.image.supplier.as_deref())
        .chain(report.image.distribution.as_ref().and_then(Distribution::supplier))
        .collect();
    let mut add = |name| {
        let local = format!("supplier-{}", identity::short(&[name]));
        (name, graph.add("Organization", &local, Node::object().always("name", name)))
    };
    names.into_iter().map(&mut add).collect()
}

fn components(
    graph: &mut Graph,
    report: &Report,
    index: &Index<'_>,
    suppliers: &BTreeMap<&str, String>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for (component, name) in report.components.iter().zip(&index.refs) {
        let digest = identity::short(&[name]);
        let supplier = component.supplier.as_deref().map(|name| suppliers[name].as_str());
        let id = graph.add("software_Package", &format!("component-{digest}"), package(component, supplier));
        let files: Vec<String> = component
            .sha256
            .iter()
            .map(|(path, sum)| {
                let fields = Node::object().always("name", path).always("verifiedUsing", sha256(sum));
                graph.add("software_File", &format!("file-{}", identity::short(&[name, path])), fields)
            })
            .collect();
        graph.relate("Relationship", &id, "contains", &files, Node::object());
        ids.push(id);
    }
    ids
}

fn package(component: &Component, supplier: Option<&str>) -> Node {
    let identifiers: Node = component.cpes.iter().filter_map(|name| cpe(name)).collect();
    let source = component.source.as_ref().map(|source| format!("built from {} {}", source.name, source.version));
    Node::object()
        .always("name", component.name.as_str())
        .with("comment", notes(component))
        .with("externalIdentifier", identifiers)
        .with("suppliedBy", supplier)
        .with("software_packageVersion", component.version.as_str())
        .with("software_packageUrl", component.purl.as_str())
        .with("software_sourceInfo", source)
        .always("software_primaryPurpose", "library")
}

fn cpe(name: &str) -> Option<Node> {
    let kind = match name {
        _ if name.starts_with("cpe:2.3:") => "cpe23",
        _ if name.starts_with("cpe:/") => "cpe22",
        _ => return None,
    };
    let node = Node::object()
        .always("type", "ExternalIdentifier")
        .always("externalIdentifierType", kind)
        .always("identifier", name);
    Some(node)
}

/// Which layer brought what.
fn layers(graph: &mut Graph, report: &Report, image: &str, components: &[String]) {
    let mut ids = Vec::new();
    for (position, layer) in report.layers.iter().enumerate() {
        let name = layer.digest.as_deref().or(layer.diff_id.as_deref());
        let base = if layer.base { "layer of the base image" } else { "" };
        let fields = Node::object()
            .always("name", name.map_or_else(|| format!("layer {position}"), str::to_owned))
            .with("summary", base)
            .with("description", layer.instruction.as_deref())
            .with("verifiedUsing", hash_of(layer.digest.as_deref()))
            .always("software_primaryPurpose", "archive");
        let id = graph.add("software_File", &format!("layer-{position}"), fields);
        let inside: Vec<String> = report
            .components
            .iter()
            .zip(components)
            .filter(|(component, _)| component.layer == Some(position))
            .map(|(_, id)| id.clone())
            .collect();
        graph.relate("Relationship", &id, "contains", &inside, Node::object());
        ids.push(id);
    }
    graph.relate("Relationship", image, "contains", &ids, Node::object());
}

/// One element for each different expression.
fn licenses(graph: &mut Graph, report: &Report, components: &[String]) {
    let custom = custom_licenses(report);
    let texts: BTreeMap<&String, String> = custom
        .iter()
        .map(|(id, text)| {
            let fields = Node::object().always("name", id).always("simplelicensing_licenseText", text);
            (id, graph.add("simplelicensing_SimpleLicensingText", id, fields))
        })
        .collect();
    let mut by_expression: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (component, id) in report.components.iter().zip(components) {
        if let Some(expression) = spdx_expression::joined(&component.licenses, &component.license_names) {
            by_expression.entry(expression).or_default().push(id.clone());
        }
    }
    for (expression, members) in by_expression {
        let references: BTreeSet<&str> = spdx_expression::references(&expression).collect();
        let entries: Node = references
            .into_iter()
            .filter_map(|reference| {
                let uri = texts.get(&reference.to_owned())?;
                Some(Node::object().always("type", "DictionaryEntry").always("key", reference).always("value", uri))
            })
            .collect();
        let fields = Node::object()
            .always("simplelicensing_licenseExpression", expression.as_str())
            .with("simplelicensing_customIdToUri", entries);
        let license = format!("license-{}", identity::short(&[&expression]));
        let license = graph.add("simplelicensing_LicenseExpression", &license, fields);
        for id in members {
            graph.relate("Relationship", &id, "hasDeclaredLicense", std::slice::from_ref(&license), Node::object());
        }
    }
}
