//! SPDX 2.3 in JSON.

use std::collections::{BTreeMap, BTreeSet};

use super::notes;
use crate::{
    Component, Finding, Report, Subject,
    identity::{self, Index},
    node::Node,
    purl, spdx_expression,
};

/// The bill of materials: image, distribution and components. Advisories stand as references of the components they are about.
pub fn spdx(report: &Report) -> Vec<u8> {
    document(&report.clone().sorted()).pretty()
}

/// `report` is sorted.
pub(crate) fn document(report: &Report) -> Node {
    let index = Index::new(report);
    let ids: Vec<String> =
        index.refs.iter().map(|name| format!("SPDXRef-Package-{}", identity::short(&[name]))).collect();
    let mut packages = vec![image(report)];
    packages.extend(distribution(report));
    let findings = by_component(&index);
    for (position, (component, id)) in report.components.iter().zip(&ids).enumerate() {
        packages.push(package(report, component, id, findings.get(&position).map_or(&[], Vec::as_slice)));
    }
    let creators = [format!("Tool: {}-{}", report.scanner.name, report.scanner.version)];
    let creation = Node::object()
        .always("created", report.created)
        .always("creators", creators.to_vec())
        .with("comment", comment(report));
    let uuid = identity::uuid(report, "spdx-2.3");
    Node::object()
        .always("spdxVersion", "SPDX-2.3")
        .always("SPDXID", "SPDXRef-DOCUMENT")
        .always("dataLicense", "CC0-1.0")
        .always("name", report.image.name.as_str())
        .always("documentNamespace", format!("urn:uuid:{uuid}"))
        .always("creationInfo", creation)
        .always("documentDescribes", vec!["SPDXRef-Image"])
        .always("packages", packages)
        .with("hasExtractedLicensingInfos", extracted(report))
        .always("relationships", relationships(report, &ids))
}

fn comment(report: &Report) -> String {
    let mut lines: Vec<String> = report.gaps.iter().map(|gap| format!("Not looked at: {}", gap.reason)).collect();
    if let Some(snapshot) = &report.snapshot {
        lines.push(format!("Advisories: {} {}", snapshot.digest, snapshot.label));
    }
    lines.join("\n")
}

fn image(report: &Report) -> Node {
    let image = &report.image;
    let sha256 = image.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:"));
    let checksum = |value| Node::object().always("algorithm", "SHA256").always("checksumValue", value);
    let purpose = if image.kind == Subject::Image { "CONTAINER" } else { "APPLICATION" };
    let layers = report.layers.iter().enumerate().map(|(position, layer)| {
        let name = layer.digest.as_deref().or(layer.diff_id.as_deref()).unwrap_or("unknown");
        let instruction = layer.instruction.as_deref().unwrap_or_default();
        let base = if layer.base { " (base image)" } else { "" };
        format!("layer {position}{base}: {name} {instruction}").trim_end().replace(['\r', '\n'], " ")
    });
    let layers = layers.collect::<Vec<_>>().join("\n");
    let supplier = organization(image.supplier.as_deref());
    base_package("SPDXRef-Image", &image.name, image.digest.as_deref().unwrap_or_default(), &supplier)
        .with("checksums", sha256.map(|value| Node::List(vec![checksum(value)])))
        .always("licenseDeclared", "NOASSERTION")
        .with("externalRefs", Node::List(purl::of_image(image).map(|url| purl_reference(&url)).into_iter().collect()))
        .always("primaryPackagePurpose", purpose)
        .with("comment", layers)
}

fn distribution(report: &Report) -> Option<Node> {
    let distribution = report.image.distribution.as_ref()?;
    let node = base_package(
        "SPDXRef-Distribution",
        &distribution.id,
        &distribution.version,
        &organization(distribution.supplier()),
    )
    .with("summary", distribution.pretty_name.as_str())
    .always("licenseDeclared", "NOASSERTION")
    .with("externalRefs", Node::List(distribution.cpe.iter().filter_map(|cpe| cpe_reference(cpe)).collect()))
    .always("primaryPackagePurpose", "OPERATING_SYSTEM");
    Some(node)
}

fn base_package(id: &str, name: &str, version: &str, supplier: &str) -> Node {
    Node::object()
        .always("SPDXID", id)
        .always("name", name)
        .with("versionInfo", version)
        .always("supplier", supplier)
        .always("downloadLocation", "NOASSERTION")
        .always("filesAnalyzed", false)
        .always("licenseConcluded", "NOASSERTION")
        .always("copyrightText", "NOASSERTION")
}

