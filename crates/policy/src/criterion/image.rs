//! Criteria of what is in an image beside its vulnerabilities: secrets, facts, licenses, its base, its distribution.

use std::collections::BTreeMap;

use base::Timestamp;

use super::{Criterion, Operand};
use crate::{Epss, Evidence, Field, Need, Operator, Outcome, Signature, Waived, expression, outcome::Range, sentence};

impl Criterion {
    /// Kinds with their numbers satisfy a criterion when one of them does; `noo` when none is in the list of values.
    pub(super) fn test_kinds(
        &self,
        noun: &str,
        kinds: Option<&BTreeMap<String, u64>>,
        evidence: &Evidence,
    ) -> (Outcome, String) {
        let Some(kinds) = kinds else {
            return (
                Outcome::Unknown,
                sentence::not_told(&format!("the {noun}s of the image are"), Need::Scan, evidence),
            );
        };
        let hits: Vec<&str> = kinds.keys().map(String::as_str).filter(|kind| self.accepts(kind)).collect();
        let found = sentence::names(noun, kinds.len(), &hits, self.operator, &self.rule.values);
        (Outcome::of(hits.is_empty() == (self.operator == Operator::NotOneOf)), found)
    }

    /// A number that is known, or known to lie between two.
    pub(super) fn test_number(&self, evidence: &Evidence, ignore_unknown: bool) -> (Outcome, String) {
        let Operand::Number(bound) = self.operand else { unreachable!("numbers are compared with numbers only") };
        let (range, what) = self.number(evidence, ignore_unknown);
        let percent = self.field == Field::EpssHighest;
        let wanted = match percent {
            true => sentence::wanted(self.operator, sentence::percent(bound)),
            false => sentence::wanted(self.operator, bound),
        };
        let Some(range) = range else {
            let why = sentence::not_told(&format!("the {what} is"), self.field.need(), evidence);
            return (Outcome::Unknown, format!("{why}; the policy asks for {wanted}"));
        };
        let found = sentence::range(range, percent);
        (range.test(self.operator, bound), format!("the {what} is {found}; the policy asks for {wanted}"))
    }

    /// What the evidence says, and what it is called.
    fn number(&self, evidence: &Evidence, ignore_unknown: bool) -> (Option<Range>, &'static str) {
        let sum = |kinds: &BTreeMap<String, u64>| kinds.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let waived = |class: fn(&Waived) -> u64| {
            let range = |waived: &Waived| Range::above(class(waived), if ignore_unknown { 0 } else { waived.unknown });
            evidence.waived.as_ref().map(range)
        };
        let exact = |number: Option<u64>| number.map(|number| Range::above(number, 0));
        match self.field {
            Field::SecretAll => (exact(evidence.secrets.as_ref().map(sum)), "number of secrets"),
            Field::SetuidFiles => {
                let files = |facts: &BTreeMap<String, u64>| facts.get("setuid-files").copied().unwrap_or_default();
                (exact(evidence.facts.as_ref().map(files)), "number of setuid files")
            }
            Field::WaivedAll => (exact(evidence.waived.as_ref().map(Waived::all)), "number of waived findings"),
            Field::WaivedCritical => (waived(|waived| waived.critical), "number of waived critical findings"),
            Field::WaivedMajor => (waived(|waived| waived.major), "number of waived major findings"),
            Field::WaivedMinor => (waived(|waived| waived.minor), "number of waived minor findings"),
            Field::VulnerabilityFixable => (exact(evidence.fixable), "number of vulnerabilities with a fix"),
            Field::KevAll => (exact(evidence.exploited), "number of vulnerabilities known to be exploited"),
            Field::EpssHighest => {
                // What has no score may have any.
                let range = |epss: &Epss| Range {
                    low: epss.highest,
                    high: if epss.unscored > 0 { 100_000.max(epss.highest) } else { epss.highest },
                };
                (evidence.epss.as_ref().map(range), "highest chance of exploitation (EPSS)")
            }
            Field::SignatureCount => {
                let count = |list: &Vec<Signature>| list.iter().filter(|one| one.is_content_trust()).count() as u64;
                (exact(evidence.signatures.as_ref().map(count)), "number of signatures of the tag")
            }
            _ => (exact(evidence.lowest_confidence), "lowest confidence of a component in percent"),
        }
    }

    /// `oo`: every component can be used under these licenses alone. `noo`: every component can be used without any of them. One side
    /// of an `OR` is enough for both.
    pub(super) fn test_expressions(&self, evidence: &Evidence) -> (Outcome, String) {
        let Some(all) = &evidence.license_expressions else {
            return (Outcome::Unknown, sentence::not_told("the licenses of the image are", Need::Scan, evidence));
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
            return (Outcome::Unknown, sentence::not_told("the base image is", Need::Scan, evidence));
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
            return (
                Outcome::Unknown,
                sentence::not_told("the end of the distribution's updates is", Need::Scan, evidence),
            );
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
