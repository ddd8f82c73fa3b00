//! The registry on a real database and a real folder of blobs.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod copying;
mod deleting;
#[path = "../../../blob/tests/it/gateway.rs"]
mod gateway;
mod manifests;
mod model;
mod pushing;
mod replicas;
mod rights;
mod uploads;
mod world;
