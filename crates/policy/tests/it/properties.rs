//! What holds for every policy and every evidence.

use base::Timestamp;
use policy::{
    Component, Configuration, Counts, Decision, Distribution, Epss, Evidence, Outcome, Policy, PolicyForm, Rule,
    Signature, Verdict, Waived, decide,
};
use proptest::prelude::*;

pub(crate) fn rule() -> impl Strategy<Value = Rule> {
    let count = prop::sample::select(vec![
        "vulnerability_all",
        "vulnerability_critical",
        "vulnerability_major",
        "vulnerability_minor",
        "secret_all",
        "setuid_files",
        "confidence_lowest",
        "waived_critical",
        "kev_all",
        "epss_highest",
        "signature_count",
    ]);
    let compare = prop::sample::select(vec!["eq", "neq", "gt", "gte", "lt", "lte"]);
    let counts =
        (count, compare, 0..4_u8).prop_map(|(field, operator, bound)| (field, operator, vec![bound.to_string()]));
    let strings = (
        prop::sample::select(vec![
            "tag",
            "component.name",
            "secret.kind",
            "fact",
            "base.name",
            "label",
            "signature.signer",
            "pushed.by",
        ]),
        prop::sample::select(vec!["eq", "sw", "ew", "c", "matches"]),
        "[abc]{1,2}",
    )
        .prop_map(|(field, operator, value)| (field, operator, vec![value]));
    let lists = (
        prop::sample::select(vec!["tag", "component.name", "license.name", "license.expression", "fact", "base.name"]),
        prop::sample::select(vec!["oo", "noo"]),
        prop::collection::vec("[abc]{1,2}", 1..3),
    );
    let times = (prop::sample::select(vec!["bf", "af"]), 0..50_u8).prop_map(|(operator, hours)| {
        (
            ["updated_at_duration", "end_of_life_duration", "created_at_duration"][usize::from(hours % 3)],
            operator,
            vec![format!("{hours}h")],
        )
    });
    prop_oneof![counts, strings, lists, times].prop_map(|(field, operator, values)| Rule {
        field: field.to_owned(),
        operator: operator.to_owned(),
        values,
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    (prop::collection::vec(super::groups::form(), 0..5), any::<bool>(), any::<bool>()).prop_map(
        |(rules, enabled, ignore)| {
            let (target_repository, tag_template) = ("a/b".to_owned(), "%n".to_owned());
            let form =
                PolicyForm { enabled, rules, target_repository, tag_template, ignore_unknown_severities: ignore };
            form.try_into().unwrap()
        },
    )
}

pub(crate) fn evidence() -> impl Strategy<Value = Evidence> {
    let component = ("[abc]{1,2}", "[12]").prop_map(|(name, version)| Component { name, version });
    let counts = (0..3_u64, 0..3_u64, 0..3_u64, 0..3_u64, 0..3_u64)
        .prop_map(|(critical, major, minor, unknown, waived)| Counts { critical, major, minor, unknown, waived });
    let kinds = || prop::option::of(prop::collection::btree_map("[abc]{1,2}|setuid-files", 1..3_u64, 0..3));
    let distribution = ("[ab]?", prop::option::of(0..50_i64)).prop_map(|(name, hours)| Distribution {
        name,
        end_of_life: hours.map(|hours| Timestamp::from_second(1_800_000_000 + hours * 3_600).unwrap()),
    });
    let image = (
        kinds(),
        kinds(),
        prop::option::of(prop::collection::vec(prop::collection::vec("[abc]{1,2}", 0..3), 0..3)),
        prop::option::of(prop::collection::vec("[abc]( OR | AND )[abc]|[abc]", 0..3)),
        prop::option::of(0..5_u64),
        prop::option::of(distribution),
    );
    let plain = (
        "[abc]{1,3}",
        prop::option::of(prop::collection::vec(component, 0..5)),
        prop::option::of(prop::collection::vec("[abc]{1,2}", 0..4)),
        prop::option::of(counts),
        prop::option::of(0..100_i64),
        0..2_u64,
    );
    let plain = (plain, origin());
    (plain, image).prop_map(|(((tag, components, licenses, counts, hours, unlicensed), origin), image)| {
        let mut evidence = Evidence::new(tag, Timestamp::from_second(1_800_000_000).unwrap());
        evidence.updated_at = hours.map(|hours| Timestamp::from_second(1_800_000_000 - hours * 3_600).unwrap());
        evidence.unlicensed = unlicensed;
        evidence.unexpressed = unlicensed;
        (evidence.secrets, evidence.facts, evidence.bases, evidence.license_expressions, ..) = image.clone();
        (.., evidence.lowest_confidence, evidence.distribution) = image;
        (evidence.components, evidence.licenses, evidence.counts) = (components, licenses, counts);
        (evidence.waived, evidence.exploited, evidence.epss, ..) = origin.clone();
        (.., evidence.configurations, evidence.signatures, evidence.pushed_by) = origin;
        evidence
    })
}

type Origin =
    (Option<Waived>, Option<u64>, Option<Epss>, Option<Vec<Configuration>>, Option<Vec<Signature>>, Option<String>);

fn origin() -> impl Strategy<Value = Origin> {
    let waived = (0..3_u64, 0..3_u64).prop_map(|(critical, unknown)| Waived { critical, unknown, ..Waived::default() });
    let epss = (0..4_000_u64, 0..2_u64).prop_map(|(highest, unscored)| Epss { highest, unscored });
    let configuration = (prop::option::of(0..100_i64), prop::collection::btree_map("[abc]", "[abc]?", 0..3)).prop_map(
        |(hours, labels)| Configuration {
            created_at: hours.map(|hours| Timestamp::from_second(1_800_000_000 - hours * 3_600).unwrap()),
            labels,
        },
    );
    let signature = prop::collection::vec("[abc]{1,2}", 0..3).prop_map(|accounts| Signature {
        kind: Signature::CONTENT_TRUST.to_owned(),
        role: format!("targets/{}", accounts.concat()),
        accounts,
    });
    (
        prop::option::of(waived),
        prop::option::of(0..3_u64),
        prop::option::of(epss),
        prop::option::of(prop::collection::vec(configuration, 0..3)),
        prop::option::of(prop::collection::vec(signature, 0..3)),
        prop::option::of("[abc]{1,2}"),
    )
}

fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Satisfied => 0,
        Outcome::Unknown => 1,
        Outcome::Unsatisfied => 2,
    }
}

