//! Pruning against a real registry.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod pruning;
mod world;
