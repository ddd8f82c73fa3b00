//! OpenVEX documents of others, 0.0 to 0.2.

use std::collections::BTreeMap;

use base::{Timestamp, limits};
use serde::Deserialize;

use crate::{Error, Product, Statement, Status, Vex, bill, reading, vex::Collected};

const FORMAT: &str = "OpenVEX";

#[derive(Deserialize)]
struct Document {
    #[serde(default, rename = "@id")]
    id: String,
    #[serde(default)]
    author: String,
    timestamp: Option<Timestamp>,
    last_updated: Option<Timestamp>,
    statements: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    vulnerability: Vulnerability,
    #[serde(default)]
    products: Vec<Named>,
    #[serde(default)]
    subcomponents: Vec<Named>,
    status: String,
    justification: Option<String>,
    #[serde(default)]
    impact_statement: String,
    #[serde(default)]
    action_statement: String,
    timestamp: Option<Timestamp>,
    last_updated: Option<Timestamp>,
}

/// A text until 0.0.1, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Name(String),
    Object {
        #[serde(default, rename = "@id")]
        id: String,
        #[serde(default)]
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

/// A text until 0.0.1, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Id(String),
    Object {
        #[serde(default, rename = "@id")]
        id: String,
        #[serde(default)]
        identifiers: BTreeMap<String, String>,
        #[serde(default)]
        hashes: BTreeMap<String, String>,
        #[serde(default)]
        subcomponents: Vec<Named>,
    },
}

pub(crate) fn statements(bytes: &[u8], mut collected: Collected) -> Result<Vex, Error> {
    let document: Document = reading::json(bytes, FORMAT)?;
    for (position, said) in document.statements.into_iter().enumerate() {
        let place = |field: &str| format!("statements[{position}].{field}");
        let broken = |field: &str, reason: String| Error::Broken { format: FORMAT, place: place(field), reason };
        let status = said.status.parse().ok().filter(|status| *status != Status::WillNotFix);
        let status = status.ok_or_else(|| broken("status", format!("{:?} is no status", said.status)))?;
        let justification = said.justification.filter(|word| !word.is_empty());
        let justification =
            justification.map(|word| word.parse()).transpose().map_err(|what| broken("justification", what))?;
        let outer = said.subcomponents.into_iter().map(|part| product(part, 1)).collect::<Result<Vec<_>, _>>()?;
        let mut products = said.products.into_iter().map(|named| product(named, 0)).collect::<Result<Vec<_>, _>>()?;
        for product in products.iter_mut().filter(|product| product.parts.is_empty()) {
            product.parts.clone_from(&outer);
        }
        collected.push(Statement {
            vulnerabilities: names(said.vulnerability),
            products,
            status,
            justification,
            impact: said.impact_statement,
            action: said.action_statement,
            author: document.author.clone(),
            // Statements inherit the document's time (OpenVEX 0.2.0, "Inheritance Flow").
            timestamp: said.last_updated.or(said.timestamp).or(document.last_updated).or(document.timestamp),
            document: format!("{} statements[{position}]", document.id),
        })?;
    }
    Ok(Vex {
        format: FORMAT,
        name: document.id,
        author: document.author,
        timestamp: document.last_updated.or(document.timestamp),
        product_bytes: collected.bytes,
        statements: collected.statements,
    })
}

fn names(vulnerability: Vulnerability) -> Vec<String> {
    match vulnerability {
        Vulnerability::Name(name) => vec![name],
        Vulnerability::Object { id, name, aliases } => {
            let name = if name.is_empty() { id.rsplit('/').next().unwrap_or_default().to_owned() } else { name };
            std::iter::once(name).chain(aliases).filter(|name| !name.is_empty()).collect()
        }
    }
}

fn product(named: Named, depth: usize) -> Result<Product, Error> {
    reading::most("products in each other", depth, limits::BOM_DEPTH)?;
    let (id, identifiers, hashes, parts) = match named {
        Named::Id(id) => (id, BTreeMap::new(), BTreeMap::new(), Vec::new()),
        Named::Object { id, identifiers, hashes, subcomponents } => (id, identifiers, hashes, subcomponents),
    };
    let purl = identifiers.get("purl").map_or(id.as_str(), String::as_str);
    let cpe = identifiers.get("cpe23").or(identifiers.get("cpe22")).map_or("", String::as_str);
    let named = Product::of(purl, cpe);
    let digest = hashes.get("sha-256").map(|digest| format!("sha256:{}", digest.to_ascii_lowercase()));
    // `registry.example/app@sha256:…` is the artifact of that digest; a package URL says it by itself.
    let digest = digest.or_else(|| bill::digest_in(&id).filter(|_| named.purl.is_none()));
    let parts = parts.into_iter().map(|part| product(part, depth + 1)).collect::<Result<_, _>>()?;
    Ok(Product { id, digest, parts, ..named })
}
