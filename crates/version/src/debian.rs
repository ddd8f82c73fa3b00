//! Debian's order, of Ubuntu and opkg too: [deb-version(7)], "Sorting algorithm".
//!
//! `[epoch:]upstream[-revision]`; each of the two is text and numbers by turns, a missing number is zero. In text, the
//! tilde comes before the end, the end before letters, letters before everything else.
//!
//! A key is the epoch if there is one, then the parts; a number's first byte ends the text before it.
//!
//! ```text
//! 01  tilde    10  end    20..AF  number    B0..E3  letter    E4..EB  the rest    FF  epoch
//! ```
//!
//! [deb-version(7)]: https://manpages.debian.org/deb-version.7

use super::{
    encode::{ABOVE_NUMBERS, Encoder},
    text::{split_digits, split_epoch, split_while},
};

const TILDE: u8 = 0x01;
const END: u8 = 0x10;
/// Above `z`. The characters that versions may hold have a byte of their own; what lies between them has two.
const REST: u8 = ABOVE_NUMBERS + 52;
const EPOCH: u8 = 0xFF;

pub(super) fn write(text: &str, out: &mut Encoder) {
    let (epoch, rest) = split_epoch(text);
    if !epoch.trim_start_matches('0').is_empty() {
        out.mark(EPOCH);
        out.number(epoch);
    }
    write_parts(rest, out);
}

/// Upstream's version and the revision, which is empty when there is none.
pub(super) fn write_parts(text: &str, out: &mut Encoder) {
    let (upstream, revision) = text.rsplit_once('-').unwrap_or((text, ""));
    write_part(upstream, out);
    write_part(revision, out);
}

fn write_part(mut rest: &str, out: &mut Encoder) {
    // A number is written behind text, so that an empty part and `0` are the same.
    loop {
        let (text, after) = split_while(rest, |byte| !byte.is_ascii_digit());
        text.bytes().for_each(|byte| write_byte(byte, out));
        let (digits, after) = split_digits(after);
        out.number(digits);
        if after.is_empty() {
            return out.mark(END);
        }
        rest = after;
    }
}

fn write_byte(byte: u8, out: &mut Encoder) {
    match byte {
        b'~' => out.mark(TILDE),
        b'A'..=b'Z' => out.mark(ABOVE_NUMBERS + (byte - b'A')),
        b'a'..=b'z' => out.mark(ABOVE_NUMBERS + 26 + (byte - b'a')),
        b'+' => out.mark(REST + 1),
        b'-' => out.mark(REST + 3),
        b'.' => out.mark(REST + 4),
        b':' => out.mark(REST + 6),
        0..b'+' => out.bytes(&[REST, byte]),
        b',' => out.bytes(&[REST + 2, byte]),
        b'/' => out.bytes(&[REST + 5, byte]),
        _ => out.bytes(&[REST + 7, byte]),
    }
}
