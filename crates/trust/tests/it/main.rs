//! Trust data on a real database: published, served, kept fresh, rotated, deleted, and who signed what.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod attached;
mod client;
mod keys;
#[path = "../../../db/tests/it/postgres.rs"]
mod postgres;
mod publish;
mod rights;
mod tags;
mod world;
