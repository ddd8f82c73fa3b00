//! What an entry says to people: pure. A kind that is not known here is shown as it is, so that no part of a story is lost.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Link, Node, State};

/// A fact is read by people; what is longer stands in the entry.
const FACT_CHARS: usize = 300;

/// The node of an entry in the story of `digest`.
pub fn tell(link: &Link, digest: &str) -> Node {
    let (what, state, facts) = match link.body.kind.as_str() {
        "git.pushed" => commit(link),
        "pipeline.created" => pipeline(link),
        kind if kind.starts_with("job.") => job(link),
        "image.pushed" => pushed(link),
        "image.copied" => copied(link),
        "image.promoted" => promoted(link),
        "scan.completed" => scanned(link),
        "scan.failed" => plain(link, "Scan failed", State::Bad),
        "scan.requested" => plain(link, "Scan asked for", State::Neutral),
        "decision.made" => decided(link),
        "promotion.withheld" => plain(link, "Promotion withheld", State::Bad),
        "trust.published" => signed(link, digest),
        "webhook.delivered" => plain(link, "Webhook delivered", State::Good),
        "webhook.failed" => plain(link, "Webhook failed", State::Bad),
        kind if kind.starts_with("admission.") => admission(link),
        "tag.deleted" => plain(link, "Tag deleted", State::Neutral),
        "manifest.deleted" => plain(link, "Manifest deleted", State::Bad),
        kind => plain(link, &words(kind), State::Neutral),
    };
    Node {
        what,
        at: link.body.at,
        // What was recorded later, after a crash for example, names who did it.
        actor: link.detail("who").unwrap_or(&link.body.actor).to_owned(),
        state,
        facts: facts.0,
        entry: link.body.id.clone(),
        index: link.index,
    }
}

type Told = (String, State, Facts);

/// Facts in the order they are added; absent ones are left out.
#[derive(Default)]
struct Facts(Vec<(String, String)>);

impl Facts {
    fn with(mut self, name: &str, value: Option<impl ToString>) -> Facts {
        if let Some(value) = value {
            let value: String = value.to_string().chars().take(FACT_CHARS).collect();
            if !value.is_empty() {
                self.0.push((name.to_owned(), value));
            }
        }
        self
    }

    /// A detail of the entry under the same name.
    fn detail(self, link: &Link, name: &str) -> Facts {
        self.with(&name.replace('_', " "), link.body.details.get(name).and_then(text))
    }

    /// The job, from the subjects or from the credential that was used.
    fn job(self, link: &Link) -> Facts {
        let used = link.body.credential.as_deref().and_then(|credential| credential.strip_prefix("job:"));
        self.with("job", link.subjects("job/").next().or(used))
    }
}

fn commit(link: &Link) -> Told {
    let facts = Facts::default()
        .with("project", link.subjects("project/").next())
        .detail(link, "ref")
        .with("commit", link.subjects("commit/").next());
    ("Commit pushed".to_owned(), State::Good, facts)
}

fn pipeline(link: &Link) -> Told {
    let problems = link.body.details.get("problems").and_then(text).filter(|text| !text.is_empty());
    let state = if problems.is_some() { State::Bad } else { State::Good };
    let facts = Facts::default()
        .with("pipeline", link.subjects("pipeline/").next())
        .with("project", link.subjects("project/").next())
        .detail(link, "ref")
        .with("commit", link.subjects("commit/").next())
        .detail(link, "source")
        .with("problems", problems);
    ("Pipeline created".to_owned(), state, facts)
}

fn job(link: &Link) -> Told {
    let status = link.detail("status").or(link.detail("state"));
    let kind = link.body.kind.as_str();
    let bad = kind == "job.failed" || status.is_some_and(|status| matches!(status, "failed" | "canceled"));
    let state = match kind {
        _ if bad => State::Bad,
        "job.started" | "job.finished" | "job.succeeded" => State::Good,
        _ => State::Neutral,
    };
    let facts = Facts::default()
        .with("job", link.subjects("job/").next())
        .detail(link, "name")
        .detail(link, "stage")
        .with("runner", link.detail("runner_description"))
        .with("status", status)
        .detail(link, "failure_reason")
        .detail(link, "retry_of")
        .with("commit", link.subjects("commit/").next());
    (words(kind), state, facts)
}

fn pushed(link: &Link) -> Told {
    let facts = Facts::default()
        .with("image", image(link.detail("repository"), link.detail("tag")))
        .with("tags", link.body.details.get("tags").and_then(text))
        .with("the tag named before", link.detail("before"))
        .job(link);
    ("Image pushed".to_owned(), State::Good, facts)
}

/// The tag itself: what a promotion does in the registry.
fn copied(link: &Link) -> Told {
    let facts = Facts::default()
        .with("image", image(link.detail("repository"), link.detail("tag")))
        .with("from", link.detail("source"))
        .with("how", link.detail("origin"))
        .with("the tag named before", link.detail("before"))
        .job(link);
    ("Copied".to_owned(), State::Good, facts)
}

