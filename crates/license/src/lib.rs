//! Licences: SPDX expressions, and licence texts known by what they say.
//!
//! Packages name their licence in a hundred spellings, or only bring its text; both become SPDX identifiers.
//!
//! ```text
//!   "GPLv2+ or ASL 2.0" ─ expression ─► GPL-2.0-or-later OR Apache-2.0     names.txt: spellings; the SPDX list: the rest
//!   COPYING             ─ classify ───► GPL-3.0-only 99 %, MIT 100 %       texts.bin: sketches of the SPDX texts
//! ```
//!
//! The sketches are learnt by `cargo run -p license --example learn`, from the texts that the `spdx` crate brings. A test
//! learns them again and compares.
//!
//! Invariants: the same text gives the same identifiers; any bytes are read in bounded time, and nothing panics. What is
//! not on the SPDX list gets a `LicenseRef-` of its own and is never rounded to something that is. Every expression given out
//! is one by the grammar of SPDX 3.0, annex B.
//!
//! What this crate does not know: which licence is wanted. That is a policy's question ([`Expression::allows`] answers it).

mod expression;

mod gnu;
mod parse;
mod phrase;

mod classify;
mod file;
mod notice;
mod sketch;
mod words;

pub use classify::{Evidence, Match, classify};
pub use expression::{Expression, all, expression};
pub use file::is_license_file;
pub use sketch::learn;
