//! Groups of rules: what they mean, how they travel, and what is refused.

use policy::{Condition, Evidence, Outcome, Policy, PolicyForm, Reason, RuleForm, Verdict, decide};
use proptest::prelude::*;

use super::properties::{evidence, rule};

/// Rules and groups, three deep.
pub(crate) fn form() -> impl Strategy<Value = RuleForm> {
    rule().prop_map(RuleForm::Rule).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(RuleForm::Any),
            prop::collection::vec(inner.clone(), 1..4).prop_map(RuleForm::All),
            inner.prop_map(|one| RuleForm::Not(Box::new(one))),
        ]
    })
}

fn policy(rules: Vec<RuleForm>) -> Policy {
    let (target_repository, tag_template) = ("a/b".to_owned(), "%n".to_owned());
    let form = PolicyForm { enabled: true, rules, target_repository, tag_template, ignore_unknown_severities: false };
    form.try_into().unwrap()
}

fn leaves<'a>(reason: &'a Reason, condition: &Condition, into: &mut Vec<&'a Reason>) {
    match condition {
        Condition::Criterion(_) => into.push(reason),
        Condition::Any(list) | Condition::All(list) => {
            list.iter().zip(&reason.members).for_each(|(one, reason)| leaves(reason, one, into));
        }
        Condition::Not(inner) => leaves(&reason.members[0], inner, into),
    }
}

/// What a condition comes to when each of its criteria is as the next of these says.
fn holds(condition: &Condition, each: &mut impl Iterator<Item = bool>) -> bool {
    // Not short of any: each criterion takes its own.
    match condition {
        Condition::Criterion(_) => each.next().unwrap(),
        Condition::Any(list) => list.iter().map(|one| holds(one, each)).fold(false, |all, one| all | one),
        Condition::All(list) => list.iter().map(|one| holds(one, each)).fold(true, |all, one| all & one),
        Condition::Not(inner) => !holds(inner, each),
    }
}

proptest! {
    /// A group is satisfied exactly when it would be, however the unknown criteria turned out; unsatisfied likewise.
    #[test]
    fn unknown_is_anything(form in form(), evidence in evidence()) {
        let policy = policy(vec![form]);
        let condition = &policy.conditions()[0];
        let reason = &decide(&policy, &evidence).reasons[0];
        let mut criteria = Vec::new();
        leaves(reason, condition, &mut criteria);
        let open = criteria.iter().filter(|one| one.outcome == Outcome::Unknown).count();
        prop_assume!(open <= 10);
        let mut seen = [false; 2];
        for completion in 0..1_u32 << open {
            let mut at = 0;
            let mut each = criteria.iter().map(|one| match one.outcome {
                Outcome::Satisfied => true,
                Outcome::Unsatisfied => false,
                Outcome::Unknown => {
                    at += 1;
                    completion >> (at - 1) & 1 == 1
                }
            });
            seen[usize::from(holds(condition, &mut each))] = true;
        }
        let expected = match seen {
            [false, _] => Outcome::Satisfied,
            [true, false] => Outcome::Unsatisfied,
            [true, true] => Outcome::Unknown,
        };
        prop_assert_eq!(reason.outcome, expected);
        prop_assert!(!reason.sentence.is_empty() && reason.sentence.len() < 6_000);
    }

    #[test]
    fn they_travel_unchanged(form in form()) {
        let sent = policy(vec![form]);
        let read: Policy = serde_json::from_slice(&sent.canonical()).unwrap();
        prop_assert_eq!(&read, &sent);
        prop_assert_eq!(read.digest(), sent.digest());
    }
}

#[test]
fn the_reason_of_a_group_says_which_rule_decided() {
    let rules = r#"[{"any":[{"field":"tag","operator":"sw","values":["v"]},
        {"all":[{"field":"tag","operator":"eq","values":["edge"]},{"not":{"field":"vulnerability_critical","operator":"gt","values":["0"]}}]}]}]"#;
    let policy = policy(policy::read_rules(&serde_json::from_str(rules).unwrap()).unwrap());
    assert!(policy.needs_scan(), "a rule within a group counts");
    let mut evidence = Evidence::new("edge", "2026-11-21T00:00:00Z".parse().unwrap());
    let decision = decide(&policy, &evidence);
    assert_eq!(decision.verdict, Verdict::Unknown);
    assert_eq!(
        decision.reasons[0].sentence,
        "no rule of 2 is known to hold: not all of 2 rules are known to hold: whether the rule that must not hold does is not known: the number of \
         critical vulnerabilities is not known: the image was not scanned; the policy asks for more than 0"
    );
    evidence.counts = Some(policy::Counts::default());
    let decision = decide(&policy, &evidence);
    assert_eq!(decision.verdict, Verdict::Allowed);
    assert_eq!(decision.reasons[0].members[1].members[1].members[0].outcome, Outcome::Unsatisfied);
    "dev".clone_into(&mut evidence.tag);
    let sentence = &decide(&policy, &evidence).reasons[0].sentence;
    assert_eq!(
        *sentence,
        "none of 2 rules holds: tag \"dev\" does not begin with \"v\"; not all of 2 rules hold: tag \"dev\" is not \"edge\""
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let rule = r#"{"field":"tag","operator":"c","values":["x"]}"#;
    let deep = format!("{}{rule}{}", r#"{"not":"#.repeat(6), "}".repeat(6));
    let many = format!(r#"{{"any":[{}]}}"#, vec![rule; 100].join(","));
    let cases = [
        ("{}".to_owned(), "rules: expected an array"),
        ("[1]".to_owned(), "rules[0]: expected a rule {\"field\", \"operator\", \"values\"} or a group"),
        (r#"[{"any":[]}]"#.to_owned(), "rules[0].any: a group has one rule or more"),
        (r#"[{"any":{}}]"#.to_owned(), "rules[0].any: expected an array of rules"),
        (format!(r#"[{{"any":[{rule}],"all":[{rule}]}}]"#), "rules[0]: a group has one member"),
        (format!(r#"[{rule},{{"not":{{"operator":"c","values":["x"]}}}}]"#), "rules[1].not: the rule has no \"field\""),
        (
            format!(r#"[{{"all":[{rule},{{"field":"tag","operator":"matches","values":["("]}}]}}]"#),
            "rules[0].all[1]: field tag with operator matches got \"(\"; expected a regular expression: unclosed group",
        ),
        (
            r#"[{"field":"kev_all","operator":"eq","values":["0",0]}]"#.to_owned(),
            "rules[0].values[1]: expected a text, in quotes also for a number; got 0",
        ),
        (r#"[{"field":"tag","operator":"c","values":"x"}]"#.to_owned(), "rules[0].values: expected an array of texts"),
        (
            r#"[{"field":"tag","operator":"c","value":["x"]}]"#.to_owned(),
            "rules[0]: \"value\" is not known; a rule has \"field\", \"operator\" and \"values\"",
        ),
        (format!("[{deep}]"), "rules[0].not.not.not.not.not.not: groups stand at most 5 deep"),
        (format!("[{many}]"), "101 rules and groups; at most 100"),
    ];
    for (rules, part) in cases {
        let text = format!(r#"{{"enabled":true,"rules":{rules},"targetRepository":"a/b","tagTemplate":"%n"}}"#);
        let error = serde_json::from_str::<Policy>(&text).unwrap_err().to_string();
        assert!(error.contains(part), "{rules}: {error}");
    }
}
