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
//!   /api/v1/…                     api/                 what DTR lacked
//!   /ca /livez /readyz /metrics   operate.rs           operators
//! ```
//!
//! What this crate does not know: SQL, files, how a decision is made.

mod advisories;
mod app;
mod audit;
mod caller;
mod error;
mod guarded;
mod operate;
mod router;
mod token;
mod v2;

mod dtr;
mod oci;

pub use app::{App, Metrics, Parts, Site};
pub use guarded::{StateError, guarded};
pub use router::router;
