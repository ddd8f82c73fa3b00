//! The embedded runner: a process of its own that asks the server for jobs and runs each in a container.
//!
//! It speaks GitLab's runner protocol (`/api/v4/runners`, `/api/v4/jobs`) like any stock runner, so nothing in the server
//! knows that this one is ours, and it drives a real Docker engine over its HTTP API (1.41 and later) on a unix socket.
//!
//! ```text
//!            POST /jobs/request (held)                      ┌────────── one job ───────────┐
//!  server ◄──────────────────────────── dispatch ──────────►│ prepare   image, container   │
//!         ◄── PATCH /jobs/N/trace ───── uplink ◄── trace ◄──│ source    git ─► tar ─► /builds
//!         ◄── PUT   /jobs/N ─────────── uplink     ▲ mask   │ script    sh, attach, wait   │──► engine
//!                                                           │ after_script, artifacts      │
//!                                                           └──────────────────────────────┘
//! ```
//!
//! What always holds:
//!
//! - *No secret leaves.* Every byte of a log passes [`mask`] before anything keeps or sends it, whatever the chunks it
//!   came in. Tokens stand in headers and environments, never in arguments, URLs or our own log.
//! - *Nothing of the repository touches this machine's file system.* Objects are fetched; the tree goes from `git archive`
//!   straight into the container. There is no checkout here that a hostile tree could trick.
//! - *A dead runner leaves no running job.* Containers carry labels; a start removes those of the last life and reports
//!   their jobs failed. A server that no longer knows a job makes the runner stop it.
//! - *A dead server costs nothing.* The job goes on, the log waits, everything is asked again with growing pauses.
//!
//! What this crate does not know: accounts, the database, the pipeline file, any crate of the product besides `base`. What
//! it cannot do yet: services, caches, submodules, engines over TCP.

mod config;
mod error;

mod claim;
mod dispatch;
mod payload;
mod server;

mod artifacts;
mod container;
mod files;
mod glob;
mod job;
mod mask;
mod outcome;
mod pack;
mod place;
mod script;
mod source;
mod trace;
mod uplink;
mod variables;

mod engine;

pub use config::{Config, PullPolicy};
pub use dispatch::run;
pub use error::Error;
