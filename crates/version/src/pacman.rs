//! The order of Arch Linux: [vercmp(8)], whose beginnings were rpm's.
//!
//! `[epoch:]version[-release]`; words and numbers, and the count of characters between them says something too: the
//! fewer come first. A word that follows at once comes before the end (`1.0rc < 1.0`), one behind a separator after it
//! (`1.0 < 1.0.a < 1.0.1`).
//!
//! Two rules of vercmp are no orders, and differ here: a missing release equals every release there, and comes before
//! them here; separators at the end come between some words and numbers there, and just behind the end here.
//!
//! ```text
//! 01 word    02 end    03 end behind separators    04 number that follows at once
//! 05 one separator, 06 more: their count; then a word or a number    20..AF number    B0.. letters    FF epoch
//! ```
//!
//! [vercmp(8)]: https://man.archlinux.org/man/vercmp.8

use super::{
    encode::Encoder,
    rpm::write_parts,
    text::{split_digits, split_letters, split_while},
};

const WORD: u8 = 0x01;
const END: u8 = 0x02;
const SEPARATED_END: u8 = 0x03;
const JOINED_NUMBER: u8 = 0x04;
const SEPARATOR: u8 = 0x05;
const SEPARATORS: u8 = 0x06;

pub(super) fn write(text: &str, out: &mut Encoder) {
    write_parts(text, out, write_part);
}

fn write_part(mut rest: &str, out: &mut Encoder) {
    while !rest.is_empty() {
        let (separators, after) = split_while(rest, |byte| !byte.is_ascii_alphanumeric());
        if after.is_empty() {
            return out.mark(SEPARATED_END);
        }
        match separators.len() {
            0 => {}
            1 => out.mark(SEPARATOR),
            count => {
                out.mark(SEPARATORS);
                out.small(count as u64);
            }
        }
        let (word, after_word) = split_letters(after);
        let (digits, after_digits) = split_digits(after);
        if word.is_empty() {
            if separators.is_empty() {
                out.mark(JOINED_NUMBER);
            }
            out.number(digits);
            rest = after_digits;
        } else {
            out.mark(WORD);
            out.letters(word);
            rest = after_word;
        }
    }
    out.mark(END);
}
