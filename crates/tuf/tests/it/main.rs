//! Trust data end to end: recorded flows replayed, refusals, hostile documents, random histories.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod flows;
mod histories;
mod hostile;
mod keys;
mod refusals;
mod repo;
mod signing;
