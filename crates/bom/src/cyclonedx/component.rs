//! One component of a CycloneDX document.

use super::{hash, property};
use crate::{
    Component,
    node::Node,
    number::Confidence,
    purl::PackageUrl,
    spdx_expression::{self, Form},
};

pub(super) fn write(component: &Component, name: &str) -> Node {
    let namespace = PackageUrl::parse(&component.purl).map(|url| url.namespace).unwrap_or_default();
    // Readers put group and name together again; only where the name begins with it may it be cut off.
    let (group, short) = match component.name.strip_prefix(&namespace).and_then(|rest| rest.strip_prefix(['/', ':'])) {
        Some(rest) if !namespace.is_empty() && !rest.is_empty() => (namespace.as_str(), rest),
        _ => ("", component.name.as_str()),
    };
    Node::object()
        .always("type", "library")
        .always("bom-ref", name)
        .with("supplier", component.supplier.as_deref().map(|supplier| Node::object().always("name", supplier)))
        .with("group", group)
        .always("name", short)
        .with("version", component.version.as_str())
        .with("hashes", hashes(component))
        .with("licenses", licenses(component))
        .with("cpe", component.cpes.first())
        .with("purl", component.purl.as_str())
        .with("evidence", evidence(component))
        .with("properties", properties(component))
}

/// Of a component that is one file; the digests of several stand with the occurrences.
fn hashes(component: &Component) -> Node {
    match (component.paths.as_slice(), component.sha256.iter().next()) {
        ([path], Some((hashed, digest))) if path == hashed && component.sha256.len() == 1 && is_sha256(digest) => {
            Node::List(vec![hash(digest)])
        }
        _ => Node::Null,
    }
}

fn is_sha256(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A list of identifiers and names, or one expression: 1.6 does not let them stand together.
fn licenses(component: &Component) -> Node {
    let expression = |text: String| Node::List(vec![Node::object().always("expression", text)]);
    match spdx_expression::form(&component.licenses, &component.license_names) {
        Form::None => Node::Null,
        Form::Expression(text) => expression(text),
        Form::List { ids, names } => {
            if !ids.iter().all(|id| spdx_expression::is_frequent(id)) {
                let joined = spdx_expression::joined(&component.licenses, &component.license_names);
                return joined.map_or(Node::Null, expression);
            }
            let ids = ids.into_iter().map(|id| Node::object().always("id", id));
            let names = names.into_iter().map(|name| Node::object().always("name", name));
            ids.chain(names).map(|license| Node::object().always("license", license)).collect()
        }
    }
}

fn evidence(component: &Component) -> Node {
    let methods: Node = component
        .evidence
        .iter()
        .map(|evidence| {
            let confidence = evidence.confidence.or(component.confidence).unwrap_or(Confidence::from_units(100));
            Node::object()
                .always("technique", evidence.method.technique())
                .always("confidence", confidence)
                .with("value", evidence.detail.as_str())
        })
        .collect();
    let field = if component.purl.is_empty() { "name" } else { "purl" };
    let mut identity = Node::object().always("field", field).with("confidence", component.confidence);
    if component.purl.is_empty() {
        identity = identity.with("concludedValue", component.name.as_str());
    } else {
        identity = identity.with("concludedValue", component.purl.as_str());
    }
    let identity = if methods.is_empty() && component.confidence.is_none() {
        Node::Null
    } else {
        // One object and no list of one: 1.6 allows both, and readers of the Go library before 0.9.3 only know the object.
        identity.with("methods", methods)
    };
    Node::object().with("identity", identity).with("occurrences", occurrences(component))
}

fn occurrences(component: &Component) -> Node {
    let occurrence = |path: &String| {
        let offset = component.evidence.iter().find(|e| e.path.as_ref() == Some(path)).and_then(|e| e.offset);
        let digest = component.sha256.get(path).map(|digest| format!("sha256:{digest}"));
        Node::object().always("location", path).with("offset", offset).with("additionalContext", digest)
    };
    component.paths.iter().map(occurrence).collect()
}

/// What CycloneDX has no field for; the reader takes it back.
fn properties(component: &Component) -> Node {
    let number = |value: Option<usize>| value.map(|value| value.to_string());
    let source = component.source.as_ref();
    let mut list = property("assay:type", Some(&component.kind));
    for (name, value) in [
        ("assay:architecture", component.architecture.clone()),
        ("assay:layer", number(component.layer)),
        ("assay:sinceLayer", number(component.since_layer)),
        ("assay:source:name", source.map(|source| source.name.clone())),
        ("assay:source:version", source.map(|source| source.version.clone())),
        ("assay:thirdParty", component.third_party.clone()),
    ] {
        list.extend(property(name, value.as_deref()));
    }
    for cpe in component.cpes.iter().skip(1) {
        list.extend(property("assay:cpe", Some(cpe)));
    }
    Node::List(list)
}
