//! The log on real engines: SQLite always, PostgreSQL when `ASSAY_TEST_POSTGRES` holds a URL.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

mod append;
mod flip;
mod read;
mod recover;
mod sequence;
mod simulate;
mod state;
mod world;
