//! The protocols people and tools speak, over HTTP.
//!
//! One origin, told apart by path. A handler extracts, calls one service method and renders the answer; every HTTP status and
//! every wire error code of the product is in this crate and nowhere else.
//!
//! ```text
//!   /v2/…, /auth/token            oci.rs token.rs      docker, podman, skopeo
//!   /v2/<gun>/_trust/…            notary.rs            notary, docker trust
//!   /<ns>/<project>.git/…         git.rs               git
//!   /api/v4/…                     gitlab/ runner.rs    GitLab clients and runners
//!   /api/v0/…, /enzi/v0/…         dtr/                 scripts of a DTR or MSR estate
//!   /api/v1/…                     audit.rs chain.rs    what DTR lacked, described by openapi.rs
//!   /ca /livez /readyz /metrics   operate.rs           operators
//!   /                             pages/               people
//! ```
//!
//! What this crate does not know: SQL, files, how a decision is made.

mod admission;
mod advisories;
mod app;
mod audit;
mod caller;
mod chain;
mod changes;
mod decisions;
mod error;
mod etag;
mod git;
mod guarded;
mod openapi;
mod operate;
mod reports;
mod router;
mod runner;
mod scanned;
mod sendfile;
mod signatures;
mod signed;
mod token;
mod upkeep;
mod v2;

mod dtr;
mod gitlab;
mod notary;
mod oci;
mod pages;

pub use app::{App, Metrics, Parts, Site};
pub use guarded::{StateError, guarded};
pub use openapi::description;
pub use router::router;
pub use sendfile::{SendfileLine, SendfileStream};
