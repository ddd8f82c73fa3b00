//! Every combination of field and operator, allowed or refused in words.

use proptest::prelude::*;

use super::Criterion;
use crate::{Evidence, Field, Operator, Outcome, PolicyError, Rule, ValueKind};

fn rule(field: &str, operator: &str, values: &[&str]) -> Rule {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Rule { field: field.to_owned(), operator: operator.to_owned(), values }
}

fn parse(field: &str, operator: &str, values: &[&str]) -> Result<Criterion, PolicyError> {
    rule(field, operator, values).try_into()
}

fn good_value(field: Field) -> &'static str {
    match field.value_kind() {
        ValueKind::Text | ValueKind::List => "x",
        ValueKind::Number | ValueKind::Percent => "0",
        ValueKind::Time => "2026-11-21T00:00:00Z",
        ValueKind::Duration => "72h",
    }
}

#[test]
fn the_table_of_the_reference() {
    let mut allowed = 0;
    for field in Field::ALL {
        for operator in Operator::ALL {
            let parsed = parse(field.as_str(), operator.as_str(), &[good_value(field)]);
            if field.operators().contains(&operator) {
                allowed += 1;
                assert!(parsed.is_ok(), "{field:?} {operator:?}");
            } else {
                let error = parsed.unwrap_err().to_string();
                assert!(error.contains(field.as_str()) && error.contains(operator.as_str()), "{error}");
                assert!(error.contains(good_value(field)) && error.contains("use one of"), "{error}");
            }
        }
    }
    // tag 7, component.name 7, license.name 2, four counts of 6, two times of 2; ours: texts, lists, numbers, times
    assert_eq!(allowed, 7 + 7 + 2 + 24 + 4 + 8 * 7 + 2 + 11 * 6 + 4 * 2);
}

#[test]
fn values_are_refused_in_words() {
    let long = "x".repeat(1_025);
    let many = vec!["x"; 1_001];
    let cases: [(&str, &str, &[&str], &str); 21] = [
        (
            "name",
            "eq",
            &["x"],
            "field \"name\" (operator \"eq\", value \"x\") is not known; use one of tag, component.name",
        ),
        ("tag", "EQ", &["x"], "got operator \"EQ\"; use one of eq, sw, ew, c, oo, noo, matches"),
        (
            "license.name",
            "sw",
            &["GPL"],
            "field license.name with value \"GPL\" got operator \"sw\"; use one of oo, noo",
        ),
        ("vulnerability_all", "lte", &[], "got \"\"; expected 1 to 1000 values"),
        (
            "vulnerability_all",
            "lte",
            &["1", "2"],
            "field vulnerability_all with operator lte got \"1, 2\"; expected exactly one value",
        ),
        ("vulnerability_all", "lte", &["-1"], "got \"-1\"; expected a whole number"),
        ("vulnerability_all", "lte", &["+1"], "expected a whole number"),
        ("vulnerability_all", "lte", &["0.5"], "expected a whole number"),
        ("vulnerability_all", "lte", &["99999999999999999999"], "expected a whole number"),
        ("tag", "c", &[""], "expected values of 1 to 1024 bytes"),
        ("tag", "c", &[&long], "expected values of 1 to 1024 bytes"),
        ("tag", "oo", &many, "expected 1 to 1000 values"),
        ("updated_at", "bf", &["yesterday"], "expected a point in time as in RFC 3339"),
        ("updated_at_duration", "bf", &["7d"], "7 days are 168h"),
        ("epss_highest", "lt", &["0.5%"], "expected a percentage from 0 to 100"),
        ("epss_highest", "lt", &["0.1234"], "three digits after the point"),
        ("epss_highest", "lt", &["100.001"], "expected a percentage from 0 to 100"),
        ("created_at_duration", "af", &["30d"], "7 days are 168h"),
        ("tag", "matches", &["("], "expected a regular expression: unclosed group"),
        ("tag", "matches", &["((a{100}){100}){100}"], "compiles to at most 131072 bytes"),
        ("tag", "matches", &[r"a\1"], "expected a regular expression: backreferences are not supported"),
    ];
    for (field, operator, values, part) in cases {
        let error = parse(field, operator, values).unwrap_err().to_string();
        assert!(error.contains(part), "{field} {operator} {values:?}: {error}");
        assert!(error.len() < 600, "{error}");
    }
}

fn on_tag(operator: &str, values: &[&str], tag: &str) -> Outcome {
    let evidence = Evidence::new(tag, "2026-11-21T00:00:00Z".parse().unwrap());
    parse("tag", operator, values).unwrap().test(&evidence, false).0
}

#[test]
fn patterns_are_found_anywhere_and_classes_are_ascii() {
    assert_eq!(on_tag("matches", &["^v[0-9]+$"], "v12"), Outcome::Satisfied);
    assert_eq!(on_tag("matches", &["[0-9]"], "v12"), Outcome::Satisfied);
    assert_eq!(on_tag("matches", &[r"^\w+$"], "é"), Outcome::Unsatisfied);
    assert_eq!(on_tag("matches", &["é"], "café"), Outcome::Satisfied);
}

proptest! {
    #[test]
    fn tag_operators_mean_what_they_say(value in "[ab]{1,3}", other in "[ab]{1,3}", tag in "[ab]{1,5}") {
        let single = |operator: &str| on_tag(operator, &[&value], &tag) == Outcome::Satisfied;
        prop_assert_eq!(single("eq"), tag == value);
        prop_assert_eq!(single("sw"), tag.starts_with(&value));
        prop_assert_eq!(single("ew"), tag.ends_with(&value));
        prop_assert_eq!(single("c"), tag.contains(&value));
        prop_assert_eq!(single("matches"), tag.contains(&value));
        let listed = tag == value || tag == other;
        prop_assert_eq!(on_tag("oo", &[&value, &other], &tag) == Outcome::Satisfied, listed);
        prop_assert_eq!(on_tag("noo", &[&value, &other], &tag) == Outcome::Unsatisfied, listed);
    }

    #[test]
    fn never_panics(field in 0..Field::ALL.len(), operator in 0..14_usize, values in prop::collection::vec(".{0,20}", 0..3)) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        if let Ok(criterion) = parse(Field::ALL[field].as_str(), Operator::ALL[operator].as_str(), &values) {
            let evidence = Evidence::new("x", "2026-11-21T00:00:00Z".parse().unwrap());
            let (outcome, sentence) = criterion.test(&evidence, false);
            prop_assert!(!sentence.is_empty());
            prop_assert!(criterion.field() == Field::Tag || outcome == Outcome::Unknown);
        }
    }
}
