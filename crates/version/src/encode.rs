//! Bytes whose order is the order of what they were written from.
//!
//! Nothing written here is a beginning of something else that is written in its place, save where a scheme wants the
//! shorter to come first.

/// The first byte of a number is one of these; marks of a scheme lie below or above.
pub(super) const NUMBER_FIRST: u8 = 0x20;
/// The least byte above all numbers.
pub(super) const ABOVE_NUMBERS: u8 = 0xB0;

/// `20..8F`: 0 to 111 in one byte.
const SMALL: u64 = 0x70;
/// `90..A7` and a byte: the next 6,144, with all years among them.
const MEDIUM_FIRST: u8 = 0x90;
const MEDIUM: u64 = 24 * 256;
/// `A8..AE` and two to eight bytes, the highest first.
const LARGE_FIRST: u8 = 0xA8;
/// `AF`, the count of digits as a number, the digits.
const HUGE: u8 = 0xAF;

/// Digits that always fit 64 bits.
const LARGE_DIGITS: usize = 19;

/// Where a key is written to.
pub(super) struct Encoder<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Encoder<'a> {
        Encoder { bytes }
    }

    /// One byte that means what the scheme says.
    pub(super) fn mark(&mut self, mark: u8) {
        self.bytes.push(mark);
    }

    /// Some bytes that mean what the scheme says.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Letters above all numbers, so that a word goes on above whatever may follow it, and needs no end.
    pub(super) fn letters(&mut self, letters: &str) {
        let place = |byte: u8| if byte < b'a' { byte - b'A' } else { byte - b'a' + 26 };
        self.bytes.extend(letters.bytes().map(|byte| ABOVE_NUMBERS + place(byte)));
    }

    /// A run of digits, of any length and with any zeros before it; none is zero.
    pub(super) fn number(&mut self, digits: &str) {
        if let [digit] = digits.as_bytes() {
            return self.bytes.push(NUMBER_FIRST + (digit - b'0'));
        }
        let digits = digits.trim_start_matches('0');
        if digits.len() <= LARGE_DIGITS {
            return self.small(digits.bytes().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')));
        }
        self.bytes.push(HUGE);
        self.small(digits.len() as u64);
        self.bytes.extend_from_slice(digits.as_bytes());
    }

    /// A number that is at hand.
    pub(super) fn small(&mut self, value: u64) {
        if value < SMALL {
            return self.bytes.push(NUMBER_FIRST + value as u8);
        }
        if value < SMALL + MEDIUM {
            let [.., high, low] = (value - SMALL).to_be_bytes();
            return self.bytes.extend_from_slice(&[MEDIUM_FIRST + high, low]);
        }
        let length = value.to_be_bytes().len() - (value.leading_zeros() / 8) as usize;
        self.bytes.push(LARGE_FIRST + length as u8 - 2);
        self.bytes.extend_from_slice(&value.to_be_bytes()[8 - length..]);
    }

    /// A run of numbers where trailing zeros say nothing: they are left out. Any mark below the numbers may follow.
    pub(super) fn release<'t>(&mut self, numbers: impl IntoIterator<Item = &'t str>) {
        let mut zeros = 0;
        for digits in numbers {
            if digits.bytes().all(|digit| digit == b'0') {
                zeros += 1;
                continue;
            }
            for _ in 0..std::mem::take(&mut zeros) {
                self.bytes.push(NUMBER_FIRST);
            }
            self.number(digits);
        }
    }

    /// Any text, by its bytes, the shorter first; 00 ends it, so 00 and 01 are written as two bytes.
    pub(super) fn text(&mut self, text: &str) {
        self.folded(text, |byte| byte);
    }

    /// As [`Self::text`], with capital letters as small ones.
    pub(super) fn lower(&mut self, text: &str) {
        self.folded(text, |byte| byte.to_ascii_lowercase());
    }

    fn folded(&mut self, text: &str, fold: impl Fn(u8) -> u8) {
        for byte in text.bytes() {
            match byte {
                0 | 1 => self.bytes.extend_from_slice(&[1, byte]),
                _ => self.bytes.push(fold(byte)),
            }
        }
        self.bytes.push(0);
    }
}
