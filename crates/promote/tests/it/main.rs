//! Promotions over a real registry, a real scanner and a real database.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

#[path = "../../../trust/tests/it/client.rs"]
mod client;
mod decisions;
mod policies;
#[path = "../../../db/tests/it/postgres.rs"]
mod postgres;
mod process;
mod properties;
mod signer;
mod standing;
mod trials;
mod vex;
mod waivers;
mod wakes;
mod world;
