//! syft's own JSON: packages with their locations, and the distribution.

use serde::Deserialize;

use base::limits;

use crate::{Bill, Distribution, Error, bill, reading, spdx_expression};

const FORMAT: &str = "syft";

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    artifacts: Vec<Artifact>,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    distro: Distro,
    #[serde(default)]
    descriptor: Descriptor,
    #[serde(default)]
    schema: Schema,
}

#[derive(Deserialize)]
struct Artifact {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    purl: String,
    #[serde(default)]
    locations: Vec<Location>,
    #[serde(default)]
    licenses: Vec<License>,
    #[serde(default)]
    cpes: Vec<Cpe>,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    path: String,
}

/// A text until schema 8, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum License {
    Text(String),
    Object {
        #[serde(default)]
        value: String,
        #[serde(default, rename = "spdxExpression")]
        expression: String,
    },
}

/// A text until schema 16, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cpe {
    Text(String),
    Object { cpe: String },
}

#[derive(Default, Deserialize)]
struct Source {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Default, Deserialize)]
struct Distro {
    #[serde(default)]
    id: String,
    #[serde(default, rename = "versionID")]
    version_id: String,
    #[serde(default, rename = "prettyName")]
    pretty_name: String,
    #[serde(default, rename = "cpeName")]
    cpe_name: String,
}

#[derive(Default, Deserialize)]
struct Descriptor {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

#[derive(Default, Deserialize)]
struct Schema {
    #[serde(default)]
    version: String,
}

pub(crate) fn bill(bytes: &[u8]) -> Result<Bill, Error> {
    let document: Document = reading::json(bytes, FORMAT)?;
    reading::most("components", document.artifacts.len(), limits::BOM_COMPONENTS)?;
    let mut bill = Bill {
        format: format!("{FORMAT} {}", document.schema.version).trim().to_owned(),
        tools: vec![format!("{} {}", document.descriptor.name, document.descriptor.version).trim().to_owned()],
        image: bill::image(&document.source.name, &document.source.version, "", document.source.kind == "image"),
        ..Bill::default()
    };
    let Distro { id, version_id, pretty_name, cpe_name } = document.distro;
    if !id.is_empty() {
        let cpe = Some(cpe_name).filter(|cpe| !cpe.is_empty());
        bill.image.distribution =
            Some(Distribution { id, version: version_id, pretty_name, cpe, ..Distribution::default() });
    }
    for (position, artifact) in document.artifacts.into_iter().enumerate() {
        for text in [&artifact.name, &artifact.version, &artifact.purl] {
            reading::text(text, FORMAT, || format!("artifacts[{position}]"))?;
        }
        let mut component = bill::component(&artifact.purl, &artifact.name, &artifact.version);
        component.paths = artifact.locations.into_iter().map(|l| l.path.trim_start_matches('/').to_owned()).collect();
        component.cpes = artifact
            .cpes
            .into_iter()
            .map(|cpe| match cpe {
                Cpe::Text(cpe) | Cpe::Object { cpe } => cpe,
            })
            .collect();
        for license in artifact.licenses {
            let (text, is_license) = match license {
                License::Object { value, expression } if expression.is_empty() => {
                    let is_meant = spdx_expression::is_meant_as_expression(&value);
                    (value, is_meant)
                }
                License::Object { expression, .. } => (expression, true),
                License::Text(text) => {
                    let is_meant = spdx_expression::is_meant_as_expression(&text);
                    (text, is_meant)
                }
            };
            if is_license { &mut component.licenses } else { &mut component.license_names }.push(text);
        }
        bill.components.push(component);
    }
    Ok(bill)
}
