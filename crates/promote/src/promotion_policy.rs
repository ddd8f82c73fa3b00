//! The noun: a policy of a source repository.

use base::{Id, Timestamp};
use oci::RepoName;
use policy::{Policy, PolicyForm, RuleForm};

use crate::Error;

/// A policy with where it stands: what is pushed to `source` and complies is copied to the policy's target.
#[derive(Clone, Debug)]
pub struct PromotionPolicy {
    pub id: Id<PromotionPolicy>,
    pub source: RepoName,
    pub target: RepoName,
    pub policy: Policy,
    /// The name of the account that wrote it.
    pub created_by: String,
    pub created_at: Timestamp,
    pub last_promoted_at: Option<Timestamp>,
}

/// What can be changed afterwards; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct PolicyChange {
    pub enabled: Option<bool>,
    pub rules: Option<Vec<RuleForm>>,
    pub target_repository: Option<String>,
    pub tag_template: Option<String>,
    pub ignore_unknown_severities: Option<bool>,
}

impl PromotionPolicy {
    pub(crate) fn state_key(&self) -> String {
        format!("promote/policy/{}", self.id)
    }

    /// The value under [`PromotionPolicy::state_key`] in the audit log.
    pub(crate) fn state(&self) -> String {
        let enabled = if self.policy.enabled() { "enabled" } else { "disabled" };
        format!("{} {} {enabled}", self.source, self.policy.digest())
    }

    pub(crate) fn subject(&self) -> String {
        format!("policy/{}", self.id)
    }

    /// Whether time alone can change what the policy says.
    pub(crate) fn uses_clock(&self) -> bool {
        self.policy.uses_clock()
    }

    pub(crate) fn changed(mut self, change: PolicyChange) -> Result<PromotionPolicy, Error> {
        let mut form = PolicyForm::from(self.policy);
        form.enabled = change.enabled.unwrap_or(form.enabled);
        form.rules = change.rules.unwrap_or(form.rules);
        form.target_repository = change.target_repository.unwrap_or(form.target_repository);
        form.tag_template = change.tag_template.unwrap_or(form.tag_template);
        form.ignore_unknown_severities = change.ignore_unknown_severities.unwrap_or(form.ignore_unknown_severities);
        (self.policy, self.target) = understood(form)?;
        Ok(self)
    }
}

/// The policy of a form, with its target.
pub(crate) fn understood(form: PolicyForm) -> Result<(Policy, RepoName), Error> {
    let policy = Policy::try_from(form)?;
    let target =
        policy.target_repository().parse().map_err(|error: base::InvalidName| Error::Policy(error.to_string()))?;
    Ok((policy, target))
}
