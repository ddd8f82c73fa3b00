//! What may run: decided beforehand, carried in one signed set, asked without a network.
//!
//! ```text
//!   trust data ──┐                        every second, If-None-Match          "may I create this container?"
//!   tags ────────┼─► allow-set (signed) ──────────────────────────────► guard ◄──────────────────────────── engine
//!   teams ───────┘        ▲                                              │  judge(): a lookup in memory
//!   policy ───────────────┘        audit entries ◄── verdicts reported ──┘
//! ```
//!
//! Invariants:
//! - A verdict is about a digest. A tag is allowed only while it names the digest that was signed.
//! - Of every required team a member must have signed; a key that belongs to no active account counts for nobody.
//! - [`AllowSet::judge`] reads the set, the time it is given and nothing else. An expired set allows nothing.
//! - Whoever is not an administrator or a named guard sees neither set nor policy; only administrators change the policy.
//!
//! What this crate does not know: engines and their requests (`guard`), HTTP (`web`), how trust data is made (`trust`).

mod error;
mod policy;
mod team_name;

mod allow_set;
mod decide;
pub mod document;
mod evidence;
mod report;
mod service;
mod store;

pub use allow_set::{AllowSet, Entry, Verdict};
pub use decide::{RequiredTeam, SignedTag, decide};
pub use error::Error;
pub use policy::Policy;
pub use report::Reported;
pub use service::{Admit, Issued, SET_LIFETIME_S};
pub use store::SCHEMA;
pub use team_name::TeamName;
