//! The report about one image or folder: the neutral model that every format is written from.

use std::{collections::BTreeSet, fmt};

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Component, Error, Finding, Severity, reading};

/// What one image, folder or bill holds and what is wrong with it. Its JSON is the product's own format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub image: Image,
    /// Lowest first; components and findings name a layer by its place here, counted from 0.
    #[serde(default)]
    pub layers: Vec<Layer>,
    #[serde(default)]
    pub components: Vec<Component>,
    #[serde(default)]
    pub findings: Vec<Finding>,
    #[serde(default)]
    pub facts: Facts,
    /// What could not be looked at. A report with gaps is not clean, it is unknown.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    pub scanner: Scanner,
    /// None where nothing was matched: a mere bill of materials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// When the report was made, as the caller says; also the time at which waivers are held against their end.
    pub created: Timestamp,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    #[serde(default)]
    pub kind: Subject,
    /// As it was asked for: `registry.example/team/app:1`, a folder, a file.
    pub name: String,
    /// Of the manifest, `sha256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Who publishes it, as its label `org.opencontainers.image.vendor` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<String>,
    /// `linux/amd64`, `linux/arm64/v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Config>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
}

/// The image it was built from: what comes with it is mended by building on a newer one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Base {
    /// A reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of its manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many of the lowest layers are its; 0 where nobody can tell.
    pub layers: usize,
    pub known_by: KnownBy,
}

/// How the base image is known, the surest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KnownBy {
    /// Another image has exactly these lowest layers.
    Layers,
    /// The image names it, which nobody checks; the number of layers is a guess from its history.
    Label,
    /// A guess from its history.
    #[default]
    History,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    #[default]
    Image,
    Folder,
    /// A bill of materials of somebody else.
    Bill,
}

/// The Linux distribution, as os-release(5) names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Distribution {
    pub id: String,
    /// Empty for rolling releases.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pretty_name: String,
    /// `CPE_NAME`: statements of vendors name platforms so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpe: Option<String>,
    /// The last day with security updates, `2028-06-30`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<String>,
    /// True when that day had passed when the report was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

/// What the image's configuration says, as far as people ask for it. Environment and labels are left out: they hold secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Config {
    /// Empty is root.
    #[serde(default)]
    pub user: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exposed_ports: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    #[serde(default)]
    pub healthcheck: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Of the packed layer, `sha256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Of the unpacked layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<String>,
    /// The line of the Dockerfile that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// True for layers of the base image.
    #[serde(default)]
    pub base: bool,
    #[serde(default)]
    pub size_bytes: u64,
}

/// What policies can ask beside components and findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<FoundSecret>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configuration: Vec<Setting>,
    /// Licence files that belong to no component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<LicenseFile>,
}

/// A key or token that lies in the image. Never the secret itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundSecret {
    pub path: String,
    /// Counted from 1; 0 when there are no lines.
    #[serde(default)]
    pub line: u64,
    /// `aws-access-key`.
    pub rule: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Its first letters and stars.
    pub masked: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
}

/// One fact about how the image is set up: `runs-as-root`, `setuid`, `no-healthcheck`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    pub rule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LicenseFile {
    pub path: String,
    /// An SPDX expression, or None when the text is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A sentence.
    pub reason: String,
}

/// The program that made the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scanner {
    pub name: String,
    pub version: String,
}

/// The advisories it was matched with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    pub digest: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// How scores and words became severities: `dtr`, `cvss`, `vendor`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// True when it was older than the operator allows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

/// Open findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub critical: u64,
    pub major: u64,
    pub minor: u64,
    pub unknown: u64,
    /// Findings that a waiver or statement closes.
    pub closed: u64,
    /// How many of the open ones come with the base image.
    pub inherited: u64,
}

impl Report {
    /// Everything in its one order, and each once: what the writers write. Layers keep theirs.
    pub fn sorted(mut self) -> Report {
        for component in &mut self.components {
            component.sort();
        }
        for finding in &mut self.findings {
            finding.sort();
        }
        sort(&mut self.components);
        sort(&mut self.findings);
        sort(&mut self.facts.secrets);
        sort(&mut self.facts.configuration);
        sort(&mut self.facts.licenses);
        sort(&mut self.gaps);
        if let Some(config) = &mut self.image.config {
            sort(&mut config.exposed_ports);
        }
        self
    }

    /// The product's own JSON, sorted. Equal reports give equal bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(&self.clone().sorted())
            .expect("strings, numbers and maps with string keys always serialise");
        bytes.push(b'\n');
        bytes
    }

    /// # Errors
    /// More than [`base::limits::BOM_BYTES`] or [`base::limits::BOM_COMPONENTS`], or not such a report: where and what.
    pub fn from_json(json: &[u8]) -> Result<Report, Error> {
        let report: Report = reading::json(json, "report")?;
        reading::most("components", report.components.len(), base::limits::BOM_COMPONENTS)?;
        reading::most("findings", report.findings.len(), base::limits::VEX_PRODUCTS)?;
        Ok(report)
    }

    /// Open findings by severity.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for finding in &self.findings {
            if finding.is_open(self.created) && self.is_inherited(finding.layer) {
                tally.inherited += 1;
            }
            let count = match finding.severity {
                _ if !finding.is_open(self.created) => &mut tally.closed,
                Severity::Critical => &mut tally.critical,
                Severity::Major => &mut tally.major,
                Severity::Minor => &mut tally.minor,
                Severity::Unknown => &mut tally.unknown,
            };
            *count += 1;
        }
        tally
    }

    /// Whether a component or finding of this layer comes with the base image.
    pub fn is_inherited(&self, layer: Option<usize>) -> bool {
        layer.and_then(|number| self.layers.get(number)).is_some_and(|layer| layer.base)
    }

    /// Names of licences that have no SPDX identifier, each once.
    pub fn license_names(&self) -> BTreeSet<&str> {
        self.components.iter().flat_map(|component| &component.license_names).map(String::as_str).collect()
    }
}

impl KnownBy {
    pub fn as_str(self) -> &'static str {
        match self {
            KnownBy::Layers => "layers",
            KnownBy::Label => "label",
            KnownBy::History => "history",
        }
    }
}

impl fmt::Display for Base {
    /// `debian:12 (3 layers, by its layers)`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().or(self.digest.as_deref()).unwrap_or("not named");
        let layers = match self.layers {
            0 => "which layers are its is not known".to_owned(),
            1 => "the lowest layer".to_owned(),
            layers => format!("the lowest {layers} layers"),
        };
        let how = match self.known_by {
            KnownBy::Layers => "as their digests say",
            KnownBy::Label => "as its label says and its history lets guess",
            KnownBy::History => "guessed from its history",
        };
        match self.layers {
            0 => write!(out, "{name}, as its label says; {layers}"),
            _ => write!(out, "{name}: {layers}, {how}"),
        }
    }
}

impl Distribution {
    /// Who publishes it: there is no name of an organization in os-release(5) but its id.
    pub(crate) fn supplier(&self) -> Option<&str> {
        Some(self.id.as_str()).filter(|id| !id.is_empty())
    }
}

fn sort<T: Ord>(list: &mut Vec<T>) {
    list.sort();
    list.dedup();
}
