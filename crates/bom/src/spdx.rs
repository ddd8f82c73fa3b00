//! SPDX: 2.3 in JSON and 3.0.1 in JSON-LD written; both, 2.2 and tag-value read.
//!
//! ```text
//!   2.3   DOCUMENT ─DESCRIBES─► image ─CONTAINS─► components              annotations: layer, files, source package
//!   3.0   SpdxDocument ─root─► Sbom ─root─► image ─contains─► layers, components, files
//!                                           vulnerability ─affects, doesNotAffect, …─► components
//! ```

mod read2;
mod read3;
mod tag_value;
mod vulnerability3;
mod write2;
mod write3;

pub(crate) use read2::bill as bill2;
pub(crate) use read3::bill as bill3;
pub(crate) use tag_value::bill as tag_value;
pub(crate) use write2::document as document2;
pub use write2::spdx;
pub(crate) use write3::document as document3;
pub use write3::spdx3;

use crate::{Component, SourcePackage, purl};

/// Lines `assay:key=value` that hold what SPDX has no field for; the readers take them back.
fn notes(component: &Component) -> String {
    let mut lines = vec![format!("assay:type={}", component.kind)];
    let mut note = |key: &str, value: &str| lines.push(format!("assay:{key}={}", value.replace(['\r', '\n'], " ")));
    for (key, value) in [("layer", component.layer), ("sinceLayer", component.since_layer)] {
        if let Some(value) = value {
            note(key, &value.to_string());
        }
    }
    if let Some(source) = &component.source {
        note("source", &format!("{} {}", source.name, source.version));
    }
    if let Some(third_party) = &component.third_party {
        note("thirdParty", third_party);
    }
    if let Some(confidence) = component.confidence {
        note("confidence", &confidence.to_string());
    }
    for path in &component.paths {
        note("path", path);
    }
    for (path, digest) in &component.sha256 {
        note("sha256", &format!("{digest} {path}"));
    }
    lines.join("\n")
}

/// The lines of [`notes`]; others are not ours.
fn take_notes(component: &mut Component, comment: &str) {
    for line in comment.lines() {
        let Some((key, value)) = line.strip_prefix("assay:").and_then(|line| line.split_once('=')) else { continue };
        match key {
            "type" => component.kind = value.to_owned(),
            "layer" => component.layer = value.parse().ok(),
            "sinceLayer" => component.since_layer = value.parse().ok(),
            "thirdParty" => component.third_party = Some(value.to_owned()),
            "confidence" => component.confidence = value.parse().ok().and_then(crate::Confidence::from_f64),
            "path" => component.paths.push(value.to_owned()),
            "source" => {
                let (name, version) = value.split_once(' ').unwrap_or((value, ""));
                component.source = Some(SourcePackage { name: name.to_owned(), version: version.to_owned() });
            }
            "sha256" => {
                if let Some((digest, path)) = value.split_once(' ') {
                    component.sha256.insert(path.to_owned(), digest.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// A package whose URL says that it is an image, or a digest.
fn is_image(purl: &str) -> bool {
    purl::PackageUrl::parse(purl).is_some_and(|url| matches!(url.kind.as_str(), "oci" | "docker"))
}
