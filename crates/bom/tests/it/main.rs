//! Reports written in every format and read again, bills and statements of others, and what happens to bytes that are neither.
#![expect(clippy::unwrap_used, reason = "tests may")]

mod arbitrary;
mod attesting;
mod cases;
mod foreign;
mod hostile;
mod published;
mod reading;
mod stating;
