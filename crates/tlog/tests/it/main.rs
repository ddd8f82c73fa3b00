//! The log against RFC 6962 computed the slow way, against published vectors, and against somebody who alters bytes.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

mod reference;

mod bundle;
mod checkpoint;
mod note;
mod proof;
mod receipt;
mod tile;
mod tree;
