//! Every reader of foreign bytes by name, with whole files to begin from: what damaged bytes are tried on.
//!
//! ```text
//!   files of all crates' tests ─► Reader { name, seeds, read } ─┬─ Damage ─► a thousand each in `cargo test`, on any toolchain
//!                                                              └─ seeds ──► `cargo xtask fuzz`: libFuzzer, led by coverage
//! ```
//!
//! The same function is called from both sides, so that neither can fall behind the other; `fuzz/` at the root holds what libFuzzer
//! needs and nothing else. A reader's function asserts, besides not panicking, what its crate promises of an answer: sorted, named,
//! written again the same.
//!
//! Invariants: a reader reads each of its own seeds, or damaging them would prove nothing. The same seed gives the same damage.
//!
//! What this crate does not know: whether an answer is right. That stands in the tests of the crate that gives it.
#![expect(
    clippy::unwrap_used,
    reason = "it is called by tests and fuzzers only, and has to stop at the first surprise"
)]

mod damage;
mod reader;

mod advisories;
mod bills;
mod documents;
mod layers;
mod packages;
mod programs;
mod texts;

#[path = "../../fingerprint/tests/it/made.rs"]
mod made_libraries;
#[path = "../../package/tests/it/made.rs"]
mod made_programs;

pub use damage::Damage;
pub use reader::{Reader, reader, readers};
