//! The order of RPM: [rpm-version(7)], and "Comparing versions" of the dependency manual.
//!
//! `[epoch:]version[-release]`; each of the two is a row of words and numbers; what stands between them only separates,
//! save `~` (before the end) and `^` (behind it). A number comes after any word.
//!
//! A missing release comes before every release, as the public vectors have it; rpm itself leaves releases out of a
//! comparison when one side has none, which is no order.
//!
//! ```text
//! 01 ~    02 end    03 ^    04 word, its letters from B0    20..AF number    FF epoch
//! ```
//!
//! [rpm-version(7)]: https://rpm.org/docs/latest/man/rpm-version.7

use super::{
    encode::Encoder,
    text::{split_digits, split_epoch, split_letters},
};

const TILDE: u8 = 0x01;
const END: u8 = 0x02;
const CARET: u8 = 0x03;
const WORD: u8 = 0x04;
const EPOCH: u8 = 0xFF;

pub(super) fn write(text: &str, out: &mut Encoder) {
    write_parts(text, out, write_part);
}

/// `[epoch:]version[-release]`, the two parts each in their own order.
pub(super) fn write_parts(text: &str, out: &mut Encoder, write_part: fn(&str, &mut Encoder)) {
    let (epoch, rest) = split_epoch(text);
    if !epoch.trim_start_matches('0').is_empty() {
        out.mark(EPOCH);
        out.number(epoch);
    }
    match rest.rsplit_once('-') {
        Some((version, release)) => {
            write_part(version, out);
            write_part(release, out);
        }
        None => write_part(rest, out),
    }
}

fn write_part(mut rest: &str, out: &mut Encoder) {
    while let Some(first) = rest.chars().next() {
        let (digits, after_digits) = split_digits(rest);
        let (word, after_word) = split_letters(rest);
        rest = match first {
            '0'..='9' => {
                out.number(digits);
                after_digits
            }
            'a'..='z' | 'A'..='Z' => {
                out.mark(WORD);
                out.letters(word);
                after_word
            }
            other => {
                match other {
                    '~' => out.mark(TILDE),
                    '^' => out.mark(CARET),
                    _ => {}
                }
                &rest[other.len_utf8()..]
            }
        };
    }
    out.mark(END);
}
