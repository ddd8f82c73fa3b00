//! Layers built in the test, read and merged.
#![expect(clippy::unwrap_used, reason = "a test may stop where it is")]

mod bombs;
mod distributions;
mod hostile;
mod layers;
mod merging;
mod tarball;
