//! The decision: a function of a policy and of evidence.

use serde::{Deserialize, Serialize};

use crate::{Evidence, Outcome, Policy, canonical};

/// Which meaning of policies made a decision. Another meaning gets another number; this one stays computable.
pub const EVALUATOR: &str = "assay-policy/1";

/// One evaluation, with its inputs by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decision {
    pub verdict: Verdict,
    /// One per rule, in the order of the rules.
    pub reasons: Vec<Reason>,
    pub evaluator: String,
    pub policy_digest: String,
    pub evidence_digest: String,
}

/// Three states, never two; only `Allowed` lets anything through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Allowed,
    Refused,
    Unknown,
}

/// What came of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The place of the rule in the policy, or in its group, from 0.
    pub rule: usize,
    pub outcome: Outcome,
    /// For a person, with the numbers in it.
    pub sentence: String,
    /// Of a group: what came of each rule in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Reason>,
}

/// Hold the evidence against the policy. The same two documents give the same decision, wherever and whenever.
pub fn decide(policy: &Policy, evidence: &Evidence) -> Decision {
    let evidence = evidence.sorted();
    let reasons: Vec<Reason> = policy
        .conditions()
        .iter()
        .enumerate()
        .map(|(at, condition)| condition.test(at, &evidence, policy.ignores_unknown_severities()))
        .collect();
    Decision {
        verdict: Verdict::of(&reasons),
        reasons,
        evaluator: EVALUATOR.to_owned(),
        policy_digest: policy.digest(),
        evidence_digest: canonical::digest(&evidence),
    }
}

impl Decision {
    /// The one text of this decision.
    pub fn canonical(&self) -> Vec<u8> {
        canonical::to_vec(self)
    }

    /// `sha256:<hex>` over the canonical text.
    pub fn digest(&self) -> String {
        canonical::digest(self)
    }

    /// The sentences that stand in the way: of unsatisfied rules, or of unknown ones when none is unsatisfied.
    pub fn objections(&self) -> impl Iterator<Item = &Reason> {
        let wanted = match self.verdict {
            Verdict::Allowed => None,
            Verdict::Refused => Some(Outcome::Unsatisfied),
            Verdict::Unknown => Some(Outcome::Unknown),
        };
        self.reasons.iter().filter(move |reason| Some(reason.outcome) == wanted)
    }
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Allowed => "allowed",
            Verdict::Refused => "refused",
            Verdict::Unknown => "unknown",
        }
    }

    fn of(reasons: &[Reason]) -> Verdict {
        match Outcome::all(reasons.iter().map(|reason| reason.outcome)) {
            Outcome::Satisfied => Verdict::Allowed,
            Outcome::Unsatisfied => Verdict::Refused,
            Outcome::Unknown => Verdict::Unknown,
        }
    }
}
