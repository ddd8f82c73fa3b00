//! Transactions over SQLite or PostgreSQL, and nothing else.
//!
//! [`write!`] is the only way to change state, [`Db::read`] the only way to look at it. One SQL text serves both
//! engines: `$1` placeholders, TEXT, BIGINT, BOOLEAN and BYTEA columns, times as microseconds, ids as TEXT.
//!
//! On SQLite there is one writer connection. Closures that arrive together share one commit: each runs in a savepoint of
//! its own, and the first of them sends somebody to commit for all, so that durability is paid once per group and not once per
//! request; the next group is at work while the disk takes this one (`wal.rs`):
//!
//! ```text
//!   A: lock · BEGIN · SAVEPOINT · closure · RELEASE · unlock ─ wait ──────────────────────────────── → Ok
//!   B:          queue ─────────────────────── lock · SAVEPOINT · closure · RELEASE · unlock ─ wait ─ → Ok
//!   committer:                                   queue ─────────────────── lock · COMMIT · unlock · sync
//! ```
//!
//! On PostgreSQL every closure is a serializable transaction, and runs again when the engine asks for that; a closure must
//! therefore have no effect but SQL.
//!
//! What this crate does not know: any table of the product. Each context brings its own SQL in its `store.rs` and its own
//! [`Schema`].

mod bulk;
mod engine;
mod error;
mod group;
mod row;
mod schema;
mod sqlite;
mod tx;
mod value;
mod wal;

pub use bulk::Bulk;
pub use engine::{Attempts, Db, Location, Open};
pub use error::Error;
pub use row::Row;
pub use schema::Schema;
pub use tx::Tx;
pub use value::Val;
