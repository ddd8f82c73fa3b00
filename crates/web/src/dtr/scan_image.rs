//! A scanned image in DTR's words: `ScanSummary` with its `ScannedImage`.

use base::Timestamp;
use inventory::Component;
use oci::{Digest, RepoName};
use promote::{Found, Waiver, WaiverScope};
use registry::Layer;
use serde_json::{Value, json};

use super::waivers::override_view;
use crate::scanned::Scanned;

/// An image and what of it is told.
pub(super) struct Told<'a> {
    pub(super) repository: &'a RepoName,
    /// Null where only a digest names it.
    pub(super) tag: Option<String>,
    pub(super) digest: &'a Digest,
    pub(super) scan: &'a Scanned,
    pub(super) layers: &'a [Layer],
    pub(super) components: &'a [Component],
    pub(super) findings: &'a [Found],
    pub(super) overrides: Vec<Value>,
}

/// What is hidden in one of these layers.
pub(super) fn overrides_of(waivers: &[Waiver], now: Timestamp, layers: &[Layer]) -> Vec<Value> {
    let here = |waiver: &&Waiver| match &waiver.scope {
        WaiverScope::Layer(digest) => waiver.is_in_force(now) && layers.iter().any(|layer| layer.digest == *digest),
        _ => false,
    };
    waivers.iter().filter(here).filter_map(override_view).collect()
}

/// DTR had an address for some; here a licence is its name.
pub(super) fn license(name: &str) -> Value {
    json!({"name": name, "type": "", "url": ""})
}

impl Told<'_> {
    pub(super) fn summary(&self) -> Value {
        let counts = self.scan.counts;
        let score = self.findings.iter().filter_map(|found| found.finding.about.cvss_tenths).max();
        let mut vulnerabilities: Vec<Value> = self.findings.iter().map(vulnerability).collect();
        // One vulnerability may be in several components.
        vulnerabilities.sort_by(|a, b| a["cvePK"].as_str().cmp(&b["cvePK"].as_str()));
        vulnerabilities.dedup_by(|a, b| a["cvePK"] == b["cvePK"]);
        let mut licenses: Vec<&String> = self.components.iter().flat_map(|one| &one.licenses).collect();
        licenses.sort();
        licenses.dedup();
        json!({
            "scanStatus": self.scan.dtr_status(),
            "shouldRescan": self.scan.outdated,
            "scannedImage": {
                "namespace": self.repository.namespace(),
                "repository": self.repository.name(),
                "pk": self.digest,
                "tag": self.tag.as_deref().unwrap_or_default(),
                "manifestDigest": self.digest,
                "totalVulnCount": {
                    "critical": counts.critical, "major": counts.major, "minor": counts.minor, "unknown": counts.unknown,
                    "waived": counts.waived,
                },
                "maxCVSSValue": score.map(decimal).unwrap_or_default(),
                "licenses": licenses.into_iter().map(|name| license(name)).collect::<Vec<_>>(),
                "layers": self.layers.iter().enumerate().map(|(number, one)| self.layer(number, one)).collect::<Vec<_>>(),
                "components": self.components.iter().map(|one| self.component(one)).collect::<Vec<_>>(),
                "cves": vulnerabilities,
                "scannerFingerprint": {"scannerType": 0, "version": Vec::from_iter(&self.scan.snapshot)},
                "vulnOverrides": self.overrides,
                "unknownBecause": self.scan.why_unknown(),
                "snapshot": self.scan.snapshot,
                "snapshotAgeDays": self.scan.age.as_ref().and_then(|age| age.days),
                "snapshotStale": self.scan.age.as_ref().is_some_and(|age| age.stale),
            },
        })
    }

    fn layer(&self, number: usize, layer: &Layer) -> Value {
        let components = self.components.iter().filter(|component| component.layer == number);
        json!({
            "digest": layer.digest,
            "mediaType": layer.media_type,
            "author": "",
            "size": layer.size,
            "components": components.map(|component| &component.purl).collect::<Vec<_>>(),
        })
    }

    fn component(&self, component: &Component) -> Value {
        let own: Vec<&Found> = self.findings.iter().filter(|found| found.finding.purl == component.purl).collect();
        json!({
            "componentPK": component.purl,
            "name": component.name,
            "version": component.version,
            "filepaths": component.paths,
            "cves": own.iter().map(|found| &found.finding.about.advisory).collect::<Vec<_>>(),
            "licenses": component.licenses,
            "source": component.source,
            "layer": component.layer,
            "confidence": component.confidence,
            "vulnCount": counts(&own),
        })
    }
}

/// Those that are open, by severity.
fn counts(found: &[&Found]) -> Value {
    let of = |word: &str| {
        found.iter().filter(|found| found.is_open() && json!(found.finding.about.severity) == word).count()
    };
    json!({"critical": of("critical"), "major": of("major"), "minor": of("minor"), "unknown": of("unknown")})
}

fn vulnerability(found: &Found) -> Value {
    let about = &found.finding.about;
    json!({
        "cvePK": about.advisory,
        "cvss": about.cvss_tenths.map(decimal).unwrap_or_default(),
        "severity": about.severity,
        "summary": about.summary.as_deref().unwrap_or_default(),
        "notes": found.closed_because().unwrap_or_default(),
    })
}

pub(super) fn decimal(tenths: u8) -> f64 {
    f64::from(tenths) / 10.0
}
