//! Pruning: which tags go by themselves, and what is kept all the same.
//!
//! ```text
//!   every 15 minutes ┐                    look (no lock)                        one transaction per batch
//!   a policy changed ┴─► prune.repository ─► tags ─► policy::decide (pure) ─────► the same facts still hold?
//!                                             │      over promotion's evidence     nothing keeps the tag?
//!                                             └ kept: signed, promoted, part of    ─► tag.deleted, with what each rule came to
//!                                               an index
//! ```
//!
//! Invariants:
//! - What is unknown is not pruned: a rule about findings waits for the scan.
//! - A policy without rules would prune everything, so there is none.
//! - A pruned tag is deleted as by hand: the same entry with the policy and its reasons, the same event, the same time in which it can
//!   be brought back. Bytes go with garbage collection.
//! - The dry run is the same code up to the deletion.
//!
//! What this crate does not know: how evidence is gathered (`promote`), how a tag is deleted and what keeps one (`registry`), what runs
//! on engines.

mod pruning_policy;

mod evaluate;
mod policies;

mod error;
mod jobs;
mod service;
mod store;

pub use error::Error;
pub use evaluate::{Judged, Page};
pub use jobs::{EVERY_JOB, REPOSITORY_JOB, SUBSCRIPTIONS};
pub use pruning_policy::{PruningForm, PruningPolicy};
pub use service::Prune;
pub use store::SCHEMA;
