//! Sentences for a person: what was found, and what the policy asks for.

use std::fmt::Display;

use base::Timestamp;

use crate::{Counts, Evidence, Field, Need, Operator, Outcome, PolicyError, Reason, outcome::Range};

const NONE_WANTED: &str = "; the policy wants none of these";

/// `tag "dev" does not begin with "v"`
pub(crate) fn text(noun: &str, text: &str, operator: Operator, values: &[String], outcome: Outcome) -> String {
    let satisfied = outcome == Outcome::Satisfied;
    let wish = if operator == Operator::NotOneOf && !satisfied { NONE_WANTED } else { "" };
    format!("{noun} {} {}{wish}", quoted(text), relation(operator, satisfied, values))
}

/// `component "openssl 3.0.1" (and 2 more) contains "ssl"`, `none of the 120 components contains "ssl"`. `hits` are the
/// names that are (or contain, …) one of the values, also where the policy wants none.
pub(crate) fn names(noun: &str, total: usize, hits: &[&str], operator: Operator, values: &[String]) -> String {
    let none_wanted = operator == Operator::NotOneOf;
    let is_hit = if none_wanted { Operator::OneOf } else { operator };
    let unlike = relation(is_hit, false, values);
    let relation = relation(is_hit, true, values);
    let found = match (hits, total) {
        ([], 0) => format!("no {noun} was found in the image, so that none {relation}"),
        ([], 1) => format!("the only {noun} {unlike}"),
        ([], total) => format!("none of the {total} {noun}s {relation}"),
        ([one], _) => format!("{noun} {} {relation}", quoted(one)),
        ([one, more @ ..], _) => format!("{noun} {} (and {} more) {relation}", quoted(one), more.len()),
    };
    let wish = match (hits.is_empty(), none_wanted) {
        (true, false) => "; the policy asks for at least one",
        (false, true) => NONE_WANTED,
        _ => "",
    };
    format!("{found}{wish}")
}

/// `none of the 2 licenses is one of "GPL-3.0-only", but 3 components have no known license`
pub(crate) fn unlicensed(count: u64, found: &str) -> String {
    let have = if count == 1 { "component has" } else { "components have" };
    format!("{}, but {count} {have} no known license", found.split("; ").next().unwrap_or(found))
}

/// `the components of the image are not known: the image was not scanned`
pub(crate) fn names_unknown(noun: &str, evidence: &Evidence) -> String {
    format!("the {noun}s of the image are not known: {}", why_missing(evidence))
}

/// `2 critical vulnerabilities were found; the policy asks for at most 0`
pub(crate) fn count(field: Field, operator: Operator, bound: u64, counts: &Counts, range: Range) -> String {
    let Range { low, high } = range;
    let class = class(field);
    let mut out = match (low, high) {
        (1, 1) => format!("1 {class}vulnerability was found"),
        (low, high) if low == high => format!("{low} {class}vulnerabilities were found"),
        (low, high) => format!(
            "{low} {class}vulnerabilities were found and {} whose severity is unknown, so that there may be up to {high}",
            counts.unknown
        ),
    };
    if field == Field::VulnerabilityAll && low > 0 {
        let Counts { critical, major, minor, unknown, .. } = counts;
        out.push_str(&format!(" ({critical} critical, {major} major, {minor} minor, {unknown} of unknown severity)"));
    }
    if field != Field::VulnerabilityAll && low == high && counts.unknown > 0 {
        out.push_str(&format!(", without the {} of unknown severity", counts.unknown));
    }
    if counts.waived > 0 {
        out.push_str(&format!(", without the {} waived", counts.waived));
    }
    format!("{out}; the policy asks for {}", wanted(operator, bound))
}

/// `the number of critical vulnerabilities is not known: the image was not scanned; the policy asks for at most 0`
pub(crate) fn count_unknown(field: Field, operator: Operator, bound: u64, evidence: &Evidence) -> String {
    let (class, why, wanted) = (class(field), why_missing(evidence), wanted(operator, bound));
    format!("the number of {class}vulnerabilities is not known: {why}; the policy asks for {wanted}")
}

