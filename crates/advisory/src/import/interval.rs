//! Requirements such as `>= 1.2, < 2`, and the versions that are left between the ones a record calls safe.

use std::cmp::Ordering;

use version::{Scheme, compare};

use crate::Range;

/// One end: a version, and whether it belongs to the span.
type End = Option<(String, bool)>;

/// The versions between two ends; open where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    low: End,
    high: End,
}

/// Read comparisons joined by commas or spaces: `>=`, `>`, `<=`, `<`, `=`, `^`, `~`, `~>`, and a bare version, which is
/// `bare`'s. None for an empty intersection is not told apart: it holds nothing and is harmless.
pub(super) fn requirement(scheme: Scheme, text: &str, bare: &str) -> Result<Span, String> {
    let mut span = Span::default();
    for part in comparisons(text) {
        let split = part.find(|letter: char| !"<>=^~!".contains(letter)).unwrap_or(part.len());
        let (operator, version) = (&part[..split], part[split..].trim().trim_start_matches('v'));
        if version.is_empty() {
            return Err(format!("{text:?} is no requirement: a version is missing"));
        }
        let version = version.to_owned();
        let operator = if operator.is_empty() { bare } else { operator };
        match operator {
            ">=" => span.rise(scheme, Some((version, true))),
            ">" => span.rise(scheme, Some((version, false))),
            "<=" => span.fall(scheme, Some((version, true))),
            "<" => span.fall(scheme, Some((version, false))),
            "=" | "==" => {
                span.rise(scheme, Some((version.clone(), true)));
                span.fall(scheme, Some((version, true)));
            }
            "^" | "~" | "~>" => {
                let above = above(operator, &version).ok_or_else(|| format!("{text:?} is no requirement"))?;
                span.rise(scheme, Some((version, true)));
                span.fall(scheme, Some((above, false)));
            }
            _ => return Err(format!("{text:?} is no requirement: {operator} is no comparison")),
        }
    }
    Ok(span)
}

/// What no span holds, as ranges from the lowest up.
pub(super) fn between(scheme: Scheme, mut safe: Vec<Span>) -> Vec<Range> {
    safe.retain(|span| !span.is_empty(scheme));
    safe.sort_by(|left, right| low_order(scheme, &left.low, &right.low));
    let mut gaps = Vec::new();
    // Where the unsafe versions go on; None when nothing is left above.
    let mut from: Option<End> = Some(None);
    for span in safe {
        let Some(start) = &from else { break };
        if let Some((version, included)) = &span.low {
            let gap = Span { low: start.clone(), high: Some((version.clone(), !included)) };
            if !gap.is_empty(scheme) {
                gaps.push(gap);
            }
        }
        let after = span.high.map(|(version, included)| (version, !included));
        from = match (after, start) {
            (None, _) => None,
            // The first span sets the start; a later one only moves it up.
            (Some(after), None) => Some(Some(after)),
            (Some(after), Some(before)) => {
                let higher = low_order(scheme, &Some(after.clone()), &Some(before.clone())) == Ordering::Greater;
                Some(Some(if higher { after } else { before.clone() }))
            }
        };
    }
    if let Some(start) = from {
        gaps.push(Span { low: start, high: None });
    }
    gaps.into_iter().map(|gap| gap.range(scheme)).collect()
}

impl Span {
    /// As a range; a start that does not belong to it becomes the least version after it.
    pub(super) fn range(self, scheme: Scheme) -> Range {
        let introduced = self.low.map(|(version, included)| if included { version } else { after(scheme, &version) });
        let introduced = introduced.filter(|version| version != "0");
        let (fixed, last_affected) = match self.high {
            Some((version, true)) => (None, Some(version)),
            Some((version, false)) => (Some(version), None),
            None => (None, None),
        };
        Range { fixed, introduced, last_affected }
    }

    fn rise(&mut self, scheme: Scheme, low: End) {
        if low_order(scheme, &low, &self.low) == Ordering::Greater {
            self.low = low;
        }
    }

    fn fall(&mut self, scheme: Scheme, high: End) {
        let lower = match (&high, &self.high) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some((new, included)), Some((old, _))) => match compare(scheme, new, old) {
                Ordering::Less => true,
                Ordering::Equal => !included,
                Ordering::Greater => false,
            },
        };
        if lower {
            self.high = high;
        }
    }

    fn is_empty(&self, scheme: Scheme) -> bool {
        let (Some((low, from)), Some((high, to))) = (&self.low, &self.high) else { return false };
        match compare(scheme, low, high) {
            Ordering::Less => false,
            Ordering::Equal => !(*from && *to),
            Ordering::Greater => true,
        }
    }
}

/// `>= 1.2 , < 2` and `>=1.2 <2`: an operator and its version may stand apart.
fn comparisons(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        let bare = |part: &String| part.bytes().all(|byte| b"<>=^~!".contains(&byte));
        match parts.last_mut().filter(|last| bare(last)) {
            Some(last) => last.push_str(word),
            None => parts.push(word.to_owned()),
        }
    }
    parts
}

/// None lies below everything.
fn low_order(scheme: Scheme, left: &End, right: &End) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some((left, with_left)), Some((right, with_right))) => {
            compare(scheme, left, right).then_with(|| with_right.cmp(with_left))
        }
    }
}

