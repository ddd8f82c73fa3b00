//! Configuration of images, as facts that policies can ask.
//!
//! ```text
//!   image configuration ─► Config ─┐
//!   merged list of files ──────────┼─ facts ─► runs-as-root, no-healthcheck, setuid-files, secret-in-environment, …
//!                                  ┘
//!   history ─ instruction ─► the line of the Dockerfile      diff ids ─ base_layers ─► how many layers are the base image's
//! ```
//!
//! The facts follow section 4, "Container Images and Build File Configuration", of the CIS Docker Benchmark 1.7, where it
//! asks what an image itself can answer.
//!
//! Invariants: a fact is a stable identifier, a sentence, and where it was seen; the same image gives the same facts in the
//! same order. No fact holds a secret's value. Lists are cut at [`base::limits::FACT_PLACES`], and the number says how many
//! there were.
//!
//! What this crate does not know: whether a fact matters, which is a policy's question; the contents of files.

mod base_image;
mod config;
mod fact;
mod facts;
mod files;
mod history;

pub use base_image::{Base, base_layers, base_named, layers_of_history};
pub use config::{Config, Step};
pub use fact::Fact;
pub use facts::facts;
pub use files::{File, facts as of_files};
pub use history::instruction;
