//! What is inside an image: layers read as streams, their files and packages, and layers merged as an engine would.
//!
//! A layer is read once, byte by byte, never written to disk and never held whole in memory ([`read_layer`]). What comes
//! out, a [`LayerInventory`], is a plain value that is stored by the layer's digest and never computed again. An image is
//! the [`merge`] of its layers: whiteouts and opaque directories remove what lower layers brought, the last package
//! database wins, and each component remembers the layer that brought it.
//!
//! ```text
//!   packed bytes ─ stream ─► tar bytes ─ archive ─► members ─ read ─► LayerInventory ┐
//!                  (limits,    │                      (SHA-256 of each file,         ├─ merge ─► ImageInventory
//!                   ratio)     └─ SHA-256: diff_id     documents parsed)             ┘            os, components, gaps
//! ```
//!
//! Invariants:
//! * Bytes from outside never panic, hang or grow memory beyond [`Limits`]; what an engine could read differently from
//!   us is refused with a sentence, not guessed.
//! * The same bytes give the same inventory, byte for byte ([`LayerInventory::to_json`] is canonical).
//! * What could not be looked at is said ([`ImageInventory::gaps`]); silence never stands for "nothing there".
//!
//! What this crate does not know: advisories, severities, where blobs lie, manifests, async. The caller runs it on a
//! thread that may block.

mod archive;
mod gzip;
mod limits;
mod pax;
mod pipe;
mod stream;

mod content;
mod layer;
mod listing;
mod queue;
mod read;
mod shadow;

mod error;
mod gap;
mod image;
mod lock;
mod merge;
mod view;

pub use content::{FoundSecret, Program};
pub use error::Error;
pub use gap::Gap;
pub use image::{Component, Gone, ImageInventory, Secrets};
pub use layer::{LayerInventory, Link, Notable, ReadLayer, SCANNER_VERSION};
pub use limits::Limits;
pub use listing::{Entry, Listing};
pub use merge::merge;
pub use pipe::Progress;
pub use read::read_layer;
pub use shadow::Shadow;
pub use stream::Compression;