fn package(report: &Report, component: &Component, id: &str, findings: &[&Finding]) -> Node {
    let declared = spdx_expression::joined(&component.licenses, &component.license_names);
    let mut references = Vec::new();
    if !component.purl.is_empty() {
        references.push(purl_reference(&component.purl));
    }
    references.extend(component.cpes.iter().filter_map(|cpe| cpe_reference(cpe)));
    let urls: BTreeMap<&str, &str> = findings
        .iter()
        .flat_map(|finding| finding.urls.iter().map(|url| (url.as_str(), finding.id.as_str())))
        .collect();
    for (url, finding) in urls.into_iter().filter(|(url, _)| url.contains("://") && !url.contains(char::is_whitespace))
    {
        references.push(reference("SECURITY", "advisory", url).always("comment", finding));
    }
    let annotation = Node::object()
        .always("annotationDate", report.created)
        .always("annotationType", "OTHER")
        .always("annotator", format!("Tool: {}-{}", report.scanner.name, report.scanner.version))
        .always("comment", notes(component));
    base_package(id, &component.name, &component.version, &organization(component.supplier.as_deref()))
        .always("licenseDeclared", declared.unwrap_or_else(|| "NOASSERTION".to_owned()))
        .with("sourceInfo", source_info(component))
        .with("externalRefs", references)
        .always("primaryPackagePurpose", "LIBRARY")
        .always("annotations", Node::List(vec![annotation]))
}

fn organization(name: Option<&str>) -> String {
    name.map_or_else(|| "NOASSERTION".to_owned(), |name| format!("Organization: {}", name.replace(['\r', '\n'], " ")))
}

fn source_info(component: &Component) -> String {
    let mut parts = Vec::new();
    if let Some(source) = &component.source {
        parts.push(format!("built from: {} {}", source.name, source.version).trim_end().to_owned());
    }
    if !component.paths.is_empty() {
        parts.push(format!("found in: {}", component.paths.join(", ")));
    }
    parts.join("; ")
}

fn reference(category: &str, kind: &str, locator: &str) -> Node {
    Node::object()
        .always("referenceCategory", category)
        .always("referenceType", kind)
        .always("referenceLocator", locator)
}

fn purl_reference(url: &str) -> Node {
    reference("PACKAGE-MANAGER", "purl", url)
}

fn cpe_reference(cpe: &str) -> Option<Node> {
    match cpe {
        _ if cpe.starts_with("cpe:2.3:") => Some(reference("SECURITY", "cpe23Type", cpe)),
        _ if cpe.starts_with("cpe:/") => Some(reference("SECURITY", "cpe22Type", cpe)),
        _ => None,
    }
}

fn by_component<'a>(index: &Index<'a>) -> BTreeMap<usize, Vec<&'a Finding>> {
    let mut found: BTreeMap<usize, Vec<&Finding>> = BTreeMap::new();
    for finding in &index.report.findings {
        for position in index.components(finding) {
            found.entry(position).or_default().push(finding);
        }
    }
    found
}

/// Names that stand for licences without identifier, with the name as all the text we have.
pub(super) fn custom_licenses(report: &Report) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for component in &report.components {
        let (expressions, others): (Vec<&String>, Vec<&String>) =
            component.licenses.iter().partition(|license| spdx_expression::is_expression(license));
        for name in component.license_names.iter().chain(others).filter(|name| !name.trim().is_empty()) {
            texts.insert(spdx_expression::reference(name), name.clone());
        }
        for reference in expressions.into_iter().flat_map(|expression| spdx_expression::references(expression)) {
            texts.entry(reference.to_owned()).or_insert_with(|| reference.to_owned());
        }
    }
    texts
}

fn extracted(report: &Report) -> Node {
    let one = |(id, text): (String, String)| {
        Node::object().always("licenseId", id).always("extractedText", text.as_str()).always("name", text.as_str())
    };
    custom_licenses(report).into_iter().map(one).collect()
}

fn relationships(report: &Report, ids: &[String]) -> Node {
    let relation = |from: &str, kind: &str, to: &str| {
        Node::object().always("spdxElementId", from).always("relationshipType", kind).always("relatedSpdxElement", to)
    };
    let mut list = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")];
    if report.image.distribution.is_some() {
        list.push(relation("SPDXRef-Image", "CONTAINS", "SPDXRef-Distribution"));
    }
    let ids: BTreeSet<&String> = ids.iter().collect();
    list.extend(ids.into_iter().map(|id| relation("SPDXRef-Image", "CONTAINS", id)));
    Node::List(list)
}
