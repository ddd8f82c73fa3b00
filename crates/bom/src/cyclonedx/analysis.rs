//! Analyses of vulnerabilities in CycloneDX documents of others ("VEX"), 1.4 to 1.7.

use std::collections::HashMap;

use base::{Timestamp, limits};
use serde::Deserialize;

use super::read::{FORMAT, Part, full_name, parse};
use crate::{Error, Image, Justification, Product, Statement, Status, Vex, bill, purl, reading, vex::Collected};

#[derive(Deserialize)]
pub(super) struct Vulnerability {
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

/// The analyses of a document ("VEX"). Vulnerabilities without analysis state nothing.
pub(crate) fn statements(bytes: &[u8], mut collected: Collected) -> Result<Vex, Error> {
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
    Ok(Vex {
        format: FORMAT,
        author,
        timestamp: metadata.timestamp,
        product_bytes: collected.bytes,
        statements: collected.statements,
        name: document.serial_number,
    })
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
