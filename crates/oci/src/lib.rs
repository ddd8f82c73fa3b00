//! The formats a registry and its clients speak: bytes in, values out.
//!
//! Everything that names or describes content in a registry is a type here, and its parser is the only way to get one.
//! Whoever holds a [`Digest`], a [`RepoName`], a [`Tag`] or a [`Manifest`] holds one that follows the specifications:
//! OCI distribution 1.1, OCI image 1.1, and Docker's registry v2 with its schema 2.
//!
//! ```text
//!   registry.example:4443 / admin / flask_build : 17 @ sha256:9f86…
//!   └──────── host ─────┘   └ namespace └ name    └ tag └ digest
//!                           └──── RepoName ────┘  └─ Reference ─┘          all of it: ImageRef
//!
//!   Index ── manifests ─► Manifest ── config ─► ImageConfig
//!     └ subject ─► …         ├─ layers ─► blobs (tar, tar+gzip, tar+zstd)
//!                            └─ subject ─► the manifest that this one is about
//! ```
//!
//! Invariants:
//! - A document is read in one way only. Go programs match JSON keys whatever their case and let the last one win; what
//!   they could read differently than we do is refused ([`json`]), for one digest must never mean two images.
//! - Nothing is ever written back: the caller keeps the raw bytes of what is signed or hashed beside the parsed form.
//! - Hostile input costs time and memory in proportion to its length, under the limits of [`base::limits`].
//!
//! What this crate does not know: where bytes are stored, who may read them, HTTP, SQL, the time.

mod text;

mod digest;
mod image_ref;
mod media_type;
mod name;

mod config;
mod descriptor;
mod error;
mod fields;
pub mod json;
mod manifest;

mod error_code;
mod range;

pub use config::{Healthcheck, History, ImageConfig};
pub use descriptor::{Descriptor, Platform, referrers_json};
pub use digest::{Algorithm, Digest, Hasher};
pub use error::ManifestError;
pub use error_code::{ErrorCode, errors_json};
pub use image_ref::ImageRef;
pub use manifest::{Manifest, ManifestKind};
pub use media_type::{Compression, MediaType};
pub use name::{Reference, RepoName, Tag};
pub use range::{ByteRange, ContentRange, Resolved};
