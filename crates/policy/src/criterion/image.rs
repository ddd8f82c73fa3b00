//! Criteria of what is in an image beside its vulnerabilities: secrets, facts, licenses, its base, its distribution.

use std::collections::BTreeMap;

use base::Timestamp;

use super::{Criterion, Operand};
use crate::{Evidence, Field, Operator, Outcome, expression, outcome::Range, sentence};

impl Criterion {
    /// Kinds with their numbers satisfy a criterion when one of them does; `noo` when none is in the list of values.
    pub(super) fn test_kinds(
        &self,
        noun: &str,
        kinds: Option<&BTreeMap<String, u64>>,
        evidence: &Evidence,
    ) -> (Outcome, String) {
        let Some(kinds) = kinds else {
            return (Outcome::Unknown, sentence::not_told(&format!("the {noun}s of the image are"), evidence));
        };
        let hits: Vec<&str> = kinds.keys().map(String::as_str).filter(|kind| self.accepts(kind)).collect();
        let found = sentence::names(noun, kinds.len(), &hits, self.operator, &self.rule.values);
        (Outcome::of(hits.is_empty() == (self.operator == Operator::NotOneOf)), found)
    }

    pub(super) fn test_number(&self, evidence: &Evidence) -> (Outcome, String) {
        let Operand::Number(bound) = self.operand else { unreachable!("numbers are compared with numbers only") };
        let sum = |kinds: &BTreeMap<String, u64>| kinds.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let (number, noun) = match self.field {
            Field::SecretAll => (evidence.secrets.as_ref().map(sum), "number of secrets"),
            Field::SetuidFiles => {
                let files = |facts: &BTreeMap<String, u64>| facts.get("setuid-files").copied().unwrap_or_default();
                (evidence.facts.as_ref().map(files), "number of setuid files")
            }
            _ => (evidence.lowest_confidence, "lowest confidence of a component in percent"),
        };
        let wanted = sentence::wanted(self.operator, bound);
        match number {
            Some(number) => {
                let outcome = Range { low: number, high: number }.test(self.operator, bound);
                (outcome, format!("the {noun} is {number}; the policy asks for {wanted}"))
            }
            None => {
                let why = sentence::not_told(&format!("the {noun} is"), evidence);
                (Outcome::Unknown, format!("{why}; the policy asks for {wanted}"))
            }
        }
    }

    /// `oo`: every component can be used under these licenses alone. `noo`: every component can be used without any of them. One side
    /// of an `OR` is enough for both.
    pub(super) fn test_expressions(&self, evidence: &Evidence) -> (Outcome, String) {
        let Some(all) = &evidence.license_expressions else {
            return (Outcome::Unknown, sentence::not_told("the licenses of the image are", evidence));
        };
        let none_wanted = self.operator == Operator::NotOneOf;
        let listed = |id: &str| self.rule.values.iter().any(|value| value.eq_ignore_ascii_case(id));
        let fits = |text: &&String| expression::allows(text, |id| listed(id) != none_wanted);
        let odd: Vec<&str> = all.iter().filter(|text| !fits(text)).map(String::as_str).collect();
        let found = sentence::expressions(all.len(), &odd, none_wanted, &self.rule.values);
        if odd.is_empty() && evidence.unexpressed > 0 {
            return (Outcome::Unknown, sentence::unlicensed(evidence.unexpressed, &found));
        }
        (Outcome::of(odd.is_empty()), found)
    }

    /// Every image must have a base that satisfies; for `noo` none may have one that is listed.
    pub(super) fn test_bases(&self, evidence: &Evidence) -> (Outcome, String) {
        let Some(images) = &evidence.bases else {
            return (Outcome::Unknown, sentence::not_told("the base image is", evidence));
        };
        let (none_wanted, values) = (self.operator == Operator::NotOneOf, &self.rule.values);
        let hit = |names: &[String]| names.iter().any(|name| self.accepts(name));
        let bad = images.iter().find(|names| !names.is_empty() && hit(names) == none_wanted);
        let outcome = match bad {
            Some(_) => Outcome::Unsatisfied,
            None if images.is_empty() || images.iter().any(Vec::is_empty) => {
                let said =
                    "no image of a public repository has the lowest layers of this one, so that its base is not known";
                return (Outcome::Unknown, said.to_owned());
            }
            None => Outcome::Satisfied,
        };
        let shown = bad.or(images.first()).and_then(|names| names.first()).map_or("", String::as_str);
        (outcome, sentence::base(shown, self.operator, values, outcome))
    }

    pub(super) fn test_end(&self, evidence: &Evidence) -> (Outcome, String) {
        let before = self.operator == Operator::Before;
        let Some(distribution) = &evidence.distribution else {
            return (Outcome::Unknown, sentence::not_told("the end of the distribution's updates is", evidence));
        };
        if distribution.name.is_empty() {
            return (Outcome::of(!before), "the image has no distribution whose updates could end".to_owned());
        }
        let Some(end) = distribution.end_of_life else {
            let said = format!("how long {} gets security updates is not known", distribution.name);
            return (Outcome::Unknown, said);
        };
        let (cutoff, ahead) = match &self.operand {
            Operand::Moment(moment) => (*moment, None),
            Operand::Ago(ahead) => {
                let cutoff = evidence.now.checked_add(*ahead).unwrap_or(Timestamp::MAX);
                (cutoff, Some(self.rule.values[0].as_str()))
            }
            _ => unreachable!("times are compared with times only"),
        };
        let outcome = Outcome::of(if before { end < cutoff } else { end > cutoff });
        (outcome, sentence::end(&distribution.name, end, cutoff, ahead, before, outcome))
    }
}
