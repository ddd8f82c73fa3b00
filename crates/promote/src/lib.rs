//! Promotion: which image may go on, why, and that it went.
//!
//! ```text
//!   image.pushed ──┐               look (no lock)                      one transaction
//!   scan.completed ┼─► evaluate ─► tag, scan, triage ──► Evidence ─┐   the same facts still hold?
//!   policy applied ┤               what a policy asks besides ──────┤
//!   said otherwise ┤               policies of the source ─────────┴► decision row + decision.made   (every verdict)
//!   trust, signers ┘               policy::decide (pure)               allowed ─► registry.copy_tag, image.promoted
//! ```
//!
//! Invariants:
//! - A decision is a pure function of two documents that are kept by digest, so that anybody computes it again. The
//!   same inputs are decided once: an evaluation that finds nothing new writes nothing.
//! - All policies that allow an image promote it in one transaction, with their decisions, entries and events: all of it or
//!   none, also when the process dies. One `image.promoted` per policy, image and target tag.
//! - What is unknown is not promoted, and that is recorded like a refusal.
//! - A promotion never moves a tag backwards: an image that was pushed earlier does not replace a later one of the same
//!   source. An immutable target's refusal is recorded with its reason.
//! - A waiver makes findings not count, visibly: they are in the evidence as `waived`, and the waiver has a reason and an
//!   author; where waivers need an approval, also somebody else who gave it, and until then it counts for nothing. It ends with its date, its repository or its removal. What a kept document (VEX) states not to matter counts as waived too;
//!   of several statements the newest decides.
//!
//! What this crate does not know: how an image is scanned, copied, signed or built (it asks), webhooks, HTTP.

mod decision;
mod promotion_policy;
mod statement;
mod vex;
mod waiver;

mod asked;
mod attest;
mod documents;
mod evaluate;
mod facts;
mod manual;
mod policies;
mod read;
mod renew;
mod standing;
mod triage;
mod trial;
mod waivers;
mod weigh;

mod error;
mod jobs;
mod service;
mod store;

pub use attest::ATTEST_JOB;
pub use decision::{DecisionRecord, Effect, Promotion};
pub use documents::Put;
pub use error::Error;
pub use jobs::{CLOCK_JOB, EXPIRE_JOB, SUBSCRIPTIONS};
pub use promotion_policy::{PolicyChange, PromotionPolicy};
pub use read::Explained;
pub use service::Promote;
pub use statement::{PREDICATE_TYPE, Unfit, states};
pub use store::SCHEMA;
pub use triage::{Found, Triage};
pub use trial::{Trial, Trials};
pub use vex::VexDocument;
pub use waiver::{Approval, NewWaiver, Waiver, WaiverScope};
pub use weigh::Weighed;
