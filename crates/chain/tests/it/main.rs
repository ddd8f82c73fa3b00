//! Stories as data: entries and tags in, nodes and verdict out. Adding a case is adding a `.json` and its `.txt`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{collections::BTreeSet, fs, path::Path};

use audit::Body;
use chain::{Link, Named, Node, Story, judge, lineage, tell};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    digest: String,
    /// The repositories the reader may pull from.
    visible: BTreeSet<String>,
    named: Vec<Named>,
    /// `kind`, `subjects`, `details`, and what else differs from the usual.
    entries: Vec<Value>,
}

#[test]
fn stories_are_told_as_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let mut count = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        count += 1;
        let case: Case = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let told = format!("{}\n", told(case));
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        assert_eq!(told, expected, "{}", path.display());
    }
    assert!(count > 0, "there are stories in {}", folder.display());
}

fn told(case: Case) -> Story {
    let links = case.entries.iter().enumerate().map(|(index, entry)| link(index as u64, entry)).collect();
    let links = lineage(links, &case.visible);
    let nodes: Vec<Node> = links.iter().map(|link| tell(link, &case.digest)).collect();
    let verdict = judge(&case.named, &nodes);
    Story { digest: case.digest, verdict: verdict.sentence, complete: verdict.complete, nodes, checkpoint: None }
}

/// An entry with what every entry has.
fn link(index: u64, entry: &Value) -> Link {
    let mut body = json!({
        "v": 1, "id": format!("entry{index}"), "at": format!("2026-11-21T10:00:{index:02}Z"), "actor": "gitlab",
        "credential": null, "request_id": "r", "cause": null, "subjects": [], "details": {}, "sets": {},
    });
    let (Value::Object(body), Value::Object(own)) = (&mut body, entry) else { panic!("an entry is an object") };
    body.extend(own.clone());
    let waiting = body.remove("waiting").is_some();
    let body = serde_json::to_vec(body).unwrap();
    Link { body: Body::parse(&body).unwrap(), index: (!waiting).then_some(index) }
}

#[test]
fn a_story_keeps_its_form() {
    let body =
        json!({"kind": "image.pushed", "subjects": ["repository/a/b"], "details": {"repository": "a/b", "tag": "1"}});
    let node = tell(&link(3, &body), "sha256:00");
    let story = Story {
        digest: "sha256:00".to_owned(),
        verdict: "no".to_owned(),
        complete: false,
        nodes: vec![node],
        checkpoint: None,
    };
    let value = serde_json::to_value(&story).unwrap();
    let expected = json!({
        "digest": "sha256:00", "verdict": "no", "complete": false, "checkpoint": null,
        "nodes": [{
            "what": "Image pushed", "at": "2026-11-21T10:00:03Z", "actor": "gitlab", "state": "good",
            "facts": [["image", "a/b:1"]], "entry": "entry3", "index": 3,
        }],
    });
    assert_eq!(value, expected);
    assert_eq!(serde_json::from_value::<Story>(value).unwrap(), story);
}

#[test]
fn hostile_particulars_are_told_as_text() {
    let hostile = json!({
        "kind": "scan.completed", "subjects": ["repository/", "job/", ""],
        "details": {"counts": [1, {"critical": "many"}], "snapshot": {"a": [null, [[]]]}, "unknown": "x".repeat(100_000)},
    });
    let node = tell(&link(0, &hostile), "sha256:00");
    assert!(node.facts.iter().all(|(_, value)| value.chars().count() <= 300));
    for kind in ["", ".", "decision.made", "trust.published", "admission.", "job.", "ß.x"] {
        let mut entry = hostile.clone();
        entry["kind"] = kind.into();
        entry["details"]["tags"] = json!([1, {"tag": {}, "is": "sha256:00", "role": 7}]);
        tell(&link(0, &entry), "sha256:00");
    }
}