/// The first version that `^`, `~` or `~>` shuts out. Cargo's `^0.2.3` ends at 0.3, RubyGems' `~> 1.2.3` at 1.3.
fn above(operator: &str, version: &str) -> Option<String> {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = Vec::new();
    for part in release.split('.') {
        // Pre-releases and patch levels: `~> 3.0.0.rc1` and `~> 3.0.0p1` end where `~> 3.0.0` does.
        match part.parse::<u64>() {
            Ok(number) => numbers.push(number),
            Err(_) if operator == "~>" => {
                let digits = part.len() - part.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
                numbers.extend(part[..digits].parse::<u64>());
                break;
            }
            Err(_) => return None,
        }
    }
    let raised = match operator {
        "^" => numbers.iter().position(|number| *number > 0).unwrap_or(numbers.len().saturating_sub(1)),
        "~" => numbers.len().min(2).saturating_sub(1),
        _ => numbers.len().saturating_sub(2),
    };
    numbers.truncate(raised + 1);
    let last = numbers.last_mut()?;
    *last = last.checked_add(1)?;
    if operator != "~>" {
        numbers.resize(3, 0);
    }
    Some(numbers.iter().map(u64::to_string).collect::<Vec<_>>().join("."))
}

/// A version right above this one: nothing that anybody publishes lies between.
pub(super) fn after(scheme: Scheme, version: &str) -> String {
    match scheme {
        Scheme::Semver => {
            let version = version.split('+').next().unwrap_or_default();
            let numbers: Vec<&str> = version.split('.').collect();
            match numbers[..] {
                _ if version.contains('-') => format!("{version}.0"),
                [major, minor, patch] => match patch.parse::<u64>() {
                    Ok(patch) => format!("{major}.{minor}.{}-0", patch.saturating_add(1)),
                    Err(_) => version.to_owned(),
                },
                [major, minor] => format!("{major}.{minor}.1-0"),
                [major] => format!("{major}.0.1-0"),
                _ => version.to_owned(),
            }
        }
        Scheme::Composer if version.split('.').count() < 4 => {
            let missing = 3_usize.saturating_sub(version.split('.').count());
            format!("{version}{}.1", ".0".repeat(missing))
        }
        _ => format!("{version}.0.0.1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsafe_between(scheme: Scheme, safe: &[&str]) -> Vec<String> {
        let spans = safe.iter().map(|text| requirement(scheme, text, "^").unwrap()).collect();
        between(scheme, spans).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_not_safe_is_what_lies_between() {
        let semver = |safe| unsafe_between(Scheme::Semver, safe);
        assert_eq!(semver(&[]), ["all versions and has no fixed version"]);
        assert_eq!(semver(&[">= 1.2.3"]), ["all versions before 1.2.3"]);
        assert_eq!(
            semver(&["^0.2.3", ">= 1.0.0", "< 0.1.0"]),
            ["versions from 0.1.0 before 0.2.3", "versions from 0.3.0 before 1.0.0"]
        );
        assert_eq!(semver(&["> 1.0.0"]), ["all versions up to 1.0.0"]);
        assert_eq!(
            semver(&["<= 1.0.0", "=1.5.0"]),
            ["versions from 1.0.1-0 before 1.5.0", "versions from 1.5.1-0 and has no fixed version"]
        );
        assert_eq!(semver(&["< 2.0.0", ">= 1.0.0"]), Vec::<String>::new());
        let gem = |safe| unsafe_between(Scheme::Gem, safe);
        assert_eq!(
            gem(&["~> 5.2.4, >= 5.2.4.3", ">= 6.0.3.1", "< 4.0"]),
            ["versions from 4.0 before 5.2.4.3", "versions from 5.3 before 6.0.3.1"]
        );
        assert_eq!(above("~>", "2.0.0p247").as_deref(), Some("2.1"));
        assert_eq!(above("~>", "3.0.0.rc1").as_deref(), Some("3.1"));
        assert_eq!(gem(&["~> 2.3.18", ">= 3"]), ["all versions before 2.3.18", "versions from 2.4 before 3"]);
    }

    #[test]
    fn broken_requirements_are_named() {
        for broken in [">=", "=> 1", "!= 2", "^x"] {
            assert!(requirement(Scheme::Semver, broken, "^").is_err(), "{broken}");
        }
    }

    proptest::proptest! {
        /// A version is held by exactly one of: a safe span, a range between them.
        #[test]
        fn every_version_is_safe_or_not(parts in proptest::collection::vec("(>=|>|<|<=|=|\\^|~)[0-3]\\.[0-3]\\.[0-3]", 0..5), version in "[0-4]\\.[0-4]\\.[0-4]") {
            let scheme = Scheme::Semver;
            let spans: Vec<Span> = parts.iter().map(|part| requirement(scheme, part, "^").unwrap()).collect();
            let safe = spans.iter().any(|span| !span.is_empty(scheme) && span.clone().range(scheme).holds(scheme, &version));
            let held = between(scheme, spans).iter().filter(|range| range.holds(scheme, &version)).count();
            proptest::prop_assert_eq!(held, usize::from(!safe));
        }
    }
}
