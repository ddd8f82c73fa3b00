//! SPDX 2.2 and 2.3 in JSON, of others.

use std::collections::{BTreeMap, BTreeSet};

use base::limits;
use serde::Deserialize;

use super::{is_image, take_notes};
use crate::{Bill, Component, Distribution, Error, bill, reading, spdx_expression};

const FORMAT: &str = "SPDX";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) spdx_version: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) creation_info: CreationInfo,
    #[serde(default)]
    pub(super) document_describes: Vec<String>,
    #[serde(default)]
    pub(super) packages: Vec<Package>,
    #[serde(default)]
    pub(super) relationships: Vec<Relationship>,
    #[serde(default)]
    pub(super) has_extracted_licensing_infos: Vec<Extracted>,
}

#[derive(Default, Deserialize)]
pub(super) struct CreationInfo {
    #[serde(default)]
    pub(super) creators: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package {
    #[serde(default, rename = "SPDXID")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) version_info: String,
    #[serde(default)]
    pub(super) supplier: String,
    #[serde(default)]
    pub(super) license_declared: String,
    #[serde(default)]
    pub(super) license_concluded: String,
    #[serde(default)]
    pub(super) primary_package_purpose: String,
    #[serde(default)]
    pub(super) external_refs: Vec<Reference>,
    #[serde(default)]
    pub(super) annotations: Vec<Annotation>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    #[serde(default)]
    pub(super) reference_type: String,
    #[serde(default)]
    pub(super) reference_locator: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Annotation {
    #[serde(default)]
    pub(super) comment: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relationship {
    #[serde(default)]
    pub(super) spdx_element_id: String,
    #[serde(default)]
    pub(super) relationship_type: String,
    #[serde(default)]
    pub(super) related_spdx_element: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extracted {
    #[serde(default)]
    pub(super) license_id: String,
    #[serde(default)]
    pub(super) name: String,
}

pub(crate) fn bill(bytes: &[u8]) -> Result<Bill, Error> {
    make(reading::json(bytes, FORMAT)?)
}

/// What JSON and tag-value share.
pub(super) fn make(document: Document) -> Result<Bill, Error> {
    if !matches!(document.spdx_version.as_str(), "SPDX-2.2" | "SPDX-2.3") {
        let reason = format!("version {:?} is neither SPDX-2.2 nor SPDX-2.3", document.spdx_version);
        return Err(Error::Broken { format: FORMAT, place: "spdxVersion".to_owned(), reason });
    }
    reading::most("components", document.packages.len(), limits::BOM_COMPONENTS)?;
    let described: BTreeSet<&str> = document
        .relationships
        .iter()
        .filter(|relation| relation.relationship_type == "DESCRIBES" && relation.spdx_element_id == "SPDXRef-DOCUMENT")
        .map(|relation| relation.related_spdx_element.as_str())
        .chain(document.document_describes.iter().map(String::as_str))
        .collect();
    let names: BTreeMap<&str, &str> = document
        .has_extracted_licensing_infos
        .iter()
        .filter(|extracted| !extracted.name.is_empty())
        .map(|extracted| (extracted.license_id.as_str(), extracted.name.as_str()))
        .collect();
    let mut bill = Bill { format: document.spdx_version.clone(), ..Bill::default() };
    let tools = document.creation_info.creators.iter().filter_map(|creator| creator.strip_prefix("Tool: "));
    bill.tools = tools.map(str::to_owned).collect();
    bill.image = bill::image(&document.name, "", "", false);
    for (position, package) in document.packages.iter().enumerate() {
        let place = || format!("packages[{position}]");
        let purl = package.locator("purl").map_or("", String::as_str);
        for text in [&package.name, &package.version_info, purl] {
            reading::text(text, FORMAT, place)?;
        }
        let purpose = package.primary_package_purpose.to_ascii_uppercase().replace('_', "-");
        // What is described is the subject, unless it is the only thing there or has a package URL of a package.
        let is_subject = described.contains(package.id.as_str()) && (purl.is_empty() || is_image(purl));
        if purpose == "CONTAINER" || is_image(purl) || (is_subject && document.packages.len() > 1) {
            bill.image =
                bill::image(&package.name, &package.version_info, purl, purpose == "CONTAINER" || is_image(purl));
        } else if purpose == "OPERATING-SYSTEM" {
            let cpe = package.locator("cpe23Type").or(package.locator("cpe22Type")).cloned();
            let (id, version) = (package.name.to_lowercase(), package.version_info.clone());
            bill.image.distribution = Some(Distribution { id, version, cpe, ..Distribution::default() });
        } else {
            bill.components.push(component(package, purl, &names));
        }
    }
    keep_distribution(&mut bill, &document);
    Ok(bill)
}

/// The image may come after the distribution, and takes its place.
fn keep_distribution(bill: &mut Bill, document: &Document) {
    if bill.image.distribution.is_some() {
        return;
    }
    let is_os = |package: &&Package| package.primary_package_purpose.replace('_', "-") == "OPERATING-SYSTEM";
    bill.image.distribution = document.packages.iter().find(is_os).map(|package| Distribution {
        id: package.name.to_lowercase(),
        version: package.version_info.clone(),
        ..Distribution::default()
    });
}

impl Package {
    fn locator(&self, kind: &str) -> Option<&String> {
        // Some write the type as the URL it is defined at.
        let is = |reference: &&Reference| reference.reference_type.rsplit('/').next() == Some(kind);
        self.external_refs.iter().find(is).map(|reference| &reference.reference_locator)
    }
}

fn component(package: &Package, purl: &str, names: &BTreeMap<&str, &str>) -> Component {
    let mut component = bill::component(purl, &package.name, &package.version_info);
    let is_cpe = |reference: &&Reference| reference.reference_locator.starts_with("cpe:");
    component.cpes = package.external_refs.iter().filter(is_cpe).map(|r| r.reference_locator.clone()).collect();
    let supplier = package.supplier.strip_prefix("Organization: ").or(package.supplier.strip_prefix("Person: "));
    component.supplier = supplier.map(str::to_owned);
    let known = |license: &&String| !matches!(license.as_str(), "" | "NONE" | "NOASSERTION");
    // What was concluded by somebody who looked counts more than what the package declares.
    if let Some(license) = [&package.license_concluded, &package.license_declared].into_iter().find(known) {
        match names.get(license.as_str()) {
            Some(name) => component.license_names.push((*name).to_owned()),
            None if spdx_expression::is_expression(license) => component.licenses.push(license.clone()),
            None => component.license_names.push(license.clone()),
        }
    }
    for annotation in &package.annotations {
        take_notes(&mut component, &annotation.comment);
    }
    component
}
