//! Pipelines, runners and triggers on a real database and real repositories.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod order;
mod settings;
mod traces;
mod world;
