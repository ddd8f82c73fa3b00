//! SPDX 2.2 and 2.3 as tag and value, one a line; `<text>` may span lines.

use super::read2::{Annotation, Document, Package, Reference, Relationship, make};
use crate::{Bill, Error};

const FORMAT: &str = "SPDX tag-value";

pub(crate) fn bill(bytes: &[u8]) -> Result<Bill, Error> {
    let broken = |place: String, reason: &str| Error::Broken { format: FORMAT, place, reason: reason.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        broken(format!("line {line}"), "it is neither JSON nor UTF-8")
    })?;
    let mut document = Document::default();
    // Files and snippets have tags of the same names; they are no components.
    let mut in_package = false;
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((tag, value)) = line.split_once(':') else {
            let what = "a bill is JSON, or lines of a tag, a colon and a value";
            if document.spdx_version.is_empty() {
                return Err(Error::UnknownFormat(what.to_owned()));
            }
            return Err(broken(format!("line {}", number + 1), "a tag, a colon and a value are expected"));
        };
        let mut value = value.trim().to_owned();
        if let Some(begin) = value.strip_prefix("<text>") {
            let mut whole = begin.to_owned();
            while !whole.contains("</text>") {
                let Some((_, next)) = lines.next() else {
                    return Err(broken(format!("line {}", number + 1), "<text> has no end"));
                };
                whole.push('\n');
                whole.push_str(next);
            }
            value = whole.split("</text>").next().unwrap_or_default().to_owned();
        }
        take(&mut document, &mut in_package, tag, value);
    }
    if document.spdx_version.is_empty() {
        return Err(Error::UnknownFormat("it is no JSON and has no line SPDXVersion".to_owned()));
    }
    make(document)
}

fn take(document: &mut Document, in_package: &mut bool, tag: &str, value: String) {
    match tag {
        "SPDXVersion" => document.spdx_version = value,
        "DocumentName" => document.name = value,
        "Creator" => document.creation_info.creators.push(value),
        "PackageName" => {
            document.packages.push(Package { name: value, ..Package::default() });
            *in_package = true;
        }
        "FileName" | "SnippetSPDXID" | "LicenseID" => *in_package = false,
        "Relationship" => {
            let words: Vec<&str> = value.split_whitespace().collect();
            if let [from, kind, to] = words[..] {
                document.relationships.push(Relationship {
                    spdx_element_id: from.to_owned(),
                    relationship_type: kind.to_owned(),
                    related_spdx_element: to.to_owned(),
                });
            }
        }
        _ => {
            if let Some(package) = document.packages.last_mut().filter(|_| *in_package) {
                take_of_package(package, tag, value);
            }
        }
    }
}

fn take_of_package(package: &mut Package, tag: &str, value: String) {
    match tag {
        "SPDXID" => package.id = value,
        "PackageVersion" => package.version_info = value,
        "PackageSupplier" => package.supplier = value,
        "PackageLicenseDeclared" => package.license_declared = value,
        "PackageLicenseConcluded" => package.license_concluded = value,
        "PrimaryPackagePurpose" => package.primary_package_purpose = value,
        "AnnotationComment" => package.annotations.push(Annotation { comment: value }),
        "ExternalRef" => {
            let words: Vec<&str> = value.split_whitespace().collect();
            if let [_, kind, locator] = words[..] {
                package
                    .external_refs
                    .push(Reference { reference_type: kind.to_owned(), reference_locator: locator.to_owned() });
            }
        }
        _ => {}
    }
}
