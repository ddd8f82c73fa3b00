//! Content-addressed bytes in a folder or in a bucket: what was acknowledged stays, under the hash of what it holds.
//!
//! ```text
//!   <folder>/                     or the bucket with its prefix, where whole keys are the names
//!     blobs/sha256/9f/9f86d081…   one file per blob, named by its digest; never changed, only replaced by the same bytes
//!     blobs/sha512/ab/ab53…       all 256 folders of each algorithm exist from the first start
//!     uploads/0b3k…               an upload under way, named by its id; its length is the offset to go on from
//!     uploads/put-0b3k…           a whole blob while it is written; removed at start
//!     uploads/0b3k…/data, tail-N  the same in a bucket: see `parts.rs`
//! ```
//!
//! The way of a blob in a folder, none of whose steps is skipped (a bucket has its own, and says when it is done):
//!
//! ```text
//!   chunk ─► hash and write ─► … ─► finish: compare digests ─► fdatasync ─► rename ─► fsync the folder ─► Ok
//! ```
//!
//! Invariants:
//! - A path is made from a digest or an id, never from a name somebody chose.
//! - `Ok` of a finish or put means that the bytes are on disk under their digest; a crash at any step leaves the old state
//!   or the new one. A blob that was there before is replaced, so that a second push repairs what a disk has spoilt.
//! - In a folder the offset of an upload is the length of its file and stands nowhere else. In a bucket it stands in the
//!   upload's state, which the caller keeps and hands back, from whichever replica.
//! - One sender at a time writes to an upload; the second one is told so. Among replicas that share a bucket the caller sees
//!   to it.
//! - A blob whose stored size is not the expected one is never sent. What comes from a bucket is hashed on its way,
//!   a part of it by its [`Pieces`]. Whatever a reader finds damaged or lost is noted ([`Suspects`]) for whoever keeps the store.
//!
//! What this crate does not know: repositories, who may read what, how long an upload may rest, SQL. One process owns a
//! folder; a bucket may have many.

mod blobs;
mod error;
mod file_extents;
mod file_reader;
mod layout;
mod pieced;
mod pieces;
mod reader;
mod suspects;

mod growing;
mod receive;
mod session;
mod state;
mod upload;

mod bucket;
mod parts;
mod remote;

mod copy;

pub use blobs::{Blobs, Stored};
pub use bucket::BucketSettings;
pub use copy::Copied;
pub use error::Error;
pub use file_extents::{FileExtent, FileExtents};
pub use growing::Growing;
pub use pieces::Pieces;
pub use reader::{Blob, BlobReader, BlockingReader};
pub use state::UploadState;
pub use suspects::Suspects;
pub use upload::{Chunk, Upload};
