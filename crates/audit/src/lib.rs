//! The tamper-evident log: every change of state is one entry, and every entry is one leaf of a Merkle tree.
//!
//! ```text
//!   a service method's transaction               the sequencer                    anybody
//!   ─────────────────────────────               ─────────────                    ───────
//!   change rows ─┐                               takes entries without an index,
//!   append() ────┼─ commit ──► audit_entries ──► gives each the next one,    ──► checkpoint (signed note)
//!   emit()   ────┘             (id, body)        signs the new tree head         tile/… (RFC 6962 hashes)
//! ```
//!
//! An entry says what, when, who, why and which digests it is about. It also carries the *state* that the change left behind
//! (`sets`): a fold over the log gives the present state of everything the log guards, so that a row changed by SQL alone is
//! found by comparing the fold with the tables.
//!
//! What this crate does not know: what any entry means. It never deletes one.

mod entry;
mod store;

pub use entry::{Entry, append};
pub use store::SCHEMA;
