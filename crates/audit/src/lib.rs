//! The tamper-evident log: every change of state is one entry, and every entry is one leaf of a Merkle tree.
//!
//! ```text
//!   a service method's transaction               the sequencer                     anybody
//!   ─────────────────────────────               ─────────────                     ───────
//!   change rows ─┐                               takes entries without an index,
//!   append() ────┼─ commit ──► audit_entries ──► gives each the next one,    ──►  checkpoint   (signed note)
//!   emit()   ────┘             (id, body)        signs the new tree head,         tile/entries (the leaves)
//!                                                then writes the files            tile/0…      (RFC 6962 hashes)
//! ```
//!
//! An entry says what, when, who, why and which digests it is about. It also carries the *state* that the change left behind
//! (`sets`): a fold over the log gives the present state of everything the log guards, so that a row changed by SQL alone is
//! found by comparing the fold with the tables.
//!
//! # Invariants
//!
//! * Of two transactions that change the same row, the later one's entry stands later in the log.
//! * An index, the frontier and the checkpoint are committed together, and only over the size that was signed on top of. No
//!   two checkpoints that contradict each other are ever stored.
//! * The database is first, the files follow: they are never ahead of it, and whatever a crash left out of them is written
//!   again from its rows. A file that *contradicts* the rows is never overwritten; the sequencer stops and says so, while
//!   entries are still appended and read.
//! * Verification believes nothing but the verifier's key: every leaf is hashed again, up to the signed root.
//!
//! # What this crate does not know
//!
//! What any entry means. It never deletes one.

// Writing.
mod entry;
mod ordinal;
mod sequence;

// The service and its files.
mod builder;
mod files;
mod log;
mod publish;

// Reading.
mod body;
mod read;

// Proving.
mod fold;
mod report;
mod snapshot;
mod walk;

mod error;
mod store;

pub use body::Body;
pub use entry::{Entry, append};
pub use error::Error;
pub use fold::Guarded;
pub use log::Log;
pub use read::{Filter, StoredEntry};
pub use report::{Problem, Report};
pub use snapshot::{Snapshot, verify_folder};
pub use store::SCHEMA;
