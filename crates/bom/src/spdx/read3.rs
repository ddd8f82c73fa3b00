//! SPDX 3.0 in JSON-LD, of others: packages of the graph, with their licences.

use std::collections::{HashMap, HashSet};

use base::limits;
use serde::Deserialize;

use super::{is_image, take_notes};
use crate::{Bill, Component, Distribution, Error, bill, reading, spdx_expression};

const FORMAT: &str = "SPDX 3";

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "@graph")]
    graph: Vec<Element>,
}

/// Any element: fields of those kinds that we read.
#[derive(Deserialize)]
struct Element {
    #[serde(default, rename = "type", alias = "@type")]
    kind: String,
    #[serde(default, rename = "spdxId", alias = "@id")]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    comment: String,
    #[serde(default, rename = "specVersion")]
    spec_version: String,
    #[serde(default, rename = "software_packageVersion")]
    version: String,
    #[serde(default, rename = "software_packageUrl")]
    purl: String,
    #[serde(default, rename = "software_primaryPurpose")]
    purpose: String,
    #[serde(default, rename = "suppliedBy")]
    supplier: Supplier,
    #[serde(default, rename = "externalIdentifier")]
    identifiers: Vec<Identifier>,
    #[serde(default, rename = "simplelicensing_licenseExpression")]
    expression: String,
    #[serde(default, rename = "simplelicensing_licenseText")]
    text: String,
    #[serde(default, rename = "relationshipType")]
    how: String,
    #[serde(default)]
    from: Target,
    #[serde(default)]
    to: Vec<Target>,
    #[serde(default, rename = "rootElement")]
    roots: Vec<Target>,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Supplier {
    Id(String),
    Other(serde::de::IgnoredAny),
    #[default]
    None,
}

/// An id, or an element inside of another, which is of no use to us here.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Target {
    Id(String),
    Other(serde::de::IgnoredAny),
    #[default]
    None,
}

impl Target {
    fn id(&self) -> Option<&str> {
        match self {
            Target::Id(id) => Some(id),
            Target::Other(_) | Target::None => None,
        }
    }
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(default, rename = "externalIdentifierType")]
    kind: String,
    #[serde(default)]
    identifier: String,
}

pub(crate) fn bill(bytes: &[u8]) -> Result<Bill, Error> {
    let document: Document = reading::json(bytes, FORMAT)?;
    let graph = &document.graph;
    let names: HashMap<&str, &str> = graph.iter().map(|element| (element.id.as_str(), element.name.as_str())).collect();
    let licenses = licenses(graph);
    let roots: HashSet<&str> = graph.iter().flat_map(|element| &element.roots).filter_map(Target::id).collect();
    let version = graph.iter().find(|element| element.kind == "CreationInfo").map_or("3.0", |info| &info.spec_version);
    let mut bill = Bill { format: format!("SPDX {version}"), ..Bill::default() };
    bill.tools = graph.iter().filter(|element| element.kind == "Tool").map(|tool| tool.name.clone()).collect();
    let packages: Vec<&Element> = graph.iter().filter(|element| element.kind == "software_Package").collect();
    reading::most("components", packages.len(), limits::BOM_COMPONENTS)?;
    let mut distribution = None;
    for element in &packages {
        let purl = purl(element);
        for text in [&element.name, &element.version, purl] {
            reading::text(text, FORMAT, || format!("element {}", element.id.chars().take(80).collect::<String>()))?;
        }
        let is_root = roots.contains(element.id.as_str()) && packages.len() > 1 && purl.is_empty();
        if element.purpose == "container" || is_image(purl) || is_root {
            bill.image = bill::image(&element.name, &element.version, purl, element.purpose == "container");
        } else if element.purpose == "operatingSystem" {
            let cpe = cpes(element).into_iter().next();
            let (id, version) = (element.name.to_lowercase(), element.version.clone());
            distribution.get_or_insert(Distribution { id, version, cpe, ..Distribution::default() });
        } else {
            bill.components.push(component(element, purl, &names, &licenses));
        }
    }
    bill.image.distribution = distribution;
    Ok(bill)
}

fn purl(element: &Element) -> &str {
    let identifier = element.identifiers.iter().find(|identifier| identifier.kind == "packageUrl");
    match (element.purl.as_str(), identifier) {
        ("", Some(identifier)) => &identifier.identifier,
        (purl, _) => purl,
    }
}

fn cpes(element: &Element) -> Vec<String> {
    let is_cpe = |identifier: &&Identifier| matches!(identifier.kind.as_str(), "cpe22" | "cpe23");
    element.identifiers.iter().filter(is_cpe).map(|identifier| identifier.identifier.clone()).collect()
}

/// By the id of the package: what was concluded, or else what was declared.
fn licenses(graph: &[Element]) -> HashMap<&str, &str> {
    let texts: HashMap<&str, &str> = graph
        .iter()
        .filter(|element| !element.expression.is_empty() || !element.text.is_empty())
        .map(|element| {
            let text = if element.expression.is_empty() { &element.text } else { &element.expression };
            (element.id.as_str(), text.as_str())
        })
        .collect();
    let mut found = HashMap::new();
    for how in ["hasConcludedLicense", "hasDeclaredLicense"] {
        for relation in graph.iter().filter(|element| element.how == how) {
            let to = relation.to.first().and_then(Target::id);
            // A license of the list is named by its URL.
            let text =
                to.and_then(|to| texts.get(to).copied().or_else(|| to.strip_prefix("https://spdx.org/licenses/")));
            if let (Some(from), Some(text)) = (relation.from.id(), text) {
                found.entry(from).or_insert(text);
            }
        }
    }
    found
}

fn component(element: &Element, purl: &str, names: &HashMap<&str, &str>, licenses: &HashMap<&str, &str>) -> Component {
    let mut component = bill::component(purl, &element.name, &element.version);
    component.cpes = cpes(element);
    if let Supplier::Id(id) = &element.supplier {
        component.supplier = names.get(id.as_str()).filter(|name| !name.is_empty()).map(|name| (*name).to_owned());
    }
    if let Some(license) = licenses.get(element.id.as_str()) {
        let is_expression = spdx_expression::is_expression(license);
        if is_expression { &mut component.licenses } else { &mut component.license_names }.push((*license).to_owned());
    }
    take_notes(&mut component, &element.comment);
    component
}
