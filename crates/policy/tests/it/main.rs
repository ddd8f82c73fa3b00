//! Decisions as files and as properties.
//!
//! `tests/cases/NAME/` holds `policy.json` and `evidence.json`, and `decision.json` with what must come of them. Adding a
//! case is adding a folder: the first run fails and prints the decision, to be read before it is kept. A case that changes
//! is a change of meaning and asks for another `EVALUATOR`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod criteria;
mod groups;
mod properties;

use std::{fmt::Write as _, fs, path::Path};

use policy::{Decision, Evidence, Policy, decide};

#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let (mut cases, mut wrong) = (0, String::new());
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        cases += 1;
        let read = |name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
        let policy: Policy = serde_json::from_str(&read("policy.json")).unwrap();
        let evidence: Evidence = serde_json::from_str(&read("evidence.json")).unwrap();
        let decision = decide(&policy, &evidence);
        let expected = serde_json::from_str::<Decision>(&read("decision.json")).ok();
        if expected.as_ref() != Some(&decision) {
            let text = serde_json::to_string_pretty(&decision).unwrap();
            writeln!(wrong, "--- {}\n{text}", path.join("decision.json").display()).unwrap();
        }
    }
    assert!(cases >= 20, "only {cases} cases found in {}", folder.display());
    assert!(wrong.is_empty(), "these decisions differ from their files:\n{wrong}");
}

#[test]
fn forms_are_dtrs_and_canonical() {
    let text = r#"{"tagTemplate":"%n","targetRepository":"admin/flask","enabled":true,
        "rules":[{"values":["0"],"operator":"lte","field":"vulnerability_all"}]}"#;
    let policy: Policy = serde_json::from_str(text).unwrap();
    let canonical = String::from_utf8(policy.canonical()).unwrap();
    assert_eq!(
        canonical,
        r#"{"enabled":true,"rules":[{"field":"vulnerability_all","operator":"lte","values":["0"]}],"tagTemplate":"%n","targetRepository":"admin/flask"}"#
    );
    assert_eq!(serde_json::from_str::<Policy>(&canonical).unwrap(), policy);
    assert_eq!(policy.digest(), format!("sha256:{}", base::digest_hex(canonical.as_bytes())));
    assert!(policy.needs_scan());
}

#[test]
fn what_is_not_understood_is_refused() {
    let policy = |text: &str| serde_json::from_str::<Policy>(text).unwrap_err().to_string();
    let with = |rules: &str, target: &str, template: &str| {
        format!(r#"{{"enabled":true,"rules":{rules},"targetRepository":"{target}","tagTemplate":"{template}"}}"#)
    };
    let rules = r#"[{"field":"tag","operator":"c","values":["x"]},{"field":"tag","operator":"c","values":null}]"#;
    let error = policy(&with(rules, "a/b", "%n"));
    assert!(error.contains("rules[1]: field tag with operator c got \"\"; expected 1 to 1000 values"), "{error}");
    assert!(policy(&with("[]", "flask", "%n")).contains("expected <account>/<name>"));
    assert!(policy(&with("[]", "a/../b", "%n")).contains("expected <account>/<name>"));
    assert!(policy(&with("[]", "a/b", "%q")).contains("%q is not a variable"));
    let many = format!("[{}]", vec![r#"{"field":"tag","operator":"c","values":["x"]}"#; 101].join(","));
    assert!(policy(&with(&many, "a/b", "%n")).contains("101 rules and groups; at most 100"));
    assert!(
        policy(r#"{"enabled":true,"rules":[],"targetRepository":"a/b","tagTemplate":"%n","any":1}"#).contains("any")
    );
    let evidence = r#"{"tag":"x","now":"2026-11-21T00:00:00Z","count":{}}"#;
    assert!(serde_json::from_str::<Evidence>(evidence).unwrap_err().to_string().contains("count"));
}
