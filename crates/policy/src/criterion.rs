//! One rule, understood: what is compared with what.

mod image;
mod origin;

use base::{Timestamp, limits};
use jiff::SignedDuration;
use regex::bytes::{Regex, RegexBuilder};

use crate::{
    Counts, Evidence, Field, Operator, Outcome, PolicyError, Rule, ValueKind, duration, outcome::Range, sentence,
};

/// A rule whose field, operator and values go together. The rule as it was written stays with it.
#[derive(Clone, Debug)]
pub struct Criterion {
    rule: Rule,
    field: Field,
    operator: Operator,
    operand: Operand,
}

/// What the evidence is compared with.
#[derive(Clone, Debug)]
enum Operand {
    Texts(Vec<String>),
    /// Classes such as `\w` mean ASCII, as they do in the Go expressions of the reference.
    Pattern(Regex),
    /// Of a percentage, its thousandths.
    Number(u64),
    Moment(Timestamp),
    /// Before the moment of the decision; for what is to come, after it.
    Ago(SignedDuration),
}

impl Criterion {
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    pub fn field(&self) -> Field {
        self.field
    }

    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// Hold the evidence against the criterion: what came of it, and a sentence for a person. With
    /// `ignore_unknown_severities` a finding without a severity counts in `vulnerability_all` only.
    pub fn test(&self, evidence: &Evidence, ignore_unknown_severities: bool) -> (Outcome, String) {
        match self.field {
            Field::Tag => self.test_text("tag", &evidence.tag),
            Field::ComponentName => {
                let components = evidence.components.as_ref();
                let names = components.map(|list| {
                    list.iter().map(|item| (item.name.as_str(), format!("{} {}", item.name, item.version))).collect()
                });
                self.test_set("component", names, evidence)
            }
            Field::LicenseName => {
                let licenses = evidence.licenses.as_ref();
                let names = licenses.map(|list| list.iter().map(|item| (item.as_str(), item.clone())).collect());
                self.test_set("license", names, evidence)
            }
            Field::UpdatedAt | Field::UpdatedAtDuration => self.test_time(evidence),
            Field::SecretKind => self.test_kinds("secret", evidence.secrets.as_ref(), evidence),
            Field::Fact => self.test_kinds("fact", evidence.facts.as_ref(), evidence),
            Field::LicenseExpression => self.test_expressions(evidence),
            Field::BaseName => self.test_bases(evidence),
            Field::EndOfLife | Field::EndOfLifeDuration => self.test_end(evidence),
            Field::Label => self.test_labels(evidence),
            Field::CreatedAt | Field::CreatedAtDuration => self.test_created(evidence),
            Field::SignatureSigner => self.test_signers(evidence),
            Field::PushedBy | Field::ProvenanceProject | Field::ProvenanceRef => self.test_origin(evidence),
            Field::VulnerabilityAll
            | Field::VulnerabilityCritical
            | Field::VulnerabilityMajor
            | Field::VulnerabilityMinor => self.test_count(evidence, ignore_unknown_severities),
            Field::SecretAll
            | Field::SetuidFiles
            | Field::ConfidenceLowest
            | Field::WaivedAll
            | Field::WaivedCritical
            | Field::WaivedMajor
            | Field::WaivedMinor
            | Field::VulnerabilityFixable
            | Field::KevAll
            | Field::EpssHighest
            | Field::SignatureCount => self.test_number(evidence, ignore_unknown_severities),
        }
    }

    fn test_text(&self, noun: &str, text: &str) -> (Outcome, String) {
        let outcome = Outcome::of(self.accepts(text) != (self.operator == Operator::NotOneOf));
        (outcome, sentence::text(noun, text, self.operator, &self.rule.values, outcome))
    }

    /// A list of names satisfies a criterion when one of them does; `noo` when none is in the list of values. A component
    /// whose license is not known may have any.
    fn test_set(&self, noun: &str, names: Option<Vec<(&str, String)>>, evidence: &Evidence) -> (Outcome, String) {
        let Some(names) = names else { return (Outcome::Unknown, sentence::names_unknown(noun, evidence)) };
        let hits: Vec<&str> =
            names.iter().filter(|(name, _)| self.accepts(name)).map(|(_, shown)| shown.as_str()).collect();
        let found = sentence::names(noun, names.len(), &hits, self.operator, &self.rule.values);
        if self.field == Field::LicenseName && hits.is_empty() && evidence.unlicensed > 0 {
            return (Outcome::Unknown, sentence::unlicensed(evidence.unlicensed, &found));
        }
        (Outcome::of(hits.is_empty() == (self.operator == Operator::NotOneOf)), found)
    }

    fn test_count(&self, evidence: &Evidence, ignore_unknown: bool) -> (Outcome, String) {
        let Operand::Number(bound) = self.operand else { unreachable!("counts are compared with numbers only") };
        let Some(counts) = &evidence.counts else {
            return (Outcome::Unknown, sentence::count_unknown(self.field, self.operator, bound, evidence));
        };
        let range = self.range(counts, ignore_unknown);
        (range.test(self.operator, bound), sentence::count(self.field, self.operator, bound, counts, range))
    }

