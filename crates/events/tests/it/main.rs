//! Webhooks against real receivers on loopback, over a real database.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod delivery;
mod forms;
mod guard;
mod lanes;
mod pulls;
mod receiver;
mod rights;
mod world;
