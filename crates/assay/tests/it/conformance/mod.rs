//! Every check of the OCI's conformance program, as tests of our own: the real server, over HTTP, one file per section of the
//! specification.
//!
//! ```text
//! wire         a client that speaks the protocol byte by byte
//! sets         the documents that are pushed: images, indexes, artifacts, with and without a subject
//! pushing      blobs in every way they can come, mounts, what is refused
//! pulling      blobs and ranges of them, what is not there
//! documents    every set, from its push to its deletion; manifests that are refused; tags as parameters
//! discovery    tags and referrers, in pages, filtered
//! ```
//!
//! The program itself runs with `cargo xtask interop conformance` where Go is. Section numbers are not used by the specification,
//! so the files carry the names of its headings: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>.

mod discovery;
mod documents;
mod pulling;
mod pushing;
mod sets;
mod wire;

pub use self::wire::{OCTETS, Wire, basic, content, uploads};
