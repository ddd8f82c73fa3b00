//! One table: what each field says with each of its operators, of evidence that satisfies, that does not, and that is missing.
//!
//! The fields are a `match` without a rest, so that a new field does not compile until it has its rows.

use policy::{Evidence, Field, Operator, Outcome, Policy, Reason, decide};
use serde_json::{Value, json};

/// What a field's evidence looks like when it comes to this text, number or time.
struct Shape {
    of: fn(&str) -> Value,
    /// Members of the evidence that make it not known though there was a scan; `null` where there is nothing to add.
    unknown: Value,
}

fn shape(field: Field) -> Shape {
    let scanned = json!({"counts": {"critical": 0, "major": 0, "minor": 0, "unknown": 0}});
    let (of, unknown): (fn(&str) -> Value, Value) = match field {
        Field::Tag => (|text| json!({"tag": text}), Value::Null),
        Field::ComponentName => (|text| json!({"components": [{"name": text, "version": "1"}]}), Value::Null),
        Field::LicenseName => (|text| json!({"licenses": [text]}), json!({"licenses": ["Zlib"], "unlicensed": 1})),
        Field::VulnerabilityAll => {
            (|number| json!({"counts": {"critical": 1, "major": 0, "minor": 0, "unknown": n(number) - 1}}), Value::Null)
        }
        Field::VulnerabilityCritical => (|number| json!({"counts": counts("critical", number)}), unsure("critical")),
        Field::VulnerabilityMajor => (|number| json!({"counts": counts("major", number)}), unsure("major")),
        Field::VulnerabilityMinor => (|number| json!({"counts": counts("minor", number)}), unsure("minor")),
        Field::UpdatedAt | Field::UpdatedAtDuration => (|time| json!({"updatedAt": time}), Value::Null),
        Field::SecretKind => (|text| json!({"secrets": {text: 1}}), scanned),
        Field::SecretAll => (|number| json!({"secrets": {"a": 1, "b": n(number) - 1}}), scanned),
        Field::Fact => (|text| json!({"facts": {text: 1}}), scanned),
        Field::SetuidFiles => (|number| json!({"facts": {"setuid-files": n(number)}}), scanned),
        Field::LicenseExpression => {
            (|text| json!({"licenseExpressions": [text]}), json!({"licenseExpressions": [], "unexpressed": 1}))
        }
        Field::BaseName => (|text| json!({"bases": [[text]]}), json!({"bases": [[]]})),
        Field::ConfidenceLowest => (|number| json!({"lowestConfidence": n(number)}), scanned),
        Field::EndOfLife | Field::EndOfLifeDuration => (
            |time| json!({"distribution": {"name": "debian 12", "endOfLife": time}}),
            json!({"distribution": {"name": "debian 12"}}),
        ),
        Field::WaivedAll => (|number| json!({"waived": counts("major", number)}), scanned),
        Field::WaivedCritical => (|number| json!({"waived": counts("critical", number)}), unsure_waived("critical")),
        Field::WaivedMajor => (|number| json!({"waived": counts("major", number)}), unsure_waived("major")),
        Field::WaivedMinor => (|number| json!({"waived": counts("minor", number)}), unsure_waived("minor")),
        Field::VulnerabilityFixable => (|number| json!({"fixable": n(number)}), scanned),
        Field::KevAll => (|number| json!({"exploited": n(number)}), scanned),
        Field::EpssHighest => (
            |number| json!({"epss": {"highest": n(number) * 1_000, "unscored": 0}}),
            json!({"epss": {"highest": 2_999, "unscored": 1}}),
        ),
        Field::SignatureSigner => (|text| json!({"signatures": [signature("targets/x", &[text])]}), scanned),
        Field::SignatureCount => (
            |number| {
                let signed = (0..n(number)).map(|at| signature(&format!("targets/s{at}"), &[]));
                json!({"signatures": signed.collect::<Vec<_>>()})
            },
            scanned,
        ),
        Field::Label => (
            |text| {
                let (name, value) = text.split_once('=').unwrap_or((text, ""));
                json!({"configurations": [{"labels": {name: value}}]})
            },
            json!({"configurations": []}),
        ),
        Field::CreatedAt | Field::CreatedAtDuration => {
            (|time| json!({"configurations": [{"createdAt": time}]}), json!({"configurations": [{}]}))
        }
        Field::PushedBy => (|text| json!({"pushedBy": text}), scanned),
        Field::ProvenanceProject => (|text| json!({"provenance": {"project": text, "ref": "-"}}), scanned),
        Field::ProvenanceRef => (|text| json!({"provenance": {"project": "-", "ref": text}}), scanned),
    };
    Shape { of, unknown }
}

