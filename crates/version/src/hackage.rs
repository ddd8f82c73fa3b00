//! Haskell's order: the [Package Versioning Policy](https://pvp.haskell.org), as `Data.Version` compares.
//!
//! Numbers with dots between them, the shorter row first: `1.0 < 1.0.0`. What is no number comes before all numbers.
//!
//! ```text
//! each part: 10 text    20..AF number
//! ```

use super::{encode::Encoder, text::is_number};

const TEXT: u8 = 0x10;

pub(super) fn write(text: &str, out: &mut Encoder) {
    write_rows(text.split('.'), out);
}

/// Where the key ends, the row ends: nothing comes before anything.
pub(super) fn write_rows<'a>(parts: impl Iterator<Item = &'a str>, out: &mut Encoder) {
    for part in parts {
        if is_number(part) {
            out.number(part);
        } else {
            out.mark(TEXT);
            out.text(part);
        }
    }
}