proptest! {
    #[test]
    fn the_verdict_is_that_of_the_worst_rule(policy in policy(), evidence in evidence()) {
        let decision = decide(&policy, &evidence);
        let worst = decision.reasons.iter().map(|reason| rank(reason.outcome)).max().unwrap_or(0);
        prop_assert_eq!(decision.verdict, [Verdict::Allowed, Verdict::Unknown, Verdict::Refused][usize::from(worst)]);
        prop_assert_eq!(decision.reasons.len(), policy.conditions().len());
        prop_assert_eq!(decision.objections().count() == 0, decision.verdict == Verdict::Allowed);
    }

    #[test]
    fn computed_again_from_the_stored_texts_it_is_the_same_bit_for_bit(policy in policy(), evidence in evidence()) {
        let decision = decide(&policy, &evidence);
        let policy: Policy = serde_json::from_slice(&policy.canonical()).unwrap();
        let evidence: Evidence = serde_json::from_slice(&evidence.canonical()).unwrap();
        prop_assert_eq!(decide(&policy, &evidence).canonical(), decision.canonical());
        prop_assert_eq!(serde_json::from_slice::<Decision>(&decision.canonical()).unwrap(), decision);
    }

    #[test]
    fn the_order_of_what_was_found_means_nothing(policy in policy(), evidence in evidence()) {
        let mut turned = evidence.clone();
        if let Some(list) = &mut turned.components {
            list.reverse();
            list.extend(list.clone());
        }
        for list in [&mut turned.licenses, &mut turned.license_expressions].into_iter().flatten() {
            list.reverse();
        }
        if let Some(bases) = &mut turned.bases {
            bases.iter_mut().for_each(|names| names.reverse());
            bases.reverse();
        }
        if let Some(configurations) = &mut turned.configurations {
            configurations.reverse();
            configurations.extend(configurations.clone());
        }
        if let Some(signatures) = &mut turned.signatures {
            signatures.iter_mut().for_each(|signature| signature.accounts.reverse());
            signatures.reverse();
        }
        prop_assert_eq!(turned.digest(), evidence.digest());
        prop_assert_eq!(decide(&policy, &turned), decide(&policy, &evidence));
    }

    /// Taking evidence away may make a rule unknown, and never satisfied.
    #[test]
    fn less_evidence_never_helps(policy in policy(), evidence in evidence(), which in 0..16_u8) {
        let mut less = evidence.clone();
        match which {
            0 => less.components = None,
            1 => less.licenses = None,
            2 => less.counts = None,
            3 => less.secrets = None,
            4 => less.facts = None,
            5 => less.bases = None,
            6 => less.license_expressions = None,
            7 => less.lowest_confidence = None,
            8 => less.distribution = None,
            9 => less.waived = None,
            10 => less.exploited = None,
            11 => less.epss = None,
            12 => less.configurations = None,
            13 => less.signatures = None,
            14 => less.pushed_by = None,
            _ => less.updated_at = None,
        }
        for (before, after) in decide(&policy, &evidence).reasons.iter().zip(&decide(&policy, &less).reasons) {
            prop_assert!(after.outcome == before.outcome || after.outcome == Outcome::Unknown);
        }
    }

    /// A rule about licenses that was decided stays so when the license that was not known becomes known.
    #[test]
    fn an_unknown_license_is_any_license(policy in policy(), evidence in evidence(), license in "[abc]{1,2}") {
        prop_assume!(evidence.unlicensed == 1 && evidence.licenses.is_some());
        let mut told = evidence.clone();
        told.unlicensed = 0;
        told.licenses.as_mut().unwrap().push(license);
        let (before, after) = (decide(&policy, &evidence), decide(&policy, &told));
        prop_assert!(before.verdict == Verdict::Unknown || before.verdict == after.verdict);
    }

    /// A finding without a severity is unknown rather than satisfied wherever some severity of it would be unsatisfied.
    #[test]
    fn an_unknown_severity_is_any_severity(policy in policy(), evidence in evidence()) {
        prop_assume!(!policy.ignores_unknown_severities());
        let Some(counts) = evidence.counts.filter(|counts| counts.unknown > 0) else { return Ok(()) };
        let verdict = decide(&policy, &evidence).verdict;
        for class in 0..3 {
            let mut told = counts;
            told.unknown = 0;
            *[&mut told.critical, &mut told.major, &mut told.minor][class] += counts.unknown;
            let mut clear = evidence.clone();
            clear.counts = Some(told);
            if verdict != Verdict::Unknown {
                prop_assert_eq!(decide(&policy, &clear).verdict, verdict);
            }
        }
    }
}
