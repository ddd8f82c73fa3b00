//! SARIF 2.1.0: findings, secrets and configuration as results of an analysis, for code hosts and editors.
//!
//! A rule is a vulnerability, a result is that vulnerability in one component; waivers and statements are suppressions. What could
//! not be looked at is a notification of the run. Source: OASIS SARIF 2.1.0 with errata 01.

use std::collections::BTreeMap;

use crate::{
    Finding, Report, Score, Severity, Status,
    identity::{self, Index},
    node::Node,
};

/// The whole report as one run.
pub fn sarif(report: &Report) -> Vec<u8> {
    let report = report.clone().sorted();
    let index = Index::new(&report);
    let rules = rules(&report);
    let places: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let mut results = Vec::new();
    for finding in &report.findings {
        results.push(finding_result(&index, finding, places[finding.id.as_str()]));
    }
    for secret in &report.facts.secrets {
        let id = format!("secret/{}", secret.rule);
        let text = format!("{} in {}: {}", or(&secret.title, &secret.rule), secret.path, secret.masked);
        results.push(fact_result(&id, places[id.as_str()], &text, Some((&secret.path, secret.line)), "error"));
    }
    for setting in &report.facts.configuration {
        let id = format!("configuration/{}", setting.rule);
        let path = setting.path.as_deref().map(|path| (path, 0));
        results.push(fact_result(&id, places[id.as_str()], &setting.message, path, "note"));
    }
    let driver = Node::object()
        .always("name", or(&report.scanner.name, "scanner"))
        .with("version", report.scanner.version.as_str())
        .always("rules", rules.into_values().collect::<Node>());
    let root =
        Node::object().always("description", Node::object().always("text", "The root of the image's file system."));
    let run = Node::object()
        .always("tool", Node::object().always("driver", driver))
        .always("invocations", Node::List(vec![invocation(&report)]))
        .always("originalUriBaseIds", Node::object().always("ROOT", root))
        .always("automationDetails", automation(&report))
        .always("columnKind", "unicodeCodePoints")
        .always("results", results)
        .with("properties", run_properties(&report));
    Node::object()
        .always("$schema", "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json")
        .always("version", "2.1.0")
        .always("runs", Node::List(vec![run]))
        .pretty()
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.is_empty() { other } else { text }
}

fn text(text: &str) -> Node {
    Node::object().always("text", text)
}

fn automation(report: &Report) -> Node {
    Node::object().always("id", format!("image/{}", report.image.name)).always("guid", identity::uuid(report, "sarif"))
}

/// A run that could not look at everything did not succeed.
fn invocation(report: &Report) -> Node {
    let notifications: Node = report
        .gaps
        .iter()
        .map(|gap| {
            let place = gap.path.as_deref().map(|path| Node::List(vec![physical(path, 0)]));
            Node::object().always("level", "warning").always("message", text(&gap.reason)).with("locations", place)
        })
        .collect();
    Node::object()
        .always("executionSuccessful", report.gaps.is_empty())
        .always("endTimeUtc", report.created)
        .with("toolExecutionNotifications", notifications)
}

fn run_properties(report: &Report) -> Node {
    let snapshot = report.snapshot.as_ref();
    Node::object()
        .with("imageDigest", report.image.digest.as_deref())
        .with("snapshot", snapshot.map(|snapshot| snapshot.digest.as_str()))
        .with("snapshotLabel", snapshot.map(|snapshot| snapshot.label.as_str()))
}

fn rules(report: &Report) -> BTreeMap<String, Node> {
    let mut groups: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        groups.entry(&finding.id).or_default().push(finding);
    }
    let mut rules: BTreeMap<String, Node> =
        groups.into_iter().map(|(id, group)| (id.to_owned(), vulnerability_rule(id, &group))).collect();
    for secret in &report.facts.secrets {
        let id = format!("secret/{}", secret.rule);
        let rule = fact_rule(&id, or(&secret.title, &secret.rule), "error");
        rules.entry(id).or_insert(rule);
    }
    for setting in &report.facts.configuration {
        let id = format!("configuration/{}", setting.rule);
        let rule = fact_rule(&id, &setting.rule, "note");
        rules.entry(id).or_insert(rule);
    }
    rules
}

fn fact_rule(id: &str, title: &str, level: &str) -> Node {
    Node::object()
        .always("id", id)
        .always("shortDescription", text(title))
        .always("defaultConfiguration", Node::object().always("level", level))
        .always("properties", Node::object().always("tags", vec!["security"]))
}

fn vulnerability_rule(id: &str, group: &[&Finding]) -> Node {
    let worst = group.iter().map(|finding| finding.severity).max().unwrap_or_default();
    let summary = group.iter().map(|finding| finding.summary.as_str()).find(|summary| !summary.is_empty());
    let mut tags = vec!["security".to_owned(), "vulnerability".to_owned()];
    let mut cwes: Vec<u32> = group.iter().flat_map(|finding| finding.cwes.iter().copied()).collect();
    cwes.sort_unstable();
    cwes.dedup();
    tags.extend(cwes.into_iter().map(|cwe| format!("external/cwe/cwe-{cwe}")));
    // Only what is a URI may stand there.
    let url = group.iter().flat_map(|finding| &finding.urls).find(|url| is_uri(url));
    let title = format!("{id}: {}", summary.unwrap_or("a known vulnerability"));
    Node::object()
        .always("id", id)
        .always("shortDescription", text(id))
        .always("fullDescription", text(&title))
        .with("helpUri", url)
        .always("help", text(&title))
        .always("defaultConfiguration", Node::object().always("level", level(worst)))
        .always("properties", Node::object().with("security-severity", score(group, worst)).always("tags", tags))
}

