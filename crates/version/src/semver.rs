//! The order of [Semantic Versioning 2.0.0](https://semver.org/spec/v2.0.0.html), section 11.
//!
//! Of Cargo, npm, Go, Hex, Swift and Julia. Builds (`+…`) say nothing, save to Dart. More than the specification knows is
//! taken too: a `v`, `=` or `go` in front, missing numbers as zeros, more than three of them, and Go's `1.20rc1`.
//!
//! ```text
//! numbers | 02 prerelease | identifiers: 20..AF number, B0 text
//!         | 04 none       |
//!         | 01 build      | identifiers
//! ```

use super::{
    encode::{ABOVE_NUMBERS, Encoder},
    text::{is_number, split_digits, split_letters, strip_v},
};

const BUILD: u8 = 0x01;
const PRERELEASE: u8 = 0x02;
const FINAL: u8 = 0x04;
const TEXT: u8 = ABOVE_NUMBERS;

pub(super) fn write(text: &str, out: &mut Encoder) {
    write_release(text, out);
}

/// As Dart orders: what has a build comes behind what has none.
pub(super) fn write_with_build(text: &str, out: &mut Encoder) {
    if let Some(build) = write_release(text, out) {
        out.mark(BUILD);
        write_identifiers(build, out, |out, text| out.text(text));
    }
}

/// Gives back the build.
fn write_release<'a>(text: &'a str, out: &mut Encoder) -> Option<&'a str> {
    let text = strip_v(text.trim_start_matches(['=', ' ']));
    let text = text.strip_prefix("go").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(text);
    let (text, build) = match text.split_once('+') {
        Some((text, build)) => (text, Some(build)),
        None => (text, None),
    };
    let rest = write_numbers(text, out);
    match rest.strip_prefix('-') {
        _ if rest.is_empty() => out.mark(FINAL),
        Some(identifiers) => {
            out.mark(PRERELEASE);
            write_identifiers(identifiers, out, |out, text| out.text(text));
        }
        None => {
            out.mark(PRERELEASE);
            write_joined(rest, out);
        }
    }
    build
}

/// Numbers with dots between them, and what follows.
pub(super) fn write_numbers<'a>(text: &'a str, out: &mut Encoder) -> &'a str {
    let length = |text: &str| {
        let mut length = split_digits(text).0.len();
        while length > 0 && text[length..].starts_with('.') {
            match split_digits(&text[length + 1..]).0.len() {
                0 => break,
                digits => length += 1 + digits,
            }
        }
        length
    };
    let (numbers, rest) = text.split_at(length(text));
    out.release(numbers.split('.'));
    rest
}

/// Numbers by value, before text by its bytes; fewer identifiers before more.
pub(super) fn write_identifiers(identifiers: &str, out: &mut Encoder, write_text: impl Fn(&mut Encoder, &str)) {
    for identifier in identifiers.split('.') {
        if is_number(identifier) {
            out.number(identifier);
        } else {
            out.mark(TEXT);
            write_text(out, identifier);
        }
    }
}

/// `rc1`, as an identifier for the word and one for the number, and whatever else as text.
fn write_joined(rest: &str, out: &mut Encoder) {
    let (word, after) = split_letters(rest);
    let whole = word.is_empty() || !(after.is_empty() || is_number(after));
    out.mark(TEXT);
    out.text(if whole { rest } else { word });
    if !whole && !after.is_empty() {
        out.number(after);
    }
}
