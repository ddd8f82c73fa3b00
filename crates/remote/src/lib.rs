//! A client of other registries (OCI distribution specification 1.1, and what Docker's registry had before it).
//!
//! ```text
//!   Remote ── request ─► Transport ── open: a client as the command line has it
//!     │  401: Bearer realm=…        └ guarded: the address is checked, then called; each redirect too
//!     └──► token service ─► token for exactly this repository
//! ```
//!
//! Invariants:
//! - Blobs are streams; nothing but manifests, lists and tokens is held in memory.
//! - A manifest is the bytes that came, and has the digest it was asked for by.
//! - Credentials go to the registry and, where it sends there over TLS, to its token service: to no host that a redirect leads to. No
//!   error has one in it, nor the query of an address.
//!
//! What this crate does not know: what is mirrored or scanned, and when it is tried again.

mod error;
mod pull;
mod push;
mod sign_in;
mod transport;

pub use error::Error;
pub use pull::{Fetched, Remote};
pub use push::Started;
pub use sign_in::Credentials;
pub use transport::{Guarded, Transport};