    fn range(&self, counts: &Counts, ignore_unknown: bool) -> Range {
        let low = match self.field {
            Field::VulnerabilityCritical => counts.critical,
            Field::VulnerabilityMajor => counts.major,
            Field::VulnerabilityMinor => counts.minor,
            _ => return Range { low: counts.all(), high: counts.all() },
        };
        Range { low, high: if ignore_unknown { low } else { low.saturating_add(counts.unknown) } }
    }

    fn test_time(&self, evidence: &Evidence) -> (Outcome, String) {
        let (cutoff, ago) = self.cutoff(evidence.now);
        let Some(updated_at) = evidence.updated_at else {
            return (Outcome::Unknown, "when the tag was last updated is not known".to_owned());
        };
        let before = self.operator == Operator::Before;
        let outcome = Outcome::of(if before { updated_at < cutoff } else { updated_at > cutoff });
        (outcome, sentence::time("the tag was last updated", updated_at, cutoff, ago, before, outcome))
    }

    /// The moment that a past one is compared with; for a duration also how it was written.
    fn cutoff(&self, now: Timestamp) -> (Timestamp, Option<&str>) {
        match &self.operand {
            Operand::Moment(moment) => (*moment, None),
            Operand::Ago(ago) => (now.checked_sub(*ago).unwrap_or(Timestamp::MIN), Some(self.rule.values[0].as_str())),
            _ => unreachable!("times are compared with times only"),
        }
    }

    /// Whether one text is equal to, begins with, … (one of) the values; for `noo`, whether it is among them.
    fn accepts(&self, text: &str) -> bool {
        let values = match &self.operand {
            Operand::Texts(values) => values,
            Operand::Pattern(pattern) => return pattern.is_match(text.as_bytes()),
            _ => return false,
        };
        values.iter().any(|value| match self.operator {
            Operator::StartsWith => text.starts_with(value),
            Operator::EndsWith => text.ends_with(value),
            Operator::Contains => text.contains(value),
            _ => text == value,
        })
    }
}

impl TryFrom<Rule> for Criterion {
    type Error = PolicyError;

    fn try_from(rule: Rule) -> Result<Criterion, PolicyError> {
        let field = rule.parsed_field()?;
        let operator = rule.parsed_operator(field)?;
        let refused = |expected: &str| PolicyError::Value {
            field: field.as_str(),
            operator: operator.as_str(),
            given: rule.shown_values(),
            expected: expected.to_owned(),
        };
        if rule.values.is_empty() || rule.values.len() > limits::POLICY_RULE_VALUES {
            return Err(refused(&format!("1 to {} values", limits::POLICY_RULE_VALUES)));
        }
        if rule.values.iter().any(|value| value.is_empty() || value.len() > limits::POLICY_VALUE_BYTES) {
            return Err(refused(&format!("values of 1 to {} bytes", limits::POLICY_VALUE_BYTES)));
        }
        let operand = match (operator, rule.values.as_slice()) {
            (Operator::OneOf | Operator::NotOneOf, values) => Operand::Texts(values.to_vec()),
            (_, [value]) => Operand::parse(field, operator, value).map_err(|expected| refused(&expected))?,
            _ => return Err(refused("exactly one value")),
        };
        Ok(Criterion { rule, field, operator, operand })
    }
}

/// Two criteria are the same when they were written the same.
impl PartialEq for Criterion {
    fn eq(&self, other: &Criterion) -> bool {
        self.rule == other.rule
    }
}

impl Eq for Criterion {}

impl Operand {
    /// The error is what was expected.
    fn parse(field: Field, operator: Operator, value: &str) -> Result<Operand, String> {
        match field.value_kind() {
            _ if operator == Operator::Matches => pattern(value).map(Operand::Pattern),
            ValueKind::Text | ValueKind::List => Ok(Operand::Texts(vec![value.to_owned()])),
            ValueKind::Time => {
                let moment = value.parse().map(Operand::Moment);
                moment.map_err(|_| "a point in time as in RFC 3339, such as 2026-11-21T00:00:00Z".to_owned())
            }
            ValueKind::Duration => {
                let expected = "a duration in Go's units, such as 72h or 1h30m (7 days are 168h)";
                duration::parse(value).map(Operand::Ago).ok_or_else(|| expected.to_owned())
            }
            ValueKind::Number => whole(value).map(Operand::Number).ok_or_else(|| "a whole number such as 0".to_owned()),
            ValueKind::Percent => {
                let expected = "a percentage from 0 to 100 such as 10 or 0.5, with up to three digits after the point";
                thousandths(value).map(Operand::Number).ok_or_else(|| expected.to_owned())
            }
        }
    }
}

fn whole(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A percentage in thousandths.
fn thousandths(text: &str) -> Option<u64> {
    let (percent, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 3)?;
    let all = whole(percent)?.checked_mul(1_000)?.checked_add(whole(fraction)? * 10_u64.pow(3 - digits))?;
    Some(all).filter(|all| *all <= 100_000)
}

fn pattern(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text)
        .unicode(false)
        .size_limit(limits::POLICY_PATTERN_BYTES)
        .dfa_size_limit(limits::POLICY_PATTERN_BYTES)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("a regular expression that compiles to at most {limit} bytes; write smaller repetitions")
        }
        // The library draws the place over several lines; its last line is the reason.
        error => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("a regular expression: {reason}")
        }
    })
}

#[cfg(test)]
mod tests;
