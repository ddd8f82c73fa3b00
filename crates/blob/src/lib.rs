//! Content-addressed bytes on the local file system: what was acknowledged is on disk, under the hash of what it holds.
//!
//! ```text
//!   <folder>/
//!     blobs/sha256/9f/9f86d081…   one file per blob, named by its digest; never changed, only replaced by the same bytes
//!     blobs/sha512/ab/ab53…       all 256 folders of each algorithm exist from the first start
//!     uploads/0b3k…               an upload under way, named by its id; its length is the offset to go on from
//!     uploads/put-0b3k…           a whole blob while it is written; removed at start
//! ```
//!
//! The way of a blob, none of whose steps is skipped:
//!
//! ```text
//!   chunk ─► hash and write ─► … ─► finish: compare digests ─► fdatasync ─► rename ─► fsync the folder ─► Ok
//! ```
//!
//! Invariants:
//! - A path is made from a digest or an id, never from a name somebody chose.
//! - `Ok` of a finish or put means that the bytes are on disk under their digest; a crash at any step leaves the old state
//!   or the new one. A blob that was there before is replaced, so that a second push repairs what a disk has spoilt.
//! - The offset of an upload is the length of its file and stands nowhere else. The running hash is kept in memory; after
//!   a restart the file is read again.
//! - One sender at a time writes to an upload; the second one is told so.
//! - A blob whose stored size is not the expected one is never sent.
//!
//! What this crate does not know: repositories, who may read what, how long an upload may rest, SQL. One process owns
//! the folder.

mod blobs;
mod error;
mod file_reader;
mod layout;
mod session;
mod upload;

pub use blobs::{Blob, Blobs, Stored};
pub use error::Error;
pub use file_reader::FileReader;
pub use upload::{Chunk, Upload};
