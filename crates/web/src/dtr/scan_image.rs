//! A scanned image in DTR's words: `ScanSummary` with its `ScannedImage`.

use inventory::Component;
use oci::{Digest, RepoName};
use promote::Found;
use registry::Layer;
use serde_json::{Value, json};

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
                "tag": self.tag,
                "manifestDigest": self.digest,
                "totalVulnCount": {
                    "critical": counts.critical, "major": counts.major, "minor": counts.minor, "unknown": counts.unknown,
                    "waived": counts.waived,
                },
                "maxCVSSValue": score.map(decimal),
                "licenses": licenses.into_iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
                "layers": self.layers.iter().map(|one| json!({"digest": one.digest, "size": one.size})).collect::<Vec<_>>(),
                "components": self.components.iter().map(|one| self.component(one)).collect::<Vec<_>>(),
                "cves": vulnerabilities,
                "unknownBecause": self.scan.why_unknown(),
                "snapshot": self.scan.snapshot,
                "snapshotAgeDays": self.scan.age.as_ref().and_then(|age| age.days),
                "snapshotStale": self.scan.age.as_ref().is_some_and(|age| age.stale),
            },
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
            "vulnCount": own.iter().filter(|found| found.is_open()).count(),
        })
    }
}

fn vulnerability(found: &Found) -> Value {
    let about = &found.finding.about;
    json!({
        "cvePK": about.advisory,
        "cvss": about.cvss_tenths.map(decimal),
        "severity": about.severity,
        "summary": about.summary,
        "notes": found.closed_because(),
    })
}

pub(super) fn decimal(tenths: u8) -> f64 {
    f64::from(tenths) / 10.0
}
