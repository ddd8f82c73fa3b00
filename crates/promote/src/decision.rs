//! The nouns: a decision that was made, what followed from it, and a promotion.

use std::{fmt, str};

use base::{Id, Timestamp};
use oci::{Digest, RepoName, Tag};
use policy::Decision;

use crate::PromotionPolicy;

/// A decision with what it was about. Its two documents are kept by digest.
#[derive(Clone, Debug)]
pub struct DecisionRecord {
    pub id: Id<DecisionRecord>,
    pub policy: Id<PromotionPolicy>,
    pub repository: RepoName,
    pub tag: Tag,
    pub digest: Digest,
    pub decision: Decision,
    pub decided_at: Timestamp,
    /// What was done about it.
    pub effect: Effect,
    /// The audit entry.
    pub entry: String,
    /// What the decision was made from, without the clock: the same inputs are not decided again.
    pub(crate) inputs: String,
}

/// What followed from a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it was not allowed.
    None,
    Promoted,
    /// A later image of the same source has the target's tag already; the reason says which.
    Superseded(String),
    /// The target refused it, for this reason; it is tried again when the policy is applied again.
    Refused(String),
    /// It was not allowed, and an earlier decision of the policy had promoted the image: it stays where the reason says.
    Lapsed(String),
}

/// An image that was copied to a tag because a policy or a person said so.
#[derive(Clone, Debug)]
pub struct Promotion {
    pub id: Id<Promotion>,
    /// `None` when a person asked for it.
    pub policy: Option<Id<PromotionPolicy>>,
    pub policy_digest: Option<String>,
    pub decision: Option<Id<DecisionRecord>>,
    pub source: RepoName,
    pub source_tag: Tag,
    pub target: RepoName,
    pub target_tag: Tag,
    pub digest: Digest,
    /// When the source's tag was pushed: what was pushed later wins.
    pub source_pushed_at: Timestamp,
    pub promoted_at: Timestamp,
    pub promoted_by: String,
}

impl DecisionRecord {
    pub(crate) fn state_key(&self) -> String {
        format!("promote/decision/{}", self.id)
    }

    /// The value under [`DecisionRecord::state_key`] in the audit log.
    pub(crate) fn state(&self) -> String {
        format!("{}@{} {} {}", self.repository, self.digest, self.decision.verdict.as_str(), self.decision.digest())
    }
}

impl Effect {
    /// Two columns: the word and the reason.
    pub(crate) fn columns(&self) -> (&'static str, Option<&str>) {
        match self {
            Effect::None => ("none", None),
            Effect::Promoted => ("promoted", None),
            Effect::Superseded(reason) => ("superseded", Some(reason)),
            Effect::Refused(reason) => ("refused", Some(reason)),
            Effect::Lapsed(reason) => ("lapsed", Some(reason)),
        }
    }

    pub(crate) fn of_columns(word: &str, reason: Option<String>) -> Result<Effect, db::Error> {
        match (word, reason) {
            ("none", None) => Ok(Effect::None),
            ("promoted", None) => Ok(Effect::Promoted),
            ("superseded", Some(reason)) => Ok(Effect::Superseded(reason)),
            ("refused", Some(reason)) => Ok(Effect::Refused(reason)),
            ("lapsed", Some(reason)) => Ok(Effect::Lapsed(reason)),
            (other, _) => Err(db::Error::Corrupt(format!("{other:?} is no effect of a decision"))),
        }
    }

    pub fn reason(&self) -> Option<&str> {
        self.columns().1
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.columns().0)
    }
}

/// A verdict as a column holds it.
pub(crate) struct StoredVerdict(pub(crate) policy::Verdict);

impl str::FromStr for StoredVerdict {
    type Err = String;

    fn from_str(text: &str) -> Result<StoredVerdict, String> {
        use policy::Verdict::{Allowed, Refused, Unknown};
        let found = [Allowed, Refused, Unknown].into_iter().find(|verdict| verdict.as_str() == text);
        found.map(StoredVerdict).ok_or_else(|| format!("{text:?} is no verdict"))
    }
}
