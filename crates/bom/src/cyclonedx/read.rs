//! CycloneDX bills of others, 1.2 to 1.7.

use std::collections::BTreeMap;

use base::{Timestamp, limits};
use serde::Deserialize;

use super::analysis::Vulnerability;
use crate::{
    Bill, Component, Confidence, Distribution, Error, Evidence, Gap, Layer, Method, SourcePackage, bill, purl, reading,
    spdx_expression,
};

pub(super) const FORMAT: &str = "CycloneDX";

/// The fields we read; everything else is skipped without being kept.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    spec_version: String,
    #[serde(default)]
    pub(super) serial_number: String,
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) components: Vec<Part>,
    #[serde(default)]
    pub(super) vulnerabilities: Vec<Vulnerability>,
}

#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    pub(super) timestamp: Option<Timestamp>,
    pub(super) component: Option<Part>,
    tools: Option<Tools>,
    #[serde(default)]
    pub(super) authors: Vec<Named>,
    pub(super) supplier: Option<Named>,
    #[serde(default)]
    properties: Vec<Property>,
}

/// A list until 1.4, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tools {
    List(Vec<Named>),
    Object {
        #[serde(default)]
        components: Vec<Named>,
    },
}

#[derive(Default, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
pub(super) struct Part {
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default, rename = "bom-ref")]
    pub(super) bom_ref: String,
    #[serde(default)]
    group: String,
    name: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    pub(super) purl: String,
    #[serde(default)]
    pub(super) cpe: String,
    supplier: Option<Named>,
    #[serde(default)]
    licenses: Vec<LicenseChoice>,
    #[serde(default)]
    hashes: Vec<Hash>,
    #[serde(default)]
    properties: Vec<Property>,
    evidence: Option<PartEvidence>,
    #[serde(default)]
    pub(super) components: Vec<Part>,
}

#[derive(Deserialize)]
struct LicenseChoice {
    license: Option<License>,
    expression: Option<String>,
}

#[derive(Deserialize)]
struct License {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Hash {
    #[serde(default)]
    alg: String,
    #[serde(default)]
    content: String,
}

#[derive(Deserialize)]
struct PartEvidence {
    identity: Option<Identities>,
    #[serde(default)]
    occurrences: Vec<Occurrence>,
}

/// One until 1.5, a list since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Identities {
    List(Vec<Identity>),
    One(Identity),
}

#[derive(Deserialize)]
struct Identity {
    confidence: Option<f64>,
    #[serde(default)]
    methods: Vec<Technique>,
}

