//! The order of upstream releases that no package manager made: C libraries, servers, tools.
//!
//! No specification: these rules put in order what OpenSSL, OpenSSH, BIND, ISC, curl, zlib, tzdata, ffmpeg, libjpeg and their
//! like have published, and what stands in the ranges of NVD's and OSS-Fuzz's records.
//!
//! Of the text, the first word with a digit counts, from its first digit on (`OpenSSL 1.0.2k-fips  26 Jan 2017` is `1.0.2k-fips`,
//! `R_2_4_8` is `2_4_8`, `r123` is `123`), so a name with digits in it must be taken off before. It is read as numbers and words; dots, dashes and underscores only separate.
//! Zeros say nothing at the end of a row of numbers. Between the rows:
//!
//! ```text
//! 01 ~  02 dev, snapshot  03 alpha  04 beta  05 milestone  06 pre, preview  07 candidate
//! 08 the end
//! 09 an unknown word  0A a snapshot of a repository  0B + and what follows  0C patch, update, revision
//! 0D a letter or two without a separator: 1.0.2 < 1.0.2k < 1.0.2l < 1.0.2za
//! 20..AF a number
//! ```
//!
//! `a`, `b`, `c`, `m`, `p`, `r`, `u` are words of the list right before a number (`3.0a1`, `9.6p1`), and letters otherwise (`1.0.2a-1`).

use super::{
    encode::Encoder,
    text::{split_digits, split_letters, split_while},
};

const TILDE: u8 = 0x01;
const END: u8 = 0x08;
const UNKNOWN: u8 = 0x09;
const PLUS: u8 = 0x0B;
const LETTER: u8 = 0x0D;

/// Words that say nothing about age.
const SILENT: [&str; 7] = ["final", "ga", "release", "rel", "stable", "lts", "fips"];
const WORDS: [(&str, u8); 31] = [
    ("dev", 0x02),
    ("devel", 0x02),
    ("snapshot", 0x02),
    ("nightly", 0x02),
    ("alpha", 0x03),
    ("ea", 0x03),
    ("beta", 0x04),
    ("milestone", 0x05),
    ("pre", 0x06),
    ("preview", 0x06),
    ("prerelease", 0x06),
    ("rc", 0x07),
    ("cr", 0x07),
    ("candidate", 0x07),
    ("git", 0x0A),
    ("svn", 0x0A),
    ("hg", 0x0A),
    ("cvs", 0x0A),
    ("bzr", 0x0A),
    ("patch", 0x0C),
    ("patchlevel", 0x0C),
    ("pl", 0x0C),
    ("post", 0x0C),
    ("sp", 0x0C),
    ("update", 0x0C),
    ("upd", 0x0C),
    ("rev", 0x0C),
    ("revision", 0x0C),
    ("hotfix", 0x0C),
    ("fix", 0x0C),
    ("build", 0x0C),
];
/// Only before a number.
const SHORT: [(&str, u8); 7] =
    [("a", 0x03), ("b", 0x04), ("m", 0x05), ("c", 0x07), ("p", 0x0C), ("r", 0x0C), ("u", 0x0C)];

pub(super) fn write(text: &str, out: &mut Encoder) {
    let Some(mut rest) = cut(text) else {
        // Without a digit it is a name of something, before all numbers.
        out.mark(UNKNOWN);
        return out.lower(text);
    };
    let mut numbers = Numbers::default();
    while let Some(first) = rest.chars().next() {
        let (digits, after) = split_digits(rest);
        if !digits.is_empty() {
            numbers.push(digits, out);
            rest = after;
            continue;
        }
        let (separators, after) =
            split_while(rest, |byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'+')));
        let (letters, after_letters) = split_letters(after);
        rest = match first {
            '~' | '+' => {
                numbers.end();
                out.mark(if first == '~' { TILDE } else { PLUS });
                &rest[1..]
            }
            _ if letters.is_empty() => after,
            _ => write_word(letters, separators.is_empty(), after_letters, &mut numbers, out),
        };
    }
    out.mark(END);
}

/// From the first digit to the end of its word, and on over words of the list and their numbers (`5.5 Update 2`).
fn cut(text: &str) -> Option<&str> {
    let from = &text[text.find(|c: char| c.is_ascii_digit())?..];
    let mut end = from.find(char::is_whitespace).unwrap_or(from.len());
    let mut number_may_follow = false;
    for word in from[end..].split_whitespace() {
        let named = named(&WORDS, split_letters(word).0).is_some();
        let number = word.bytes().all(|byte| byte.is_ascii_digit());
        if !(named || number && number_may_follow) {
            break;
        }
        number_may_follow = named;
        end += from[end..].len() - from[end..].trim_start().len() + word.len();
    }
    Some(&from[..end])
}

fn named(words: &[(&str, u8)], letters: &str) -> Option<u8> {
    words.iter().find(|(name, _)| name.eq_ignore_ascii_case(letters)).map(|word| word.1)
}

/// Gives back what follows the word.
fn write_word<'a>(letters: &str, joined: bool, after: &'a str, numbers: &mut Numbers, out: &mut Encoder) -> &'a str {
    if SILENT.iter().any(|word| word.eq_ignore_ascii_case(letters)) {
        return after;
    }
    numbers.end();
    let number = if joined { after } else { after.trim_start_matches(['.', '-', '_']) };
    let short = if number.starts_with(|c: char| c.is_ascii_digit()) { named(&SHORT, letters) } else { None };
    match named(&WORDS, letters).or(short) {
        Some(mark) => out.mark(mark),
        None => {
            out.mark(if joined && letters.len() <= 2 { LETTER } else { UNKNOWN });
            out.lower(letters);
        }
    }
    after
}

/// A row of numbers: zeros are written when a number follows them.
#[derive(Default)]
struct Numbers {
    zeros: usize,
}

impl Numbers {
    fn push(&mut self, digits: &str, out: &mut Encoder) {
        if digits.bytes().all(|digit| digit == b'0') {
            self.zeros += 1;
            return;
        }
        for _ in 0..std::mem::take(&mut self.zeros) {
            out.small(0);
        }
        out.number(digits);
    }

    fn end(&mut self) {
        self.zeros = 0;
    }
}