/// `the tag was last updated at …, which is not before … (72h before the decision)`
pub(crate) fn time(
    what: &str,
    at: Timestamp,
    cutoff: Timestamp,
    ago: Option<&str>,
    before: bool,
    outcome: Outcome,
) -> String {
    let not = if outcome == Outcome::Satisfied { "" } else { "not " };
    let side = if before { "before" } else { "after" };
    let ago = ago.map(|ago| format!(" ({} before the decision)", PolicyError::shortened(ago))).unwrap_or_default();
    format!("{what} at {at}, which is {not}{side} {cutoff}{ago}")
}

/// `the secrets of the image are not known: the image was not scanned`; `what` ends with its verb.
pub(crate) fn not_told(what: &str, need: Need, evidence: &Evidence) -> String {
    let why = match need {
        Need::Scan | Need::Findings if evidence.missing.is_some() || evidence.counts.is_none() => why_missing(evidence),
        Need::Scan => "the scan does not tell".to_owned(),
        Need::Findings => "the advisories that the image was held against do not tell".to_owned(),
        Need::Configuration => "the configuration of an image cannot be read".to_owned(),
        Need::Tag | Need::Push | Need::Signatures => "the evidence does not tell".to_owned(),
    };
    format!("{what} not known: {why}")
}

/// `3`, `3 to 5`, `12.5 %`
pub(crate) fn range(range: Range, as_percent: bool) -> String {
    let Range { low, high } = range;
    match (as_percent, low == high) {
        (false, true) => low.to_string(),
        (false, false) => format!("{low} to {high}, as the severity of some is unknown"),
        (true, true) => percent(low),
        (true, false) => format!("{} or more, as some have no score", percent(low)),
    }
}

/// `12.5 %` of 12,500 thousandths.
pub(crate) fn percent(thousandths: u64) -> String {
    let fraction = format!(".{:03}", thousandths % 1_000);
    format!("{}{} %", thousandths / 1_000, fraction.trim_end_matches('0').trim_end_matches('.'))
}

/// `one of 3 rules is enough: tag "dev" begins with "d"`
pub(crate) fn any(outcome: Outcome, members: &[Reason]) -> String {
    match (outcome, members) {
        (_, [one]) => one.sentence.clone(),
        (Outcome::Satisfied, _) => {
            format!("one of {} rules is enough, and {}", members.len(), first(members, Outcome::Satisfied))
        }
        (Outcome::Unsatisfied, _) => format!("none of {} rules holds: {}", members.len(), listed(members)),
        (Outcome::Unknown, _) => {
            format!("no rule of {} is known to hold: {}", members.len(), first(members, Outcome::Unknown))
        }
    }
}

/// `not all of 3 rules hold: tag "dev" does not begin with "v"`
pub(crate) fn all(outcome: Outcome, members: &[Reason]) -> String {
    match (outcome, members) {
        (_, [one]) => one.sentence.clone(),
        (Outcome::Satisfied, _) => format!("all of {} rules hold: {}", members.len(), listed(members)),
        (Outcome::Unsatisfied, _) => {
            format!("not all of {} rules hold: {}", members.len(), first(members, Outcome::Unsatisfied))
        }
        (Outcome::Unknown, _) => {
            format!("not all of {} rules are known to hold: {}", members.len(), first(members, Outcome::Unknown))
        }
    }
}

/// `the rule that must not hold does: tag "dev" begins with "d"`
pub(crate) fn not(outcome: Outcome, member: &Reason) -> String {
    let said = match outcome {
        Outcome::Satisfied => "the rule that must not hold does not",
        Outcome::Unsatisfied => "the rule that must not hold does",
        Outcome::Unknown => "whether the rule that must not hold does is not known",
    };
    cut(format!("{said}: {}", member.sentence))
}

/// What the first of them that came out so says.
fn first(members: &[Reason], outcome: Outcome) -> String {
    cut(members.iter().find(|one| one.outcome == outcome).map_or_else(String::new, |one| one.sentence.clone()))
}

/// What the first of them say.
fn listed(members: &[Reason]) -> String {
    let shown: Vec<&str> = members.iter().take(3).map(|one| one.sentence.as_str()).collect();
    let more = members.len().saturating_sub(3);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    cut(format!("{}{more}", shown.join("; ")))
}

