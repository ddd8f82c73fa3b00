//! Java's order: the POM reference, ["Version Order Specification"], as Maven's `ComparableVersion` carries it out.
//!
//! A version is cut at dots, at dashes, and between letters and digits, which counts as a dash. At one place, words
//! come before numbers, and what stands behind a dash before what stands behind a dot, save words. Of words, alpha, beta,
//! milestone, candidates and snapshots come before the release, `sp` and unknown ones after it. What says nothing (zero, `ga`,
//! `final`, `release`) is left out at the end and before each dash, so that a row of zeros is followed by a number or by a word
//! behind a dot. Of these, zeros before an early word (`1.0.0.RC1`) have a mark of their own: they come before the end.
//!
//! ```text
//! 01..05  alpha, beta, milestone, candidate, snapshot behind a dot    06..0A  the same behind a dash
//! 0B  zeros before one of the first five, their count    0C  end
//! 0D..0F  empty, sp, other word behind a dot    10..12  the same behind a dash    13  number behind a dash
//! 20..AF  number behind a dot, or the first
//! ```
//!
//! The public vectors are of Maven before 3.8.7, where this is no order: `1.0.0.RC1 < 1.0.0 < 1.0.0-1 < 1.0.0.RC1`. Keys
//! leave out the last of the three, as Maven does since then; [`compare_dashed`] keeps it, for the three pairs of the vectors that ask.
//!
//! ["Version Order Specification"]: https://maven.apache.org/pom.html#version-order-specification

use std::cmp::Ordering;

use super::{
    encode::Encoder,
    text::{split_digits, split_while},
};

/// How much higher the mark of a word is behind a dash.
const EARLY_DASHED: u8 = 0x05;
const LATE_DASHED: u8 = 0x03;
const ZEROS_BEFORE_EARLY: u8 = 0x0B;
const END: u8 = 0x0C;
const EMPTY: u8 = 0x0D;
const OTHER: u8 = 0x0F;
const NUMBER_DASHED: u8 = 0x13;

/// With their marks behind a dot; all others come after these, by their letters.
const WORDS: [(&str, u8); 10] = [
    ("alpha", 0x01),
    ("beta", 0x02),
    ("milestone", 0x03),
    ("rc", 0x04),
    ("cr", 0x04),
    ("snapshot", 0x05),
    ("ga", EMPTY),
    ("final", EMPTY),
    ("release", EMPTY),
    ("sp", 0x0E),
];
/// Only when a number follows at once.
const LETTERS: [(&str, u8); 3] = [("a", 0x01), ("b", 0x02), ("m", 0x03)];

#[derive(Clone, Copy)]
enum Token<'a> {
    Number { dashed: bool, digits: &'a str },
    Word { dashed: bool, mark: u8, word: &'a str },
}

pub(super) fn write(text: &str, out: &mut Encoder) {
    let tokens = tokens(text);
    let mut at = 0;
    while at < tokens.len() {
        at += write_next(&tokens, at, out);
    }
    out.mark(END);
}

/// As by keys, but zeros before an early word come after all that stands behind a dash. Not transitive.
pub(super) fn compare_dashed(left: &str, right: &str) -> Ordering {
    let (left, right) = (tokens(left), tokens(right));
    let mut at = 0;
    loop {
        let (mut left_bytes, mut right_bytes) = (Vec::new(), Vec::new());
        let taken = write_next(&left, at, &mut Encoder::new(&mut left_bytes));
        write_next(&right, at, &mut Encoder::new(&mut right_bytes));
        if left_bytes == right_bytes && taken > 0 {
            at += taken;
            continue;
        }
        let dashed =
            |bytes: &[u8]| bytes.first().is_some_and(|mark| (EMPTY + LATE_DASHED..=NUMBER_DASHED).contains(mark));
        let zeros = |bytes: &[u8]| bytes.first() == Some(&ZEROS_BEFORE_EARLY);
        return match () {
            () if dashed(&left_bytes) && zeros(&right_bytes) => Ordering::Less,
            () if zeros(&left_bytes) && dashed(&right_bytes) => Ordering::Greater,
            () => left_bytes.cmp(&right_bytes),
        };
    }
}

/// Gives back how many tokens were written: one, or a row of zeros that an early word follows; at the end, none.
fn write_next(tokens: &[Token<'_>], at: usize, out: &mut Encoder) -> usize {
    match tokens.get(at) {
        None => out.mark(END),
        Some(Token::Number { dashed: true, digits }) => {
            out.mark(NUMBER_DASHED);
            out.number(digits);
        }
        Some(Token::Number { dashed: false, digits }) => {
            let zeros = if at == 0 { 0 } else { zeros_before_early(&tokens[at..]) };
            if zeros > 0 {
                out.mark(ZEROS_BEFORE_EARLY);
                out.small(zeros as u64);
                return zeros;
            }
            out.number(digits);
        }
        Some(Token::Word { dashed, mark, word }) => {
            out.mark(match (dashed, *mark < END) {
                (false, _) => *mark,
                (true, true) => mark + EARLY_DASHED,
                (true, false) => mark + LATE_DASHED,
            });
            if *mark == OTHER {
                out.lower(word);
            }
        }
    }
    usize::from(at < tokens.len())
}

fn zeros_before_early(tokens: &[Token<'_>]) -> usize {
    let zero = |token: &&Token<'_>| matches!(token, Token::Number { dashed: false, .. }) && token.says_nothing();
    let zeros = tokens.iter().take_while(zero).count();
    match tokens.get(zeros) {
        Some(Token::Word { dashed: false, mark, .. }) if *mark < END => zeros,
        _ => 0,
    }
}

/// All that say something. The first stays whatever it is, so that `0-alpha` comes before `0`.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::with_capacity(8);
    let mut rest = text;
    let mut dashed = false;
    loop {
        let (token, after) = first_token(rest, dashed);
        if tokens.is_empty() && token.says_nothing() {
            tokens.push(Token::Number { dashed: false, digits: "" });
        } else {
            if dashed {
                trim(&mut tokens);
            }
            tokens.push(token);
        }
        match after.bytes().next() {
            None => break,
            Some(separator @ (b'.' | b'-')) => {
                dashed = separator == b'-';
                rest = &after[1..];
            }
            Some(_) => {
                dashed = true;
                rest = after;
            }
        }
    }
    trim(&mut tokens);
    tokens
}

fn trim(tokens: &mut Vec<Token<'_>>) {
    while tokens.len() > 1 && tokens.last().is_some_and(Token::says_nothing) {
        tokens.pop();
    }
}

/// What stands before the next separator or change between letters and digits; nothing is zero.
fn first_token(text: &str, dashed: bool) -> (Token<'_>, &str) {
    let (digits, after) = split_digits(text);
    let (word, after_word) = split_while(text, |byte| !matches!(byte, b'0'..=b'9' | b'.' | b'-'));
    if word.is_empty() {
        return (Token::Number { dashed, digits }, after);
    }
    let named =
        |words: &[(&str, u8)]| words.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|word| word.1);
    let digit_follows = after_word.starts_with(|c: char| c.is_ascii_digit());
    let letter = if digit_follows { named(&LETTERS) } else { None };
    (Token::Word { mark: letter.or_else(|| named(&WORDS)).unwrap_or(OTHER), dashed, word }, after_word)
}

impl Token<'_> {
    fn says_nothing(&self) -> bool {
        match self {
            Token::Number { digits, .. } => digits.bytes().all(|digit| digit == b'0'),
            Token::Word { mark, .. } => *mark == EMPTY,
        }
    }
}
