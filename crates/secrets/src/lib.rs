//! Keys and tokens in files, masked.
//!
//! ```text
//!   path, bytes ─► text? ─► one pass for the beginnings of all rules ─► each: alphabet, length, checksum, entropy ─► Secret
//!                           files that keep credentials by their name ─► their own readers ──────────────────────┘
//! ```
//!
//! Precise before complete: a rule reports what has the issuer's form (prefix, alphabet, length), its checksum where it has
//! one, and the entropy of something random; placeholders are dropped. What lies where tests and documentation lie is
//! reported with low confidence, because distributions bring hundreds of keys that open nothing.
//!
//! What is looked through: files whose first 8 KiB hold no zero byte (git's rule for text), up to
//! [`base::limits::SECRETS_FILE_BYTES`]. Others are skipped, and the answer says so: a secret inside of an executable or an
//! archive is not found.
//!
//! Invariants: a [`Secret`] never holds more than the first four and the last two characters of what was found, and nothing
//! of a private key. Any bytes are read in bounded time and memory, and nothing panics. The same bytes give the same answer.
//!
//! What this crate does not know: whether a secret still works, which it never tries; layers; policies.

mod find;
mod judge;
mod secret;

mod assignment;
mod credential_file;
mod private_key;
mod rules;
mod token;

pub use find::{Findings, Skipped, find};
pub use secret::{Confidence, Key, Secret};
