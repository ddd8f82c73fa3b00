//! CycloneDX documents of others, 1.2 to 1.7: components for a scan, and analyses of vulnerabilities.

use std::collections::{BTreeMap, HashMap};

use base::{Timestamp, limits};
use serde::Deserialize;

use crate::{
    Bill, Component, Confidence, Distribution, Error, Evidence, Image, Justification, Method, Product, SourcePackage,
    Statement, Status, bill, purl, reading, spdx_expression, vex::Collected,
};

const FORMAT: &str = "CycloneDX";

/// The fields we read; everything else is skipped without being kept.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    spec_version: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: Vec<Part>,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    timestamp: Option<Timestamp>,
    component: Option<Part>,
    tools: Option<Tools>,
    #[serde(default)]
    authors: Vec<Named>,
    supplier: Option<Named>,
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
struct Named {
    #[serde(default)]
    name: String,
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
struct Part {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default, rename = "bom-ref")]
    bom_ref: String,
    #[serde(default)]
    group: String,
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    purl: String,
    #[serde(default)]
    cpe: String,
    supplier: Option<Named>,
    #[serde(default)]
    licenses: Vec<LicenseChoice>,
    #[serde(default)]
    hashes: Vec<Hash>,
    #[serde(default)]
    properties: Vec<Property>,
    evidence: Option<PartEvidence>,
    #[serde(default)]
    components: Vec<Part>,
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

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    id: String,
    #[serde(default)]
    references: Vec<Reference>,
    analysis: Option<Analysis>,
    #[serde(default)]
    recommendation: String,
    #[serde(default)]
    affects: Vec<Affects>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Analysis {
    #[serde(default)]
    state: String,
    #[serde(default)]
    justification: String,
    #[serde(default)]
    detail: String,
    first_issued: Option<Timestamp>,
    last_updated: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Affects {
    #[serde(rename = "ref")]
    name: String,
    #[serde(default)]
    versions: Vec<AffectedVersion>,
}

#[derive(Deserialize)]
struct AffectedVersion {
    version: Option<String>,
    #[serde(default)]
    status: String,
}

fn parse(bytes: &[u8]) -> Result<Document, Error> {
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
    for gap in document.metadata.properties.into_iter().filter(|property| property.name == "assay:gap") {
        bill.gaps.push(crate::Gap { reason: gap.value, ..crate::Gap::default() });
    }
    collect(document.components, 1, "components", &mut bill)?;
    Ok(bill)
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

fn full_name(part: &Part) -> String {
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

/// The analyses of a document ("VEX"). Vulnerabilities without analysis state nothing.
pub(crate) fn statements(bytes: &[u8]) -> Result<Vec<Statement>, Error> {
    let document = parse(bytes)?;
    let mut products: HashMap<String, Product> = HashMap::new();
    let mut image = None;
    if let Some(part) = &document.metadata.component {
        image = Some(bill::image(&full_name(part), &part.version, &part.purl, part.kind == "container"));
        register(std::slice::from_ref(part), 0, &mut products)?;
    }
    register(&document.components, 0, &mut products)?;
    let metadata = &document.metadata;
    let author =
        metadata.authors.first().or(metadata.supplier.as_ref()).map(|named| named.name.clone()).unwrap_or_default();
    let mut collected = Collected::default();
    for (position, vulnerability) in document.vulnerabilities.iter().enumerate() {
        let Some(analysis) = &vulnerability.analysis else { continue };
        let Some(status) = status(&analysis.state) else { continue };
        let statement = Statement {
            vulnerabilities: ids(vulnerability),
            status,
            justification: justification(&analysis.justification),
            impact: if status == Status::NotAffected { analysis.detail.clone() } else { String::new() },
            action: if status == Status::Affected { action(vulnerability, analysis) } else { String::new() },
            author: author.clone(),
            timestamp: analysis.last_updated.or(analysis.first_issued).or(metadata.timestamp),
            document: format!("{FORMAT} vulnerabilities[{position}]"),
            products: affected(vulnerability, &products, image.as_ref()),
        };
        collected.push(statement)?;
    }
    Ok(collected.statements)
}

fn register(parts: &[Part], depth: usize, products: &mut HashMap<String, Product>) -> Result<(), Error> {
    reading::most("components in each other", depth, limits::BOM_DEPTH)?;
    for part in parts {
        let product = Product { id: part.bom_ref.clone(), ..Product::of(&part.purl, &part.cpe) };
        let product = Product { digest: bill::digest_in(&part.version).filter(|_| part.purl.is_empty()), ..product };
        products.insert(part.bom_ref.clone(), product);
        register(&part.components, depth + 1, products)?;
    }
    Ok(())
}

fn ids(vulnerability: &Vulnerability) -> Vec<String> {
    let all = std::iter::once(&vulnerability.id).chain(vulnerability.references.iter().map(|reference| &reference.id));
    all.filter(|id| !id.is_empty()).cloned().collect()
}

/// "impactAnalysisState".
fn status(state: &str) -> Option<Status> {
    Some(match state {
        "resolved" | "resolved_with_pedigree" => Status::Fixed,
        "exploitable" => Status::Affected,
        "in_triage" => Status::UnderInvestigation,
        "false_positive" | "not_affected" => Status::NotAffected,
        _ => return None,
    })
}

/// "impactAnalysisJustification", in the words of OpenVEX.
fn justification(word: &str) -> Option<Justification> {
    Some(match word {
        "code_not_present" => Justification::VulnerableCodeNotPresent,
        "code_not_reachable" => Justification::VulnerableCodeNotInExecutePath,
        "requires_configuration" | "requires_dependency" | "requires_environment" => {
            Justification::VulnerableCodeCannotBeControlledByAdversary
        }
        word if word.starts_with("protected_") => Justification::InlineMitigationsAlreadyExist,
        _ => return None,
    })
}

fn action(vulnerability: &Vulnerability, analysis: &Analysis) -> String {
    if vulnerability.recommendation.is_empty() { &analysis.detail } else { &vulnerability.recommendation }.clone()
}

/// What the references mean: a part of this document, or of another one (BOM-Link, whose last part often is a package URL).
fn affected(vulnerability: &Vulnerability, products: &HashMap<String, Product>, image: Option<&Image>) -> Vec<Product> {
    let mut found = Vec::new();
    for affects in &vulnerability.affects {
        let outside = || {
            let last = affects.name.split_once('#').map_or(affects.name.as_str(), |(_, last)| last);
            let last = purl::decode(last).unwrap_or_default();
            Product { id: affects.name.clone(), ..Product::of(&last, "") }
        };
        let product = products.get(&affects.name).cloned().unwrap_or_else(outside);
        let versions: Vec<&String> = affects
            .versions
            .iter()
            .filter(|version| version.status != "unaffected")
            .filter_map(|v| v.version.as_ref())
            .collect();
        match &product.purl {
            Some(url) if url.version.is_none() && !affects.versions.is_empty() => {
                // Ranges cannot be told apart here, so only versions that are named are spoken of.
                found.extend(versions.into_iter().map(|version| {
                    let url = purl::PackageUrl { version: Some(version.clone()), ..url.clone() };
                    Product { purl: Some(url), ..product.clone() }
                }));
            }
            _ => found.push(product),
        }
    }
    // Where the document is about an image, its components are meant as they are in that image.
    if let Some(image) = image.filter(|image| image.digest.is_some()) {
        let whole = Product { id: image.name.clone(), digest: image.digest.clone(), ..Product::default() };
        return vec![Product { parts: found, ..whole }];
    }
    found
}
