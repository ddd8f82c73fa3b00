//! Why a policy was not accepted.

use base::{Kind, limits};

/// Each says what was wrong and what is allowed; whoever wrote the policy can mend all of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("field {given:?} (operator {operator:?}, value {value:?}) is not known; use one of {allowed}")]
    Field { given: String, operator: String, value: String, allowed: String },
    #[error("field {field} with value {value:?} got operator {given:?}; use one of {allowed}")]
    Operator { field: &'static str, given: String, value: String, allowed: String },
    #[error("field {field} with operator {operator} got {given:?}; expected {expected}")]
    Value { field: &'static str, operator: &'static str, given: String, expected: String },
    #[error("{place}: {error}")]
    Rule { place: String, error: Box<PolicyError> },
    #[error("{place}: {problem}")]
    Place { place: String, problem: String },
    #[error("the policy has {count} rules and groups; at most {} are allowed", limits::POLICY_RULES)]
    TooManyRules { count: usize },
    #[error("tag template {given:?}: {problem}")]
    Template { given: String, problem: String },
    #[error("target repository {given:?} is not valid: expected <account>/<name>")]
    Target { given: String },
    #[error("tag {tag:?}, made by template {template:?}, is not valid: expected {expected}")]
    Tag { tag: String, template: String, expected: &'static str },
}

impl PolicyError {
    pub fn kind(&self) -> Kind {
        Kind::Invalid
    }

    /// A reason of another part, kept to a sentence.
    pub(crate) fn shortened_reason(given: &str) -> String {
        given.chars().take(300).collect()
    }

    /// An answer never echoes a huge input.
    pub(crate) fn shortened(given: &str) -> String {
        given.chars().take(80).collect()
    }
}
