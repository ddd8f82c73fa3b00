//! Ruby's order: [`Gem::Version`](https://docs.ruby-lang.org/en/master/Gem/Version.html).
//!
//! Numbers and words in a row, words before numbers, and before the end too: `1.0.a < 1.0`. What is missing is zero, so
//! zeros at the end say nothing, nor do those before the first word. A dash reads `.pre.`.
//!
//! Elsewhere a zero is as the end, and what follows decides. So zeros are written by what follows them: before a word
//! they lie below the end and the fewer come first, before a number above it, each as the least number.
//!
//! ```text
//! 01 word    02 zeros before a word, their count    03 end    04 each zero before a number
//! 20..AF number    B0.. letters of a word
//! ```

use super::{
    encode::Encoder,
    text::{split_digits, split_letters},
};

const WORD: u8 = 0x01;
const ZEROS_BEFORE_WORD: u8 = 0x02;
const END: u8 = 0x03;
const ZEROS_BEFORE_NUMBER: u8 = 0x04;

pub(super) fn write(text: &str, out: &mut Encoder) {
    let mut zeros = 0;
    let mut words = false;
    for token in Tokens(text) {
        match token {
            Token::Number(digits) if digits.bytes().all(|digit| digit == b'0') => zeros += 1,
            Token::Number(digits) => {
                write_zeros_before_number(std::mem::take(&mut zeros), out);
                out.number(digits);
            }
            Token::Word(word) => {
                let zeros = std::mem::take(&mut zeros);
                if words && zeros > 0 {
                    out.mark(ZEROS_BEFORE_WORD);
                    out.small(zeros);
                }
                out.mark(WORD);
                out.letters(word);
                words = true;
            }
        }
    }
    out.mark(END);
}

/// A row of marks that falls where the count rises: one mark for each zero, all above the end and below numbers.
fn write_zeros_before_number(zeros: u64, out: &mut Encoder) {
    for _ in 0..zeros {
        out.mark(ZEROS_BEFORE_NUMBER);
    }
}

enum Token<'a> {
    Number(&'a str),
    Word(&'a str),
}

struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let first = self.0.chars().next()?;
            let (digits, after_digits) = split_digits(self.0);
            let (word, after_word) = split_letters(self.0);
            if !digits.is_empty() {
                self.0 = after_digits;
                return Some(Token::Number(digits));
            }
            if !word.is_empty() {
                self.0 = after_word;
                return Some(Token::Word(word));
            }
            self.0 = &self.0[first.len_utf8()..];
            if first == '-' {
                return Some(Token::Word("pre"));
            }
        }
    }
}
