//! The story of one digest: commit, pipeline, job, push, scan, decision, promotion, signature, admission.
//!
//! ```text
//!   entries about the digest ──► jobs that pushed it ──► their pipeline ──► its commit        the walk, over the audit log
//!              │                        │                     │                │
//!              └────────────────────────┴──────────┬──────────┴────────────────┘
//!                                       keep what the reader may know                         lineage
//!                                                  │
//!                             one node per entry, in the order of the log                     tell
//!                                                  │
//!   tags that name it now, who signed them ──► the verdict: promoted and signed, or what is missing
//! ```
//!
//! Invariants:
//! - Every node is one audit entry, named by its id and its index in the log; nothing is told that the log does not hold.
//! - The verdict is about now, from the tags and trust data as they are: an entry of yesterday proves no signature of today.
//! - Reading needs a repository that holds the digest and that one may pull from. What happened to the same bytes in other
//!   repositories is told only where this reader's copy came from there.
//!
//! What this crate does not know: HTTP, HTML, how anything it tells of was decided.

mod node;
mod story;

mod lineage;
mod tell;
mod verdict;

mod error;
mod walk;

pub use error::Error;
pub use lineage::{Link, lineage};
pub use node::{Node, State};
pub use story::Story;
pub use tell::tell;
pub use verdict::{Named, Signature, Verdict, judge};
pub use walk::Chain;
