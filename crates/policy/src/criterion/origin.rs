//! Criteria of where an image comes from: its labels, when it was made, who signed and who pushed it.

use base::limits;

use super::Criterion;
use crate::{Evidence, Field, Need, Operator, Outcome, Signature, sentence};

impl Criterion {
    /// `NAME=VALUE`: every image behind the tag must have a label that satisfies; for `noo` none may have one that is listed.
    pub(super) fn test_labels(&self, evidence: &Evidence) -> (Outcome, String) {
        let Some(images) = evidence.configurations.as_ref().filter(|images| !images.is_empty()) else {
            return (
                Outcome::Unknown,
                sentence::not_told("the labels of the image are", Need::Configuration, evidence),
            );
        };
        let none_wanted = self.operator == Operator::NotOneOf;
        let mut shown = None;
        for image in images {
            let labels: Vec<String> = image.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let hits: Vec<&str> = labels.iter().map(String::as_str).filter(|label| self.accepts(label)).collect();
            let found = sentence::names("label", labels.len(), &hits, self.operator, &self.rule.values);
            if hits.is_empty() != none_wanted {
                return (Outcome::Unsatisfied, found);
            }
            shown.get_or_insert(found);
        }
        (Outcome::Satisfied, shown.unwrap_or_default())
    }

    /// Every image behind the tag must have been made before, or after.
    pub(super) fn test_created(&self, evidence: &Evidence) -> (Outcome, String) {
        let Some(images) = evidence.configurations.as_ref().filter(|images| !images.is_empty()) else {
            let what = "when the image was made is";
            return (Outcome::Unknown, sentence::not_told(what, Need::Configuration, evidence));
        };
        let (cutoff, ago) = self.cutoff(evidence.now);
        let before = self.operator == Operator::Before;
        let latest = evidence.now.checked_add(limits::POLICY_CREATED_AHEAD).unwrap_or(base::Timestamp::MAX);
        let (mut worst, mut found) = (Outcome::Satisfied, String::new());
        for image in images {
            let (outcome, said) = match image.created_at {
                None => (Outcome::Unknown, "the configuration does not tell when the image was made".to_owned()),
                Some(at) if at > latest => {
                    (Outcome::Unknown, format!("the image says that it was made at {at}, after the decision"))
                }
                Some(at) => {
                    let outcome = Outcome::of(if before { at < cutoff } else { at > cutoff });
                    (outcome, sentence::time("the image was made", at, cutoff, ago, before, outcome))
                }
            };
            let next = Outcome::all([worst, outcome]);
            if found.is_empty() || next != worst {
                found = said;
            }
            worst = next;
        }
        (worst, found)
    }

    /// Accounts whose keys signed satisfy when one of them does; for `noo` when none is listed.
    pub(super) fn test_signers(&self, evidence: &Evidence) -> (Outcome, String) {
        let Some(signatures) = &evidence.signatures else {
            return (Outcome::Unknown, sentence::not_told("who signed the tag is", Need::Signatures, evidence));
        };
        let signatures: Vec<&Signature> = signatures.iter().filter(|one| one.is_content_trust()).collect();
        let mut accounts: Vec<&str> = signatures.iter().flat_map(|one| &one.accounts).map(String::as_str).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let hits: Vec<&str> = accounts.iter().copied().filter(|account| self.accepts(account)).collect();
        let outcome = Outcome::of(hits.is_empty() == (self.operator == Operator::NotOneOf));
        let found = match (signatures.is_empty(), accounts.is_empty()) {
            (true, _) => "the tag is not signed with this image".to_owned(),
            (false, true) => "the keys that signed the tag belong to no account".to_owned(),
            (false, false) => sentence::names("signer", accounts.len(), &hits, self.operator, &self.rule.values),
        };
        (outcome, found)
    }

    pub(super) fn test_origin(&self, evidence: &Evidence) -> (Outcome, String) {
        let provenance = evidence.provenance.as_ref();
        let (noun, text) = match self.field {
            Field::PushedBy => ("the pusher", evidence.pushed_by.as_ref()),
            Field::ProvenanceProject => ("the project", provenance.map(|provenance| &provenance.project)),
            _ => ("the branch or tag", provenance.map(|provenance| &provenance.reference)),
        };
        match text {
            Some(text) => self.test_text(noun, text),
            None if self.field == Field::PushedBy => {
                (Outcome::Unknown, sentence::not_told("who pushed the tag is", Need::Push, evidence))
            }
            None => (
                Outcome::Unknown,
                "no job of a pipeline pushed the image, so that what built it is not known".to_owned(),
            ),
        }
    }
}
