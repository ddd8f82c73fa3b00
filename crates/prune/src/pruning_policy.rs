//! The noun: a pruning policy of a repository.

use base::{Id, Timestamp};
use oci::RepoName;
use policy::{Policy, PolicyForm, RuleForm};

use crate::Error;

/// A policy that deletes tags of one repository.
#[derive(Clone, Debug)]
pub struct PruningPolicy {
    pub id: Id<PruningPolicy>,
    pub repository: RepoName,
    /// Its target is the repository itself: pruning copies nothing.
    pub policy: Policy,
    /// Whether also tags go that came by a promotion.
    pub promoted_too: bool,
    /// Only tags that were set from then on ("Prune future tags"); `None` is all of them.
    pub since: Option<Timestamp>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub last_pruned_at: Option<Timestamp>,
}

/// What can be said of a policy; `None` leaves it, or takes what is usual in a new one.
#[derive(Clone, Debug, Default)]
pub struct PruningForm {
    pub enabled: Option<bool>,
    pub rules: Option<Vec<RuleForm>>,
    pub ignore_unknown_severities: Option<bool>,
    pub promoted_too: Option<bool>,
}

impl PruningPolicy {
    pub(crate) fn state_key(&self) -> String {
        format!("prune/policy/{}", self.id)
    }

    /// The value under [`PruningPolicy::state_key`] in the audit log.
    pub(crate) fn state(&self) -> String {
        let enabled = if self.policy.enabled() { "enabled" } else { "disabled" };
        let promoted = if self.promoted_too { " promoted" } else { "" };
        let since = self.since.map(|at| format!(" since {at}")).unwrap_or_default();
        format!("{} {} {enabled}{promoted}{since}", self.repository, self.policy.digest())
    }

    pub(crate) fn subject(&self) -> String {
        format!("policy/{}", self.id)
    }

    pub(crate) fn changed(mut self, form: PruningForm) -> Result<PruningPolicy, Error> {
        let before = PolicyForm::from(self.policy);
        let whole = PruningForm {
            enabled: form.enabled.or(Some(before.enabled)),
            rules: form.rules.or(Some(before.rules)),
            ignore_unknown_severities: form.ignore_unknown_severities.or(Some(before.ignore_unknown_severities)),
            promoted_too: None,
        };
        self.policy = whole.understood(&self.repository)?;
        self.promoted_too = form.promoted_too.unwrap_or(self.promoted_too);
        Ok(self)
    }
}

impl PruningForm {
    /// The policy of a form, in which every rule was understood and there is one.
    pub(crate) fn understood(self, repository: &RepoName) -> Result<Policy, Error> {
        let rules = self.rules.unwrap_or_default();
        if rules.is_empty() {
            let why = "a pruning policy without rules would delete every tag; give one rule at least (rules: [{field, operator, values}])";
            return Err(Error::Policy(why.to_owned()));
        }
        let form = PolicyForm {
            enabled: self.enabled.unwrap_or(true),
            rules,
            target_repository: repository.to_string(),
            tag_template: "%n".to_owned(),
            ignore_unknown_severities: self.ignore_unknown_severities.unwrap_or(false),
        };
        Ok(form.try_into()?)
    }
}
