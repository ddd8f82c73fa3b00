//! Integration tests: executables made here, an index learnt from them, and what is said of others.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod hostile;
mod learnt;
mod made;
mod same;
