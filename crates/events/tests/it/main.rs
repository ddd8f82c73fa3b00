//! Webhooks against real receivers on loopback, over a real database.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod delivery;
mod forms;
mod guard;
mod lanes;
#[path = "../../../db/tests/it/postgres.rs"]
mod postgres;
mod pulls;
mod receiver;
mod rights;
mod world;
