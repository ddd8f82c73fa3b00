//! OpenVEX 0.2.0: statements written from findings, waivers and what others stated, and statements of others read.

mod read;

use std::collections::BTreeSet;

use base::Timestamp;

use crate::{
    Error, Finding, Justification, Report, Status,
    identity::{self, Index},
    node::Node,
    purl,
};

pub(crate) use read::statements;

/// One statement for each vulnerability and all components of which the same is said.
///
/// # Errors
/// [`Error::Nothing`]: there are no findings, and a document needs a statement.
pub fn openvex(report: &Report, author: &str) -> Result<Vec<u8>, Error> {
    let report = report.clone().sorted();
    if report.findings.is_empty() {
        return Err(Error::Nothing("there are no findings, and an OpenVEX document needs a statement"));
    }
    let index = Index::new(&report);
    let said = |finding: &Finding| (finding.id.clone(), finding.aliases.clone(), Said::of(finding, report.created));
    let statements =
        index.grouped(said).into_iter().map(|(first, group)| statement(&index, first, &group)).collect::<Node>();
    let author = if author.is_empty() { report.scanner.name.as_str() } else { author };
    let document = Node::object()
        .always("@context", "https://openvex.dev/ns/v0.2.0")
        .always("@id", format!("urn:uuid:{}", identity::uuid(&report, "openvex")))
        .always("author", if author.is_empty() { "unknown" } else { author })
        .always("timestamp", report.created)
        .always("version", 1_u64)
        .with("tooling", format!("{} {}", report.scanner.name, report.scanner.version).trim())
        .always("statements", statements);
    Ok(document.pretty())
}

/// What a statement says beside its products.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Said {
    pub(crate) status: Status,
    pub(crate) justification: Option<Justification>,
    pub(crate) impact: String,
    pub(crate) action: String,
}

impl Said {
    /// A waiver with a justification says that the product is not affected; one without accepts that it is.
    pub(crate) fn of(finding: &Finding, at: Timestamp) -> Said {
        let waiver = finding.waiver_at(at);
        let stated = finding.stated.clone().unwrap_or_default();
        let not_affected = waiver.is_some_and(|waiver| waiver.justification.is_some());
        let status = match finding.status {
            _ if not_affected => Status::NotAffected,
            Status::WillNotFix => Status::Affected,
            other => other,
        };
        let mut said = Said { status, justification: None, impact: String::new(), action: String::new() };
        match status {
            Status::NotAffected => {
                said.justification = waiver.and_then(|waiver| waiver.justification).or(stated.justification);
                said.impact = waiver.map(|waiver| waiver.reason.clone()).unwrap_or(stated.impact);
                if said.justification.is_none() && said.impact.is_empty() {
                    said.impact = or(&finding.reason, "The publisher says that it is not affected.");
                }
            }
            Status::Affected | Status::WillNotFix => said.action = action(finding, waiver, &stated.action),
            Status::Fixed | Status::UnderInvestigation => {}
        }
        said
    }
}

fn or(text: &str, other: &str) -> String {
    if text.is_empty() { other } else { text }.to_owned()
}

fn action(finding: &Finding, waiver: Option<&crate::Waiver>, stated: &str) -> String {
    match (&finding.fixed_in, waiver) {
        (_, Some(waiver)) => format!("Accepted: {}", or(&waiver.reason, "no reason given")),
        (Some(fixed), None) => format!("Update to version {fixed} or later."),
        (None, None) if finding.status == Status::WillNotFix => "The publisher will not fix it.".to_owned(),
        (None, None) => or(stated, "No fixed version is known."),
    }
}

fn statement(index: &Index<'_>, finding: &Finding, group: &[&Finding]) -> Node {
    let said = Said::of(finding, index.report.created);
    let vulnerability = Node::object().always("name", finding.id.as_str()).with("aliases", finding.aliases.clone());
    let parts: BTreeSet<&str> = group.iter().map(|one| one.purl.as_str()).filter(|purl| !purl.is_empty()).collect();
    let parts: Node = parts
        .into_iter()
        .map(|purl| Node::object().always("@id", purl).always("identifiers", Node::object().always("purl", purl)))
        .collect();
    Node::object()
        .always("vulnerability", vulnerability)
        .always("products", Node::List(vec![product(index.report).with("subcomponents", parts)]))
        .always("status", said.status.as_str())
        .with("status_notes", status_notes(group))
        .with("justification", said.justification.map(Justification::as_str))
        .with("impact_statement", said.impact)
        .with("action_statement", said.action)
}

fn status_notes(group: &[&Finding]) -> String {
    let reasons = group.iter().map(|one| one.reason.clone());
    let sources = group.iter().filter_map(|one| one.stated.as_ref()).map(|stated| match stated.source() {
        source if source.is_empty() => source,
        source => format!("Stated by {source}."),
    });
    let notes: BTreeSet<String> = reasons.chain(sources).filter(|note| !note.is_empty()).collect();
    notes.into_iter().collect::<Vec<_>>().join("\n")
}

fn product(report: &Report) -> Node {
    let image = &report.image;
    let sha256 = image.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:"));
    let hashes = sha256.map(|digest| Node::object().always("sha-256", digest));
    match purl::of_image(image) {
        Some(url) => Node::object()
            .always("@id", url.as_str())
            .always("identifiers", Node::object().always("purl", url.as_str()))
            .with("hashes", hashes),
        None => Node::object()
            .always("@id", format!("urn:assay:subject:{}", purl::encode(&image.name)))
            .with("hashes", hashes),
    }
}
