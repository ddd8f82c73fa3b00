//! The registry on a real database and a real folder of blobs.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod attaching;
mod collecting;
mod copying;
mod deleting;
#[path = "../../../blob/tests/it/gateway.rs"]
mod gateway;
mod healing;
mod limiting;
mod listing;
mod manifests;
mod model;
mod parts;
#[path = "../../../db/tests/it/postgres.rs"]
mod postgres;
mod pushing;
mod replicas;
mod restoring;
mod rights;
mod scrubbing;
mod uploads;
mod world;