/// A sentence of sentences stays one that somebody reads; what is cut stands with the members.
fn cut(text: String) -> String {
    const LONGEST: usize = 600;
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// `2 of the 9 license expressions cannot be met with "MIT": "GPL-2.0-only", "AGPL-3.0-only"`
pub(crate) fn expressions(total: usize, odd: &[&str], none_wanted: bool, values: &[String]) -> String {
    let listed: Vec<String> = values.iter().take(5).map(|value| quoted(value)).collect();
    let more = values.len().saturating_sub(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let listed = format!("{}{more}", listed.join(", "));
    let (can, need) = match none_wanted {
        true => ("without", "cannot be met without"),
        false => ("with", "cannot be met with"),
    };
    if odd.is_empty() {
        let all =
            if total == 1 { "the license expression".to_owned() } else { format!("all {total} license expressions") };
        return format!("{all} can be met {can} {listed}");
    }
    let shown: Vec<String> = odd.iter().take(5).map(|text| quoted(text)).collect();
    format!("{} of the {total} license expressions {need} {listed}: {}", odd.len(), shown.join(", "))
}

/// `the base image "library/debian:12" begins with "library/"`
pub(crate) fn base(name: &str, operator: Operator, values: &[String], outcome: Outcome) -> String {
    let satisfied = outcome == Outcome::Satisfied;
    let wish = if operator == Operator::NotOneOf && !satisfied { NONE_WANTED } else { "" };
    format!("the base image {} {}{wish}", quoted(name), relation(operator, satisfied, values))
}

/// `debian 12 gets security updates until …, which is not after … (720h after the decision)`
pub(crate) fn end(
    name: &str,
    end: Timestamp,
    cutoff: Timestamp,
    ahead: Option<&str>,
    before: bool,
    outcome: Outcome,
) -> String {
    let not = if outcome == Outcome::Satisfied { "" } else { "not " };
    let side = if before { "before" } else { "after" };
    let ahead =
        ahead.map(|ahead| format!(" ({} after the decision)", PolicyError::shortened(ahead))).unwrap_or_default();
    format!("{} gets security updates until {end}, which is {not}{side} {cutoff}{ahead}", PolicyError::shortened(name))
}

fn why_missing(evidence: &Evidence) -> String {
    evidence.missing.as_deref().map_or_else(|| "the image was not scanned".to_owned(), PolicyError::shortened_reason)
}

fn class(field: Field) -> &'static str {
    match field {
        Field::VulnerabilityCritical => "critical ",
        Field::VulnerabilityMajor => "major ",
        Field::VulnerabilityMinor => "minor ",
        _ => "",
    }
}

pub(crate) fn wanted(operator: Operator, bound: impl Display) -> String {
    let words = match operator {
        Operator::Less => "fewer than",
        Operator::LessOrEqual => "at most",
        Operator::Greater => "more than",
        Operator::GreaterOrEqual => "at least",
        Operator::NotEqual => "any number but",
        _ => "exactly",
    };
    format!("{words} {bound}")
}

fn relation(operator: Operator, satisfied: bool, values: &[String]) -> String {
    let verb = match (operator, satisfied) {
        (Operator::StartsWith, true) => "begins with",
        (Operator::StartsWith, false) => "does not begin with",
        (Operator::EndsWith, true) => "ends with",
        (Operator::EndsWith, false) => "does not end with",
        (Operator::Contains, true) => "contains",
        (Operator::Contains, false) => "does not contain",
        (Operator::Matches, true) => "matches",
        (Operator::Matches, false) => "does not match",
        (Operator::OneOf, true) | (Operator::NotOneOf, false) => "is one of",
        (Operator::OneOf, false) | (Operator::NotOneOf, true) => "is none of",
        (_, true) => "is",
        (_, false) => "is not",
    };
    let shown: Vec<String> = values.iter().take(5).map(|value| quoted(value)).collect();
    let more = values.len().saturating_sub(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{verb} {}{more}", shown.join(", "))
}

/// In quotes, with what cannot be seen made visible. Backslashes stay single, for a pattern is read as it was written.
fn quoted(text: &str) -> String {
    let shown = PolicyError::shortened(text);
    let escaped = shown.chars().map(|letter| match letter {
        '\\' | '"' | '\'' => letter.to_string(),
        _ => letter.escape_debug().to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