fn is_uri(url: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    (url.starts_with("https://") || url.starts_with("http://")) && url.bytes().all(allowed)
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "error",
        // Unknown is not harmless.
        Severity::Major | Severity::Unknown => "warning",
        Severity::Minor => "note",
    }
}

/// Code hosts sort by this number, written as text; where no source gives a score, the least one of the severity.
fn score(group: &[&Finding], worst: Severity) -> Option<String> {
    let highest = group.iter().filter_map(|finding| finding.highest_score()).max();
    let least = match worst {
        Severity::Critical => Some(Score::from_units(70)),
        Severity::Major => Some(Score::from_units(40)),
        Severity::Minor => Some(Score::from_units(1)),
        Severity::Unknown => None,
    };
    highest.or(least).map(|score| score.to_string())
}

fn finding_result(index: &Index<'_>, finding: &Finding, rule: usize) -> Node {
    let fixed = match &finding.fixed_in {
        Some(fixed) => format!("Fixed in {fixed}."),
        None => "No fixed version is known.".to_owned(),
    };
    let message = format!("{} in {} {}: {} {fixed}", finding.id, finding.component, finding.version, finding.reason);
    let positions = index.components(finding);
    let components: Vec<_> = positions.iter().map(|at| &index.report.components[*at]).collect();
    let logical = Node::object()
        .always("name", finding.component.as_str())
        .always("fullyQualifiedName", or(&finding.purl, &finding.component))
        .always("kind", "package");
    let mut locations: Vec<Node> = components
        .iter()
        .flat_map(|component| &component.paths)
        .map(|path| physical(path, 1).always("logicalLocations", Node::List(vec![logical.clone()])))
        .collect();
    if locations.is_empty() {
        locations.push(Node::object().always("logicalLocations", Node::List(vec![logical])));
    }
    let fingerprint = identity::short(&[&finding.id, &finding.purl, &finding.component, &finding.version]);
    Node::object()
        .always("ruleId", finding.id.as_str())
        .always("ruleIndex", rule)
        .always("level", level(finding.severity))
        .always("message", text(&message))
        .always("locations", locations)
        .always("partialFingerprints", Node::object().always("finding/v1", fingerprint))
        .always("suppressions", suppressions(index.report, finding))
        .always("properties", result_properties(finding))
}

fn result_properties(finding: &Finding) -> Node {
    Node::object()
        .always("severity", finding.severity.as_str())
        .always("status", finding.status.as_str())
        .with("purl", finding.purl.as_str())
        .with("fixedIn", finding.fixed_in.as_deref())
        .with("layer", finding.layer)
        .with("aliases", finding.aliases.clone())
        .with("knownExploited", finding.kev.as_ref().map(|kev| kev.date_added.as_str()))
        .with("statedBy", finding.stated.as_ref().map(crate::Stated::source).unwrap_or_default())
        .with("epss", finding.epss.as_ref().map(|epss| epss.probability))
}

/// Empty means "not suppressed"; left out would mean that nobody knows.
fn suppressions(report: &Report, finding: &Finding) -> Node {
    let suppression =
        |why: &str| Node::object().always("kind", "external").always("status", "accepted").with("justification", why);
    let mut list = Vec::new();
    if let Some(waiver) = finding.waiver_at(report.created) {
        list.push(suppression(&waiver.reason));
    }
    if matches!(finding.status, Status::NotAffected | Status::Fixed) {
        let stated = finding.stated.as_ref();
        let why = stated.and_then(|stated| stated.justification.map(|justification| justification.as_str()));
        let why = why.or(stated.map(|stated| stated.impact.as_str())).filter(|why| !why.is_empty());
        list.push(suppression(why.unwrap_or(finding.status.as_str())));
    }
    Node::List(list)
}

fn fact_result(id: &str, rule: usize, message: &str, place: Option<(&str, u64)>, level: &str) -> Node {
    let locations = place.map(|(path, line)| Node::List(vec![physical(path, line)]));
    let at = place.map_or("", |(path, _)| path);
    Node::object()
        .always("ruleId", id)
        .always("ruleIndex", rule)
        .always("level", level)
        .always("message", text(message))
        .with("locations", locations)
        .always("partialFingerprints", Node::object().always("fact/v1", identity::short(&[id, at, message])))
        .always("suppressions", Node::List(Vec::new()))
}

/// A place in a file of the image. Lines count from 1; 0 is the file as a whole.
fn physical(path: &str, line: u64) -> Node {
    let uri = crate::purl::encode(path.trim_start_matches('/')).replace("%2F", "/").replace(':', "%3A");
    let artifact = Node::object().always("uri", uri).always("uriBaseId", "ROOT");
    let region = (line > 0).then(|| Node::object().always("startLine", line));
    let place = Node::object().always("artifactLocation", artifact).with("region", region);
    Node::object().always("physicalLocation", place)
}
