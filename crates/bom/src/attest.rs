//! Documents as in-toto statements about an image, to be signed by the caller.
//!
//! Source: in-toto attestation framework 1.0, "Statement", and its predicates CycloneDX, SPDX and Vulnerability 0.2.

use crate::{Error, Report, Severity, cyclonedx, node::Node, spdx};

/// What a statement holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predicate {
    CycloneDx,
    /// SPDX 2.3.
    Spdx,
    /// SPDX 3.0.1, under the same type; the document says which it is.
    Spdx3,
    /// The findings of a scan.
    Vulnerabilities,
}

impl Predicate {
    /// The URI by which verifiers ask for it.
    pub fn predicate_type(self) -> &'static str {
        match self {
            Predicate::CycloneDx => "https://cyclonedx.org/bom",
            Predicate::Spdx | Predicate::Spdx3 => "https://spdx.dev/Document",
            Predicate::Vulnerabilities => "https://in-toto.io/attestation/vulns/v0.2",
        }
    }
}

/// The media type of what an envelope around it carries (DSSE, `payloadType`).
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The bytes of a statement about the image with this digest: one line of JSON, the same for the same report.
///
/// # Errors
/// `digest` is not `sha256:` and 64 hexadecimal digits.
pub fn attest(report: &Report, predicate: Predicate, name: &str, digest: &str) -> Result<Vec<u8>, Error> {
    let sha256 = digest
        .strip_prefix("sha256:")
        .filter(|digits| digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    let sha256 = sha256.ok_or(Error::Nothing("the subject of an attestation is sha256: and 64 hexadecimal digits"))?;
    let report = report.clone().sorted();
    let content = match predicate {
        Predicate::CycloneDx => cyclonedx::document(&report),
        Predicate::Spdx => spdx::document2(&report),
        Predicate::Spdx3 => spdx::document3(&report),
        Predicate::Vulnerabilities => vulnerabilities(&report),
    };
    let subject = Node::object().with("name", name).always("digest", Node::object().always("sha256", sha256));
    let statement = Node::object()
        .always("_type", "https://in-toto.io/Statement/v1")
        .always("subject", Node::List(vec![subject]))
        .always("predicateType", predicate.predicate_type())
        .always("predicate", content);
    Ok(statement.compact())
}

fn vulnerabilities(report: &Report) -> Node {
    let result: Node = report
        .findings
        .iter()
        .map(|finding| {
            let severity = |method: &str, score: String| Node::object().always("method", method).always("score", score);
            let mut severities = vec![severity("assay", finding.severity.as_str().to_owned())];
            severities.extend(finding.cvss.iter().map(|cvss| severity(&cvss.source, cvss.score.to_string())));
            let words =
                finding.severities.iter().filter(|(source, _)| !finding.cvss.iter().any(|c| c.source == **source));
            severities.extend(words.map(|(source, word)| severity(source, word.clone())));
            let notes = Node::object()
                .with("component", finding.component.as_str())
                .with("version", finding.version.as_str())
                .with("purl", finding.purl.as_str())
                .with("fixedIn", finding.fixed_in.as_deref())
                .always("status", finding.status.as_str())
                .always("open", finding.is_open(report.created));
            Node::object()
                .always("id", finding.id.as_str())
                .always("severity", severities)
                .always("annotations", Node::List(vec![notes]))
        })
        .collect();
    let snapshot = report.snapshot.as_ref();
    let database = snapshot.map(|snapshot| {
        Node::object()
            .always("uri", snapshot.digest.as_str())
            .with("version", snapshot.label.as_str())
            .with("lastUpdate", snapshot.created)
    });
    let tally = report.tally();
    let counts = [
        (Severity::Critical, tally.critical),
        (Severity::Major, tally.major),
        (Severity::Minor, tally.minor),
        (Severity::Unknown, tally.unknown),
    ];
    let mut summary = Node::object();
    for (severity, count) in counts {
        summary = summary.always(severity.as_str(), count);
    }
    let scanner = Node::object()
        .always("uri", format!("pkg:generic/{}@{}", report.scanner.name, report.scanner.version))
        .with("version", report.scanner.version.as_str())
        .with("db", database)
        .always("result", result);
    let metadata = Node::object()
        .always("scanStartedOn", report.created)
        .always("scanFinishedOn", report.created)
        .always("open", summary)
        .with("gaps", report.gaps.iter().map(|gap| gap.reason.as_str()).collect::<Node>());
    Node::object().always("scanner", scanner).always("metadata", metadata)
}
