//! Which of two versions is the older, in the order of their own world.
//!
//! Every packaging world orders versions by its own rules; each is a [`Scheme`] here, held against public vectors.
//!
//! Invariants: each order is total on any text, and [`compare`] never fails: what no tool would accept still has a place.
//!
//! What this crate does not know: packages, ranges, advisories.

mod alpine;
mod debian;
mod pypi;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

/// One world of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Alpine,
    /// Also used where nothing better is known: digits as numbers, the rest by letter.
    Debian,
    Pypi,
}

/// Total on any text: what no tool would accept as a version still has a place, so that bad data cannot stop a scan.
pub fn compare(scheme: Scheme, left: &str, right: &str) -> Ordering {
    match scheme {
        Scheme::Alpine => alpine::compare(left, right),
        Scheme::Debian => debian::compare(left, right),
        Scheme::Pypi => pypi::compare(left, right),
    }
}

/// A run of digits of any length, ordered as the number it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number<'a> {
    length: usize,
    digits: &'a str,
}

impl<'a> Number<'a> {
    fn new(digits: &'a str) -> Number<'a> {
        let digits = digits.trim_start_matches('0');
        Number { length: digits.len(), digits }
    }
}

/// The leading digits and the rest.
fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}
