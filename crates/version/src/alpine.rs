//! Alpine's order, as package maintainers meet it: apk-package(5), "pkgver".
//!
//! `1.2.3b_rc1_p2~hash-r4`: numbers, one letter, suffixes with numbers, a commit, a revision. A version becomes a row of
//! parts whose order is the order of [`Part`]; rows compare part by part.

use std::cmp::Ordering;

use super::{Number, split_digits};

/// What may stand next, the least first: so that `1.2_rc1 < 1.2 < 1.2-r1 < 1.2_p1 < 1.2a < 1.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    /// Anything that is no version; the rest is not looked at.
    Invalid,
    /// A dot without a number after it.
    Hole,
    Before(usize),
    End,
    Revision(Number<'a>),
    Commit,
    SuffixNumber(Number<'a>),
    After(usize),
    Letter(u8),
    /// Behind a dot, with a leading zero: ordered as a decimal fraction.
    Fraction(&'a str),
    Number(Number<'a>),
}

const BEFORE: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const AFTER: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (Parts::new(left), Parts::new(right));
    loop {
        let (a, b) = (left.next(), right.next());
        if a != b || matches!(a, Part::End | Part::Invalid) {
            return a.cmp(&b);
        }
    }
}

struct Parts<'a> {
    rest: &'a str,
    last: Option<Part<'a>>,
}

impl<'a> Parts<'a> {
    fn new(version: &'a str) -> Parts<'a> {
        Parts { rest: version.trim(), last: None }
    }

    fn next(&mut self) -> Part<'a> {
        let (part, rest) = step(self.last, self.rest);
        (self.last, self.rest) = (Some(part), rest);
        part
    }
}

/// One part and the text behind it. Suffixes do not come after a revision, nor numbers after suffixes.
fn step<'a>(last: Option<Part<'a>>, rest: &'a str) -> (Part<'a>, &'a str) {
    let Some(last) = last else {
        let (digits, rest) = split_digits(rest);
        return (Part::Number(Number::new(digits)), rest);
    };
    let Some(first) = rest.bytes().next() else { return (Part::End, "") };
    let numeric = matches!(last, Part::Number(_) | Part::Fraction(_) | Part::Hole);
    let after_suffix = matches!(last, Part::Before(_) | Part::After(_));
    let open = numeric || after_suffix || matches!(last, Part::Letter(_) | Part::SuffixNumber(_));
    match first {
        b'0'..=b'9' if matches!(last, Part::Letter(_)) => {
            let (digits, rest) = split_digits(rest);
            (Part::Number(Number::new(digits)), rest)
        }
        b'0'..=b'9' if after_suffix => {
            let (digits, rest) = split_digits(rest);
            (Part::SuffixNumber(Number::new(digits)), rest)
        }
        b'a'..=b'z' if numeric => (Part::Letter(first), &rest[1..]),
        b'.' if numeric => component(&rest[1..]),
        b'_' if open => suffix(&rest[1..]),
        b'~' if open => (Part::Commit, rest[1..].trim_start_matches(|c: char| c.is_ascii_hexdigit())),
        b'-' if open || last == Part::Commit => revision(&rest[1..]),
        _ => (Part::Invalid, ""),
    }
}

fn component(rest: &str) -> (Part<'_>, &str) {
    let (digits, rest) = split_digits(rest);
    match digits.as_bytes() {
        [] => (Part::Hole, rest),
        [b'0', ..] => (Part::Fraction(digits), rest),
        _ => (Part::Number(Number::new(digits)), rest),
    }
}

fn suffix(rest: &str) -> (Part<'_>, &str) {
    let named = |names: &[&str]| names.iter().position(|name| rest.starts_with(name)).map(|at| (at, names[at].len()));
    if let Some((at, length)) = named(&BEFORE) {
        return (Part::Before(at), &rest[length..]);
    }
    match named(&AFTER) {
        Some((at, length)) => (Part::After(at), &rest[length..]),
        None => (Part::Invalid, ""),
    }
}

fn revision(rest: &str) -> (Part<'_>, &str) {
    match rest.strip_prefix('r') {
        Some(rest) if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let (digits, rest) = split_digits(rest);
            (Part::Revision(Number::new(digits)), rest)
        }
        _ => (Part::Invalid, ""),
    }
}
