//! The policy: whether only signed images run, whose signatures count, and which guards ask.

use base::{AccountName, limits};
use serde::{Deserialize, Serialize};

use crate::{Error, TeamName};

/// "Run only signed images". Members stand in the order of their names, so that equal policies have equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub enabled: bool,
    /// The accounts of guards: they fetch the set and report verdicts.
    #[serde(default)]
    pub guards: Vec<AccountName>,
    /// Of each of these teams a member must have signed; with none, any signature does.
    #[serde(default)]
    pub teams: Vec<TeamName>,
}

impl Policy {
    /// In order, nothing twice, within the limits.
    pub(crate) fn checked(mut self) -> Result<Policy, Error> {
        self.guards.sort();
        self.guards.dedup();
        self.teams.sort();
        self.teams.dedup();
        if self.teams.len() > limits::ADMISSION_TEAMS || self.guards.len() > limits::ADMISSION_GUARDS {
            return Err(Error::Invalid(format!(
                "a policy has at most {} teams and {} guards",
                limits::ADMISSION_TEAMS,
                limits::ADMISSION_GUARDS
            )));
        }
        Ok(self)
    }

    /// As it is stored, and as the audit log guards it.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a policy has only text keys")
    }
}

#[cfg(test)]
mod tests {
    use super::Policy;

    #[test]
    fn one_policy_has_one_text() {
        let policy: Policy =
            serde_json::from_str(r#"{"enabled":true,"teams":["ci/b","ci/a","ci/b"],"guards":["y","x"]}"#).unwrap();
        let text = policy.checked().unwrap().to_text();
        assert_eq!(text, r#"{"enabled":true,"guards":["x","y"],"teams":["ci/a","ci/b"]}"#);
        assert!(serde_json::from_str::<Policy>(r#"{"enabled":true,"team":["ci/a"]}"#).is_err());
    }
}