fn n(text: &str) -> u64 {
    text.parse().unwrap()
}

fn counts(class: &str, number: &str) -> Value {
    let mut counts = json!({"critical": 0, "major": 0, "minor": 0, "unknown": 0});
    counts[class] = n(number).into();
    counts
}

/// Two findings of the class and two that may be of it: 2 to 4, which no comparison with 3 decides.
fn unsure(class: &str) -> Value {
    let mut counts = counts(class, "2");
    counts["unknown"] = 2.into();
    json!({"counts": counts})
}

fn unsure_waived(class: &str) -> Value {
    json!({"waived": unsure(class)["counts"]})
}

fn signature(role: &str, accounts: &[&str]) -> Value {
    json!({"kind": "content-trust", "role": role, "accounts": accounts})
}

/// Values of a rule; what satisfies it; what does not.
type Row = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

fn row(field: Field, operator: Operator) -> Row {
    use Operator as O;
    let later = ["2026-11-20T00:00:01Z", "2026-11-20T23:59:59Z"].as_slice();
    let earlier = ["2026-11-19T23:59:59Z", "2024-02-29T12:00:00Z"].as_slice();
    let moment = ["2026-11-20T00:00:00Z"].as_slice();
    match (field, operator) {
        // Of an expression one side of an OR is enough.
        (Field::LicenseExpression, O::OneOf) => {
            (&["MIT", "ISC"], &["MIT", "MIT AND ISC", "GPL-2.0-only OR MIT"], &["GPL-2.0-only", "MIT AND Zlib"])
        }
        (Field::LicenseExpression, O::NotOneOf) => {
            (&["MIT", "ISC"], &["Zlib", "Zlib OR MIT"], &["MIT", "Zlib AND ISC"])
        }
        // How far ahead of the decision the end is, not how far behind.
        (Field::EndOfLifeDuration, O::Before) => {
            (&["24h"], &["2026-11-21T23:59:59Z", "2020-01-01T00:00:00Z"], &["2026-11-22T00:00:01Z"])
        }
        (Field::EndOfLifeDuration, O::After) => {
            (&["24h"], &["2026-11-22T00:00:01Z"], &["2026-11-21T23:59:59Z", "2020-01-01T00:00:00Z"])
        }
        // 24 hours before the decision is the same moment.
        (Field::UpdatedAtDuration | Field::CreatedAtDuration, O::Before) => (&["24h"], earlier, later),
        (Field::UpdatedAtDuration | Field::CreatedAtDuration, O::After) => (&["24h"], later, earlier),
        (_, O::Before) => (moment, earlier, later),
        (_, O::After) => (moment, later, earlier),
        (_, O::Equal) if field.operators().contains(&O::Less) => (&["3"], &["3"], &["2", "4"]),
        (_, O::NotEqual) => (&["3"], &["2", "4"], &["3"]),
        (_, O::Greater) => (&["3"], &["4", "9"], &["3", "2", "1"]),
        (_, O::GreaterOrEqual) => (&["3"], &["3", "4"], &["2", "1"]),
        (_, O::Less) => (&["3"], &["2", "1"], &["3", "4"]),
        (_, O::LessOrEqual) => (&["3"], &["3", "1"], &["4", "9"]),
        (_, O::Equal) => (&["a=b-c"], &["a=b-c"], &["a=b", "A=B-C", "b-c"]),
        (_, O::StartsWith) => (&["a="], &["a=", "a=b"], &["ba=", "A=b"]),
        (_, O::EndsWith) => (&["-c"], &["a=b-c"], &["a=b-cd", "a=b-C"]),
        (_, O::Contains) => (&["=b-"], &["a=b-c", "a=b-"], &["a=b", "ab-"]),
        (_, O::OneOf) => (&["a=b", "a=c"], &["a=b", "a=c"], &["a=bc", "c"]),
        (_, O::NotOneOf) => (&["a=b", "a=c"], &["a=bc", "c"], &["a=b", "a=c"]),
        (_, O::Matches) => (&["^a=[bc]$"], &["a=b", "a=c"], &["a=d", "aa=b", "a=bc"]),
    }
}

