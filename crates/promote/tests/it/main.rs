//! Promotions over a real registry, a real scanner and a real database.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod decisions;
mod policies;
mod properties;
mod standing;
mod trials;
mod vex;
mod waivers;
mod world;
