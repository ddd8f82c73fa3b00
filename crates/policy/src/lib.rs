//! Promotion policies, the evidence they are held against, and the decision.
//!
//! A policy is a list of rules in the words of Docker Trusted Registry, so that rules of an old estate work as they are, and
//! of groups of rules (any, all, not). All must be satisfied. [`decide`] is a function of two documents and nothing else: it reads no clock (the moment
//! of the decision is part of the evidence), no database and no network. Both documents have one canonical form and so
//! one digest; whoever has them computes the decision again, bit for bit.
//!
//! ```text
//!   Rule {field, operator, values} ──parse──► Criterion ─┐
//!   {any: […]}, {all: […]}, {not: …} ───────► Condition ─┤
//!   {targetRepository, tagTemplate, …} ──────────────────┴► Policy ──┐
//!                                                                    ├─ decide ─► Decision
//!   what the scanner and the registry know ─────────────► Evidence ──┘             verdict + one Reason per rule
//!
//!   every rule satisfied ─► allowed        (no rules: allowed)
//!   any unsatisfied      ─► refused        what is known to be wrong stays wrong whatever else is missing
//!   else any unknown     ─► unknown
//! ```
//!
//! Invariants:
//! - Absent evidence makes a criterion unknown and never satisfied. A finding without a severity may have any: a count of
//!   one class is then a range, and a rule about it holds only when it holds for the whole range (unless the policy says
//!   `ignoreUnknownSeverities`). `vulnerability_all` counts such findings. A group says no more than what holds however its
//!   unknown members turn out.
//! - A decision ever made stays what it was: a change of meaning is a new [`EVALUATOR`], and the files under `tests/cases`
//!   keep the old meaning from changing unseen. A new field is no change of meaning: evidence of before does not have it,
//!   and has the digest it had.
//!
//! What this crate does not know: where evidence comes from, who may write a policy, how an image is copied or signed.

mod canonical;

mod criterion;
mod duration;
mod expression;
mod field;
mod form;
mod group;
mod rule;
mod template;

mod decide;
mod error;
mod evidence;
mod outcome;
mod recompute;
mod sentence;

pub use criterion::Criterion;
pub use decide::{Decision, EVALUATOR, Reason, Verdict, decide};
pub use duration::parse as parse_duration;
pub use error::PolicyError;
pub use evidence::{Component, Configuration, Counts, Distribution, Epss, Evidence, Provenance, Signature, Waived};
pub use field::{Field, Need, ValueKind};
pub use form::{Policy, PolicyForm};
pub use group::{Condition, RuleForm, read_rules};
pub use outcome::Outcome;
pub use recompute::{Differs, recompute};
pub use rule::{Operator, Rule};
pub use template::TagTemplate;
