//! Alpine's order, as package maintainers meet it: [apk-package(5)], "pkgver".
//!
//! `1.2.3b_rc1_p2~hash-r4`: numbers, one letter, suffixes with numbers, a commit, a revision. A version becomes a row of
//! parts whose order is the order of [`Part`]; each is one mark and what it holds, a number behind a dot only itself.
//!
//! [apk-package(5)]: https://man.archlinux.org/man/extra/apk-tools/apk-package.5.en

use super::{encode::Encoder, text::split_digits};

/// What may stand next, the least first: so that `1.2_rc1 < 1.2 < 1.2-r1 < 1.2_p1 < 1.2a < 1.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    /// Anything that is no version; the rest is not looked at.
    Invalid,
    /// A dot without a number after it.
    Hole,
    Before(u8),
    End,
    Revision(&'a str),
    Commit,
    SuffixNumber(&'a str),
    After(u8),
    Letter(u8),
    /// Behind a dot, with a leading zero: ordered as a decimal fraction.
    Fraction(&'a str),
    Number(&'a str),
}

const BEFORE: [&str; 4] = ["alpha", "beta", "pre", "rc"];
const AFTER: [&str; 5] = ["cvs", "svn", "git", "hg", "p"];

pub(super) fn write(text: &str, out: &mut Encoder) {
    let (mut last, mut rest) = (None, text);
    loop {
        let (part, after) = step(last, rest);
        part.write(out);
        if matches!(part, Part::End | Part::Invalid) {
            return;
        }
        (last, rest) = (Some(part), after);
    }
}

impl Part<'_> {
    fn write(self, out: &mut Encoder) {
        match self {
            Part::Invalid => out.mark(0x01),
            Part::Hole => out.mark(0x02),
            Part::Before(rank) => out.mark(0x03 + rank),
            Part::End => out.mark(0x08),
            Part::Revision(digits) => {
                out.mark(0x09);
                out.number(digits);
            }
            Part::Commit => out.mark(0x0A),
            Part::SuffixNumber(digits) => {
                out.mark(0x0B);
                out.number(digits);
            }
            Part::After(rank) => out.mark(0x0C + rank),
            Part::Letter(letter) => out.bytes(&[0x11, letter]),
            Part::Fraction(digits) => {
                out.mark(0x12);
                out.text(digits);
            }
            Part::Number(digits) => out.number(digits),
        }
    }
}

/// One part and the text behind it. Suffixes do not come after a revision, nor numbers after suffixes.
fn step<'a>(last: Option<Part<'a>>, rest: &'a str) -> (Part<'a>, &'a str) {
    let Some(last) = last else {
        let (digits, rest) = split_digits(rest);
        return (Part::Number(digits), rest);
    };
    let Some(first) = rest.bytes().next() else { return (Part::End, "") };
    let numeric = matches!(last, Part::Number(_) | Part::Fraction(_) | Part::Hole);
    let after_suffix = matches!(last, Part::Before(_) | Part::After(_));
    let open = numeric || after_suffix || matches!(last, Part::Letter(_) | Part::SuffixNumber(_));
    match first {
        b'0'..=b'9' if matches!(last, Part::Letter(_)) => {
            let (digits, rest) = split_digits(rest);
            (Part::Number(digits), rest)
        }
        b'0'..=b'9' if after_suffix => {
            let (digits, rest) = split_digits(rest);
            (Part::SuffixNumber(digits), rest)
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
        _ => (Part::Number(digits), rest),
    }
}

fn suffix(rest: &str) -> (Part<'_>, &str) {
    let named = |names: &[&str]| (0..).zip(names).find_map(|(rank, name)| Some((rank, rest.strip_prefix(name)?)));
    if let Some((rank, rest)) = named(&BEFORE) {
        return (Part::Before(rank), rest);
    }
    match named(&AFTER) {
        Some((rank, rest)) => (Part::After(rank), rest),
        None => (Part::Invalid, ""),
    }
}

fn revision(rest: &str) -> (Part<'_>, &str) {
    match rest.strip_prefix('r') {
        Some(rest) if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let (digits, rest) = split_digits(rest);
            (Part::Revision(digits), rest)
        }
        _ => (Part::Invalid, ""),
    }
}
