//! Snapshots, imported records, and what they find.
#![expect(clippy::unwrap_used, reason = "a test may stop where it is")]

mod finding;
mod importing;
mod snapshots;
mod starting;
