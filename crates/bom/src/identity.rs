//! Names of documents and of the things in them, derived from what the report says.
//!
//! Formats want a serial number, a namespace, a reference for each component. Random ones would make two documents of one report
//! different; these are made from a digest.

use std::collections::{BTreeMap, HashMap};

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{Component, Finding, Report};

/// The namespace of the names below: chosen once, never to be changed.
const NAMESPACE: [u8; 16] = *b"\x6f\x1c\x0e\x52\x9a\x43\x4d\x7b\x8e\x21\x5d\x90\xc3\x77\xaa\x04";

/// A UUID of version 5 (RFC 9562, section 5.5) whose name is the format and the SHA-256 of the report. Not of version 8: SARIF's schema
/// lets only 1 to 5 pass.
pub(crate) fn uuid(report: &Report, format: &str) -> String {
    let name = format!("{format}:{}", hex::encode(Sha256::digest(report.to_json())));
    let mut hash = Sha1::new();
    hash.update(NAMESPACE);
    hash.update(name.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = bytes[6] & 0x0F | 0x50;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let text = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// Sixteen hexadecimal digits that tell texts apart.
pub(crate) fn short(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..8])
}

/// A report in order, with a reference for each component and the way from findings to them.
pub(crate) struct Index<'a> {
    pub(crate) report: &'a Report,
    /// By position of the component: its package URL where that tells it apart, else one with a digest behind it.
    pub(crate) refs: Vec<String>,
    by_name: HashMap<(&'a str, &'a str, &'a str), Vec<usize>>,
}

impl<'a> Index<'a> {
    /// `report` is sorted.
    pub(crate) fn new(report: &'a Report) -> Index<'a> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for component in &report.components {
            *seen.entry(&component.purl).or_default() += 1;
        }
        let refs = report.components.iter().map(|component| match seen.get(component.purl.as_str()) {
            Some(1) if !component.purl.is_empty() => component.purl.clone(),
            _ => format!("{}#{}", component_name(component), digest(component)),
        });
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::new();
        for (position, component) in report.components.iter().enumerate() {
            let key = (component.purl.as_str(), component.name.as_str(), component.version.as_str());
            by_name.entry(key).or_default().push(position);
        }
        Index { report, refs: refs.collect(), by_name }
    }

    /// The components a finding is about: those of its package URL, name and version, and of its layer where several are.
    pub(crate) fn components(&self, finding: &Finding) -> Vec<usize> {
        let key = (finding.purl.as_str(), finding.component.as_str(), finding.version.as_str());
        let all = self.by_name.get(&key).cloned().unwrap_or_default();
        let in_layer: Vec<usize> = all
            .iter()
            .copied()
            .filter(|position| finding.layer.is_some() && self.report.components[*position].layer == finding.layer)
            .collect();
        if in_layer.is_empty() { all } else { in_layer }
    }

    /// Findings of one vulnerability that say the same of their components, with the positions of those; in the order of `key`.
    pub(crate) fn grouped<K: Ord>(&self, key: impl Fn(&'a Finding) -> K) -> Vec<(&'a Finding, Vec<&'a Finding>)> {
        let mut groups: BTreeMap<K, Vec<&Finding>> = BTreeMap::new();
        for finding in &self.report.findings {
            groups.entry(key(finding)).or_default().push(finding);
        }
        groups.into_values().map(|group| (group[0], group)).collect()
    }
}

fn component_name(component: &Component) -> String {
    if component.purl.is_empty() {
        format!("assay:component/{}@{}", component.name, component.version)
    } else {
        component.purl.clone()
    }
}

fn digest(component: &Component) -> String {
    let json = serde_json::to_string(component).expect("strings, numbers and maps with string keys always serialise");
    short(&[&json])
}