#[derive(Deserialize)]
struct Technique {
    #[serde(default)]
    technique: String,
    confidence: Option<f64>,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Occurrence {
    #[serde(default)]
    location: String,
    #[serde(default)]
    additional_context: String,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Document, Error> {
    let document: Document = reading::json(bytes, FORMAT)?;
    let known = document.spec_version.strip_prefix("1.").and_then(|minor| minor.parse::<u32>().ok());
    if known.is_none_or(|minor| !(2..=7).contains(&minor)) {
        let reason = format!("version {:?} is not between 1.2 and 1.7", document.spec_version);
        return Err(Error::Broken { format: FORMAT, place: "specVersion".to_owned(), reason });
    }
    Ok(document)
}

pub(crate) fn bill(bytes: &[u8]) -> Result<Bill, Error> {
    let document = parse(bytes)?;
    let mut bill = Bill { format: format!("{FORMAT} {}", document.spec_version), ..Bill::default() };
    bill.tools = match document.metadata.tools {
        Some(Tools::List(list) | Tools::Object { components: list }) => {
            list.into_iter().map(|tool| format!("{} {}", tool.name, tool.version).trim().to_owned()).collect()
        }
        None => Vec::new(),
    };
    if let Some(part) = document.metadata.component {
        bill.image = bill::image(&full_name(&part), &part.version, &part.purl, part.kind == "container");
        bill.image.platform = own_property(&part.properties, "assay:platform");
        collect(part.components, 1, "metadata.component.components", &mut bill)?;
    }
    for Property { name, value } in document.metadata.properties {
        if name == "assay:gap" {
            bill.gaps.push(Gap { reason: value, ..Gap::default() });
        } else if let Some(field) = name.strip_prefix("assay:layers:") {
            layer(&mut bill.layers, field, value);
        }
    }
    collect(document.components, 1, "components", &mut bill)?;
    Ok(bill)
}

/// `2:digest` and its value: layers are written one behind the other.
fn layer(layers: &mut Vec<Layer>, field: &str, value: String) {
    let Some((position, field)) = field.split_once(':') else { return };
    let Ok(position) = position.parse::<usize>() else { return };
    if position == layers.len() {
        layers.push(Layer::default());
    }
    let Some(layer) = layers.get_mut(position) else { return };
    match field {
        "digest" => layer.digest = Some(value),
        "diffId" => layer.diff_id = Some(value),
        "instruction" => layer.instruction = Some(value),
        "base" => layer.base = value == "true",
        _ => {}
    }
}

/// The parts of a document and of its parts, flat.
fn collect(parts: Vec<Part>, depth: usize, place: &str, bill: &mut Bill) -> Result<(), Error> {
    reading::most("components in each other", depth, limits::BOM_DEPTH)?;
    for (position, mut part) in parts.into_iter().enumerate() {
        let place = format!("{place}[{position}]");
        let inner = std::mem::take(&mut part.components);
        if part.kind == "operating-system" && PackageOf::of(&part).is_none() {
            bill.image.distribution.get_or_insert_with(|| distribution(&part));
        } else if part.kind != "file" || !part.purl.is_empty() || !part.cpe.is_empty() {
            bill.components.push(component(part, &place)?);
            reading::most("components", bill.components.len(), limits::BOM_COMPONENTS)?;
        }
        collect(inner, depth + 1, &format!("{place}.components"), bill)?;
    }
    Ok(())
}

/// Some bills call packages of a distribution operating systems; those have the package URL of a package.
struct PackageOf;

impl PackageOf {
    fn of(part: &Part) -> Option<purl::PackageUrl> {
        purl::PackageUrl::parse(&part.purl).filter(|url| url.kind != "generic")
    }
}

fn distribution(part: &Part) -> Distribution {
    Distribution {
        id: part.name.to_lowercase(),
        version: part.version.clone(),
        pretty_name: part.description.clone(),
        cpe: Some(part.cpe.clone()).filter(|cpe| !cpe.is_empty()),
        end_of_life: own_property(&part.properties, "assay:endOfLife"),
        ended: false,
    }
}

pub(super) fn full_name(part: &Part) -> String {
    match part.group.as_str() {
        "" => part.name.clone(),
        group if part.purl.starts_with("pkg:maven/") => format!("{group}:{}", part.name),
        group => format!("{group}/{}", part.name),
    }
}

fn own_property(properties: &[Property], name: &str) -> Option<String> {
    properties.iter().find(|property| property.name == name).map(|property| property.value.clone())
}

fn component(part: Part, place: &str) -> Result<Component, Error> {
    let name = full_name(&part);
    for text in [&name, &part.version, &part.purl, &part.cpe] {
        reading::text(text, FORMAT, || place.to_owned())?;
    }
    let mut component = bill::component(&part.purl, &name, &part.version);
    if component.purl.is_empty() && !part.purl.is_empty() {
        let reason = format!("{:?} is no package URL", part.purl);
        return Err(Error::Broken { format: FORMAT, place: format!("{place}.purl"), reason });
    }
    component.cpes.extend(Some(part.cpe).filter(|cpe| !cpe.is_empty()));
    component.supplier = part.supplier.map(|supplier| supplier.name).filter(|name| !name.is_empty());
    for choice in part.licenses {
        let license = choice.license.unwrap_or(License { id: None, name: None });
        let (identified, named) = (choice.expression.or(license.id), license.name);
        let is_expression = |text: &String| spdx_expression::is_expression(text);
        let is_meant = |text: &String| spdx_expression::is_meant_as_expression(text);
        for (text, is_license) in [
            (&identified, identified.as_ref().is_some_and(is_expression)),
            (&named, named.as_ref().is_some_and(is_meant)),
        ] {
            if is_license { &mut component.licenses } else { &mut component.license_names }.extend(text.clone());
        }
    }
    evidence(&mut component, part.evidence);
    properties(&mut component, &part.properties);
    let sha256 = part.hashes.into_iter().find(|hash| hash.alg == "SHA-256");
    if let ([path], Some(hash)) = (component.paths.as_slice(), sha256) {
        component.sha256.insert(path.clone(), hash.content);
    }
    Ok(component)
}

fn evidence(component: &mut Component, evidence: Option<PartEvidence>) {
    let Some(evidence) = evidence else { return };
    for occurrence in evidence.occurrences {
        let path = occurrence.location.trim_start_matches('/').to_owned();
        if let Some(digest) = bill::digest_in(&occurrence.additional_context) {
            component.sha256.insert(path.clone(), digest["sha256:".len()..].to_owned());
        }
        component.paths.push(path);
    }
    let identities = match evidence.identity {
        Some(Identities::List(list)) => list,
        Some(Identities::One(one)) => vec![one],
        None => Vec::new(),
    };
    for identity in identities {
        component.confidence = component.confidence.max(identity.confidence.and_then(Confidence::from_f64));
        component.evidence.extend(identity.methods.into_iter().map(|method| Evidence {
            method: Method::from_technique(&method.technique),
            detail: method.value,
            confidence: method.confidence.and_then(Confidence::from_f64),
            ..Evidence::default()
        }));
    }
}

/// What we, syft and trivy say in properties.
fn properties(component: &mut Component, properties: &[Property]) {
    let mut trivy: BTreeMap<&str, &str> = BTreeMap::new();
    for Property { name, value } in properties {
        let text = || Some(value.clone()).filter(|value| !value.is_empty());
        match name.as_str() {
            "assay:type" => component.kind = value.clone(),
            "assay:architecture" => component.architecture = text(),
            "assay:layer" => component.layer = value.parse().ok(),
            "assay:sinceLayer" => component.since_layer = value.parse().ok(),
            "assay:source:name" => component.source.get_or_insert_default().name = value.clone(),
            "assay:source:version" => component.source.get_or_insert_default().version = value.clone(),
            "assay:thirdParty" => component.third_party = text(),
            "assay:cpe" | "syft:cpe23" => component.cpes.extend(text()),
            name if name.starts_with("syft:location:") && name.ends_with(":path") => {
                component.paths.push(value.trim_start_matches('/').to_owned());
            }
            "aquasecurity:trivy:FilePath" => component.paths.push(value.trim_start_matches('/').to_owned()),
            name => {
                if let Some(field) = name.strip_prefix("aquasecurity:trivy:Src") {
                    trivy.insert(field, value);
                }
            }
        }
    }
    if let (Some(name), Some(version)) = (trivy.get("Name"), trivy.get("Version")) {
        let epoch = trivy.get("Epoch").filter(|epoch| **epoch != "0").map(|epoch| format!("{epoch}:"));
        let release = trivy.get("Release").map(|release| format!("-{release}"));
        let version = format!("{}{version}{}", epoch.unwrap_or_default(), release.unwrap_or_default());
        component.source = Some(SourcePackage { name: (*name).to_owned(), version });
    }
}
