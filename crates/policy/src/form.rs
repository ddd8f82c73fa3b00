//! Policies: as they travel, and as they were understood.

use base::limits;
use serde::{Deserialize, Serialize};

use crate::{Criterion, PolicyError, TagTemplate, canonical, field::Need, group, group::Condition, group::RuleForm};

/// The JSON of a policy: DTR's four members and one of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyForm {
    pub enabled: bool,
    #[serde(deserialize_with = "group::deserialize")]
    pub rules: Vec<RuleForm>,
    /// `account/name`
    pub target_repository: String,
    pub tag_template: String,
    /// A finding without a severity counts in `vulnerability_all` only. Without it a rule about critical, major or minor
    /// findings is unknown where such a finding could make it unsatisfied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_unknown_severities: bool,
}

/// A policy in which every rule and the template were understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PolicyForm", into = "PolicyForm")]
pub struct Policy {
    enabled: bool,
    conditions: Vec<Condition>,
    target_repository: String,
    tag_template: TagTemplate,
    ignore_unknown_severities: bool,
}

impl Policy {
    /// Whether the policy acts on pushes. [`crate::decide`] does not look at it, so that a draft can be tried.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// All must be satisfied; none is a policy that allows everything.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The criteria of all conditions, those in groups included, in the order they were written.
    pub fn criteria(&self) -> Vec<&Criterion> {
        let mut criteria = Vec::new();
        self.conditions.iter().for_each(|one| one.criteria(&mut criteria));
        criteria
    }

    pub fn target_repository(&self) -> &str {
        &self.target_repository
    }

    pub fn tag_template(&self) -> &TagTemplate {
        &self.tag_template
    }

    pub fn ignores_unknown_severities(&self) -> bool {
        self.ignore_unknown_severities
    }

    /// Whether a decision has to wait for a scan.
    pub fn needs_scan(&self) -> bool {
        self.criteria().iter().any(|criterion| criterion.field().needs_scan())
    }

    /// Whether a rule asks for this part of the evidence.
    pub fn needs(&self, need: Need) -> bool {
        self.criteria().iter().any(|criterion| criterion.field().need() == need)
    }

    /// Whether time alone can change what the policy says.
    pub fn uses_clock(&self) -> bool {
        self.criteria().iter().any(|criterion| criterion.field().uses_clock())
    }

    /// The one text of this policy.
    pub fn canonical(&self) -> Vec<u8> {
        canonical::to_vec(self)
    }

    /// `sha256:<hex>` over the canonical text.
    pub fn digest(&self) -> String {
        canonical::digest(self)
    }
}

impl TryFrom<PolicyForm> for Policy {
    type Error = PolicyError;

    fn try_from(form: PolicyForm) -> Result<Policy, PolicyError> {
        if !is_repository(&form.target_repository) {
            return Err(PolicyError::Target { given: PolicyError::shortened(&form.target_repository) });
        }
        Ok(Policy {
            enabled: form.enabled,
            conditions: group::understand(form.rules)?,
            tag_template: form.tag_template.parse()?,
            target_repository: form.target_repository,
            ignore_unknown_severities: form.ignore_unknown_severities,
        })
    }
}

impl From<Policy> for PolicyForm {
    fn from(policy: Policy) -> PolicyForm {
        PolicyForm {
            enabled: policy.enabled,
            rules: policy.conditions.iter().map(Condition::form).collect(),
            target_repository: policy.target_repository,
            tag_template: policy.tag_template.to_string(),
            ignore_unknown_severities: policy.ignore_unknown_severities,
        }
    }
}

/// The rough form only; whether the repository may exist is for the registry's own type to say.
fn is_repository(text: &str) -> bool {
    let part = |part: &str| {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
        part.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) && part.bytes().all(allowed)
    };
    text.len() <= limits::REPOSITORY_NAME_BYTES && text.contains('/') && text.split('/').all(part)
}