fn promoted(link: &Link) -> Told {
    let manual = link.body.details.get("manual").and_then(Value::as_bool).unwrap_or(false);
    let facts = Facts::default()
        .with("image", link.detail("target"))
        .with("from", link.detail("source"))
        .with("policy", link.subjects("policy/").next())
        .with("how", manual.then_some("a person asked for it"))
        .with("decision entry", link.body.cause.as_deref());
    ("Promoted".to_owned(), State::Good, facts)
}

fn scanned(link: &Link) -> Told {
    let counts = link.body.details.get("counts");
    let count = |name: &str| counts.and_then(|counts| counts.get(name)).and_then(Value::as_u64).unwrap_or(0);
    let severities = ["critical", "major", "minor", "unknown"];
    let found: Vec<String> = severities.iter().map(|name| format!("{} {name}", count(name))).collect();
    let unjudged = link.body.details.get("unknown").and_then(text).filter(|text| !text.is_empty());
    let state = match (severities.iter().any(|name| count(name) > 0), &unjudged) {
        (true, _) => State::Bad,
        (false, Some(_)) => State::Neutral,
        (false, None) => State::Good,
    };
    let facts = Facts::default()
        .with("vulnerabilities", Some(found.join(", ")))
        .with("not judged", unjudged)
        .with("repository", link.subjects("repository/").next())
        .with("advisories", link.detail("snapshot"))
        .detail(link, "inventory");
    ("Scanned".to_owned(), state, facts)
}

fn decided(link: &Link) -> Told {
    let verdict = link.detail("verdict");
    let state = match verdict {
        Some("allowed") => State::Good,
        Some("refused") => State::Bad,
        _ => State::Neutral,
    };
    let because = link.body.details.get("objections").and_then(text);
    let facts = Facts::default()
        .with("verdict", verdict)
        .with("because", because)
        .with("image", link.subjects("tag/").next().or(link.subjects("repository/").next()))
        .detail(link, "target")
        .with("policy", link.subjects("policy/").next())
        .with("policy digest", link.detail("policy"))
        .with("evidence digest", link.detail("evidence"))
        .with("decision digest", link.detail("decision"));
    ("Decided".to_owned(), state, facts)
}

/// The tags that a publish signed as this digest, and those that it took away from it.
fn signed(link: &Link, digest: &str) -> Told {
    let changes = link.body.details.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names = |side: &str| {
        let mut names: Vec<&str> = Vec::new();
        for change in changes.iter().filter(|change| change[side].as_str() == Some(digest)) {
            let name = change["tag"].as_str().unwrap_or("?");
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Some(names.join(", ")).filter(|names| !names.is_empty())
    };
    let roles: Vec<&str> = changes
        .iter()
        .filter(|change| change["is"].as_str() == Some(digest))
        .filter_map(|change| change["role"].as_str())
        .collect();
    let repository = link.subjects("trust/").next();
    let facts = Facts::default().with("repository", repository);
    match (names("is"), names("was")) {
        (Some(tags), _) => {
            let facts = facts.with("tag", Some(tags)).with("role", Some(roles.join(", "))).job(link);
            ("Signed".to_owned(), State::Good, facts)
        }
        (None, Some(tags)) => {
            let facts = facts.with("tag", Some(tags)).job(link);
            ("Signature moved on or withdrawn".to_owned(), State::Neutral, facts)
        }
        (None, None) => ("Trust data published".to_owned(), State::Neutral, facts.job(link)),
    }
}

fn admission(link: &Link) -> Told {
    let facts = Facts::default()
        .with("engine", link.subjects("engine/").next())
        .detail(link, "user")
        .detail(link, "image")
        .with("asked for", image_request(link))
        .detail(link, "reason");
    match link.body.kind.as_str() {
        "admission.allowed" => ("Admitted".to_owned(), State::Good, facts),
        "admission.refused" => ("Refused to run".to_owned(), State::Bad, facts),
        kind => plain(link, &words(kind), State::Neutral),
    }
}

fn image_request(link: &Link) -> Option<String> {
    Some(format!("{} {}", link.detail("method")?, link.detail("path")?))
}

/// An entry with all its particulars as they are.
fn plain(link: &Link, what: &str, state: State) -> Told {
    let details: &BTreeMap<String, Value> = &link.body.details;
    let mut facts = Facts::default();
    for name in details.keys().filter(|name| *name != "who") {
        facts = facts.detail(link, name);
    }
    if !details.contains_key("repository") {
        facts = facts.with("repository", link.subjects("repository/").next());
    }
    (what.to_owned(), state, facts)
}

/// `waiver.created` as a person says it: `Waiver created`.
fn words(kind: &str) -> String {
    let text = kind.replace(['.', '_'], " ");
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn image(repository: Option<&str>, tag: Option<&str>) -> Option<String> {
    let repository = repository?;
    Some(tag.map_or_else(|| repository.to_owned(), |tag| format!("{repository}:{tag}")))
}

/// A value in one line: lists joined, objects as `name value`; nothing for null.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().filter_map(text).collect::<Vec<_>>().join("; ")),
        Value::Object(map) => {
            let pair = |(name, value): (&String, &Value)| text(value).map(|value| format!("{name} {value}"));
            Some(map.iter().filter_map(pair).collect::<Vec<_>>().join(", "))
        }
        other => Some(other.to_string()),
    }
}
