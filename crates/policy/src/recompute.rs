//! A decision made again from what was kept of it.

use crate::{Decision, EVALUATOR, Evidence, Policy, decide};

/// Why what was kept does not give the decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Differs {
    #[error("the {what} cannot be read: {error}")]
    Unreadable { what: &'static str, error: String },
    #[error("the {what} is not in the one form that such a document has; somebody wrote it anew")]
    NotCanonical { what: &'static str },
    #[error("the decision was made by {0:?}, and this program knows {EVALUATOR:?}; ask a program of that version")]
    Evaluator(String),
    #[error("the {what} is {is}, and the decision was made with {said}")]
    Document { what: &'static str, said: String, is: String },
    #[error("the same policy and evidence give another decision: {again}, and what was kept is {kept}")]
    Decision { again: String, kept: String },
}

/// Decide again, and compare: the texts of policy and evidence must be those that were hashed, and give the text of the decision, byte for
/// byte. Whether anybody signed that text is another question.
///
/// # Errors
/// What differs.
pub fn recompute(policy: &[u8], evidence: &[u8], decision: &[u8]) -> Result<Decision, Differs> {
    let kept: Decision = read("decision", decision)?;
    if kept.evaluator != EVALUATOR {
        return Err(Differs::Evaluator(kept.evaluator.chars().take(80).collect()));
    }
    let policy_read: Policy = read("policy", policy)?;
    let evidence_read: Evidence = read("evidence", evidence)?;
    let texts = [
        ("policy", policy, policy_read.canonical()),
        ("evidence", evidence, evidence_read.canonical()),
        ("decision", decision, kept.canonical()),
    ];
    for (what, text, canonical) in texts {
        if text != canonical {
            return Err(Differs::NotCanonical { what });
        }
    }
    let digests = [
        ("policy", &kept.policy_digest, policy_read.digest()),
        ("evidence", &kept.evidence_digest, evidence_read.digest()),
    ];
    for (what, said, is) in digests {
        if *said != is {
            return Err(Differs::Document { what, said: said.clone(), is });
        }
    }
    let again = decide(&policy_read, &evidence_read);
    if again != kept {
        return Err(Differs::Decision { again: text_of(&again), kept: text_of(&kept) });
    }
    Ok(again)
}

fn read<T: serde::de::DeserializeOwned>(what: &'static str, text: &[u8]) -> Result<T, Differs> {
    serde_json::from_slice(text).map_err(|error| Differs::Unreadable { what, error: error.to_string() })
}

fn text_of(decision: &Decision) -> String {
    format!("{} ({})", decision.verdict.as_str(), decision.digest())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Component, Counts};

    fn kept() -> [Vec<u8>; 3] {
        let policy: Policy = serde_json::from_value(json!({
            "enabled": true, "targetRepository": "admin/flask", "tagTemplate": "%n",
            "rules": [
                {"field": "vulnerability_all", "operator": "lte", "values": ["3"]},
                {"field": "component.name", "operator": "noo", "values": ["evil"]},
            ],
        }))
        .unwrap();
        let mut evidence = Evidence::new("7", "2026-11-30T12:00:00Z".parse().unwrap());
        evidence.counts = Some(Counts { critical: 1, minor: 1, ..Counts::default() });
        evidence.components = Some(vec![Component { name: "hello".into(), version: "2.10".into() }]);
        let decision = decide(&policy, &evidence);
        [policy.canonical(), evidence.canonical(), decision.canonical()]
    }

    #[test]
    fn the_same_again() {
        let [policy, evidence, decision] = kept();
        assert_eq!(recompute(&policy, &evidence, &decision).unwrap().canonical(), decision);
        let other = String::from_utf8(decision.clone()).unwrap().replace(EVALUATOR, "assay-policy/0");
        assert!(matches!(recompute(&policy, &evidence, other.as_bytes()), Err(Differs::Evaluator(_))));
        let spaced = [&policy[..], b" "].concat();
        let error = recompute(&spaced, &evidence, &decision).unwrap_err();
        assert_eq!(error, Differs::NotCanonical { what: "policy" });
    }

    #[test]
    fn a_verdict_that_was_made_up_is_found() {
        let [policy, evidence, decision] = kept();
        let mut other: Decision = serde_json::from_slice(&decision).unwrap();
        other.verdict = crate::Verdict::Refused;
        let error = recompute(&policy, &evidence, &other.canonical()).unwrap_err().to_string();
        assert!(error.contains("give another decision: allowed"), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

        #[test]
        fn any_changed_byte_fails(which in 0..3_usize, place in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut documents = kept();
            let place = place.index(documents[which].len());
            prop_assume!(documents[which][place] != with);
            documents[which][place] = with;
            prop_assert!(recompute(&documents[0], &documents[1], &documents[2]).is_err());
        }

        #[test]
        fn never_panics(policy in ".{0,60}", evidence in ".{0,60}", decision in ".{0,60}") {
            let _ = recompute(policy.as_bytes(), evidence.as_bytes(), decision.as_bytes());
        }
    }
}
