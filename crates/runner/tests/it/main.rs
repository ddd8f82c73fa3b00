//! Jobs from the request to the report: a double of the server, a real git, and a real Docker engine.
//!
//! The engine is the one whose socket `ASSAY_TEST_DOCKER_SOCKET` names; without it these tests say so and prove nothing.
#![expect(clippy::unwrap_used, reason = "a failed step of a test is its failure")]

mod double;
mod engine;
mod jobs;