fn decided(field: Field, operator: Operator, values: &[&str], evidence: &Value) -> Reason {
    let policy: Policy = serde_json::from_value(json!({
        "enabled": true, "targetRepository": "a/b", "tagTemplate": "%n",
        "rules": [{"field": field.as_str(), "operator": operator.as_str(), "values": values}],
    }))
    .unwrap();
    let mut whole = json!({"tag": "1", "now": "2026-11-21T00:00:00Z"});
    for (name, value) in evidence.as_object().into_iter().flatten() {
        whole[name] = value.clone();
    }
    let evidence: Evidence = serde_json::from_value(whole).unwrap();
    decide(&policy, &evidence).reasons.remove(0)
}

#[test]
fn every_field_with_every_operator() {
    let mut cells = 0;
    for field in Field::ALL {
        let Shape { of, unknown } = shape(field);
        for operator in field.operators() {
            let (values, good, bad) = row(field, *operator);
            let cases = [(good, Outcome::Satisfied), (bad, Outcome::Unsatisfied)];
            for (example, expected) in
                cases.iter().flat_map(|(list, outcome)| list.iter().map(move |one| (one, outcome)))
            {
                let reason = decided(field, *operator, values, &of(example));
                let Reason { outcome, sentence, .. } = &reason;
                assert_eq!(outcome, expected, "{field:?} {operator:?} {values:?} of {example}: {sentence}");
                cells += 1;
            }
            // Without the evidence, and with some that does not decide.
            for missing in [Value::Null, unknown.clone()] {
                if field == Field::Tag {
                    continue;
                }
                let reason = decided(field, *operator, values, &missing);
                assert_eq!(
                    reason.outcome,
                    Outcome::Unknown,
                    "{field:?} {operator:?} of {missing}: {}",
                    reason.sentence
                );
                assert!(!missing.is_null() || reason.sentence.contains("not known"), "{field:?}: {}", reason.sentence);
                cells += 1;
            }
        }
    }
    assert!(cells > 700, "only {cells} cells");
}

/// A failed scan is no clean one.
#[test]
fn nothing_about_a_scan_is_known_of_an_image_whose_scan_failed() {
    for field in Field::ALL.into_iter().filter(|field| field.needs_scan()) {
        for operator in field.operators() {
            let (values, ..) = row(field, *operator);
            let reason =
                decided(field, *operator, values, &json!({"missing": "the scan failed: layer 3 is encrypted"}));
            assert_eq!(reason.outcome, Outcome::Unknown, "{field:?} {operator:?}: {}", reason.sentence);
            assert!(reason.sentence.contains("layer 3 is encrypted"), "{field:?}: {}", reason.sentence);
        }
    }
}

/// Of an index each image must satisfy.
#[test]
fn what_a_label_and_an_age_say_of_an_index() {
    let label = |operator, values: &[&str], images: Value| {
        decided(Field::Label, operator, values, &json!({"configurations": images})).outcome
    };
    let (with, without) = (json!({"labels": {"a": "b"}}), json!({"labels": {"c": "d"}}));
    assert_eq!(label(Operator::Equal, &["a=b"], json!([with, with])), Outcome::Satisfied);
    assert_eq!(label(Operator::Equal, &["a=b"], json!([with, without])), Outcome::Unsatisfied);
    assert_eq!(label(Operator::NotOneOf, &["a=b"], json!([without, with])), Outcome::Unsatisfied);
    let made = |images: Value| {
        decided(Field::CreatedAtDuration, Operator::After, &["24h"], &json!({"configurations": images})).outcome
    };
    let (new, old, never) =
        (json!({"createdAt": "2026-11-20T12:00:00Z"}), json!({"createdAt": "2026-01-01T00:00:00Z"}), json!({}));
    assert_eq!(made(json!([new])), Outcome::Satisfied);
    assert_eq!(made(json!([new, old])), Outcome::Unsatisfied);
    assert_eq!(made(json!([new, never])), Outcome::Unknown);
    assert_eq!(made(json!([never, old])), Outcome::Unsatisfied);
    assert_eq!(made(json!([{"createdAt": "2027-01-01T00:00:00Z"}])), Outcome::Unknown, "made after the decision");
}
