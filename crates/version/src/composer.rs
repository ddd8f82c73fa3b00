//! The order of Packagist's packages: PHP's [`version_compare`](https://www.php.net/version_compare).
//!
//! A version is cut at `-`, `_`, `+` and `.`, and between digits and the rest. Words have five ranks, by how they begin:
//! unknown < dev < alpha < beta < candidate < *the end and numbers* < patch. Words of one rank are equal, save that only
//! known words are told by their small letters (and `RC`).
//!
//! ```text
//! 01 unknown word  02 dev  03 alpha  04 beta  05 candidate    08 end    20..AF number    B0 patch
//! ```
//!
//! A part `#` is to PHP what it writes for any number: it equals all of them and the end. That is no order (`1 = # = 2`),
//! so only [`compare_wild`] knows it, for what the public vectors ask; in a key it is nothing. No package has such a version.

use std::cmp::Ordering;

use super::{
    encode::Encoder,
    text::{split_digits, split_while},
};

const UNKNOWN: u8 = 0x01;
const END: u8 = 0x08;
const PATCH: u8 = 0xB0;
const WILD: &str = "#";

/// The first that a word begins with decides.
const WORDS: [(&str, u8); 7] =
    [("dev", 0x02), ("a", 0x03), ("b", 0x04), ("RC", 0x05), ("rc", 0x05), ("pl", PATCH), ("p", PATCH)];

pub(super) fn write(text: &str, out: &mut Encoder) {
    for part in Parts::new(text) {
        write_part(part, out);
    }
    out.mark(END);
}

/// As by keys, but `#` equals any number and the end. Reflexive and antisymmetric, not transitive.
pub(super) fn compare_wild(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (Parts::new(left), Parts::new(right));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (left, right) => weigh(left, right == Some(WILD)).cmp(&weigh(right, left == Some(WILD))),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// What stands on one side, as key bytes; numbers and the end are alike against `#`.
fn weigh(part: Option<&str>, against_wild: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    match part {
        Some(part) if part != WILD => write_part(part, &mut Encoder::new(&mut bytes)),
        _ => bytes.push(END),
    }
    if against_wild && bytes.first().is_some_and(|first| (END..PATCH).contains(first)) {
        bytes = vec![END];
    }
    bytes
}

fn write_part(part: &str, out: &mut Encoder) {
    let word = |(name, mark): &(&str, u8)| part.starts_with(name).then_some(*mark);
    match part.as_bytes() {
        b"#" => {}
        [b'0'..=b'9', ..] => out.number(part),
        _ => out.mark(WORDS.iter().find_map(word).unwrap_or(UNKNOWN)),
    }
}

/// Digits, or what stands between them and the separators; never empty.
struct Parts<'a>(&'a str);

impl<'a> Parts<'a> {
    fn new(text: &'a str) -> Parts<'a> {
        Parts(text.strip_prefix(['v', 'V']).unwrap_or(text))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.0 = self.0.trim_start_matches(['-', '_', '+', '.']);
        let (digits, after) = split_digits(self.0);
        let (part, after) = match digits {
            "" => split_while(self.0, |byte| !matches!(byte, b'0'..=b'9' | b'-' | b'_' | b'+' | b'.')),
            _ => (digits, after),
        };
        self.0 = after;
        (!part.is_empty()).then_some(part)
    }
}
