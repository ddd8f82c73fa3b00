//! Pruning against a real registry.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../../../db/tests/it/postgres.rs"]
mod postgres;
mod pruning;
mod world;
