//! The Notary v1 dialect of TUF, in which Docker Content Trust signs tags.
//!
//! A repository of trust data (its name is the *GUN*, `host[:port]/namespace/name`) is a handful of signed JSON documents,
//! called roles. Each names the keys of the next, or its checksum:
//!
//! ```text
//!   root ──keys──► targets ──keys──► targets/releases     tag ─► digest   (the tags that count)
//!    │  (x509,       │     └─keys──► targets/gitlab       tag ─► digest   (what one signer says)
//!    │   CN = GUN)   │
//!    ├──keys──► snapshot ──checksums of all the above       often signed by the server
//!    └──keys──► timestamp ──checksum of the snapshot        always signed by the server
//! ```
//!
//! It is not TUF 1.0: signatures are made over Docker's own canonical JSON, ECDSA signatures are raw `r‖s`, key ids hash a
//! `"private":null`, roots are certificates, and the `paths` of delegations are prefixes. No TUF crate reads it.
//!
//! Bytes in, values out. Signatures are verified over the re-encoded `signed`, never over bytes as they came; a threshold
//! counts different keys, never key ids; the method of a signature is bound to the type of its key; "now" is an argument.
//! Whatever is not understood (an unknown field, a field in other capitals, a key twice, a number beyond 2^53) is refused,
//! because the clients' parser, written in Go, would understand it otherwise than we do.
//!
//! The one effect: [`SigningKey`] takes randomness from the operating system inside aws-lc-rs, which offers no other way to
//! make a key or an ECDSA signature. No test depends on its value.
//!
//! What this crate does not know: HTTP, multipart, SQL, who may publish, whether a digest exists in the registry.

pub mod canonical;
mod certificate;
mod error;
mod role;

mod key;
mod material;

mod field;
mod metadata;
mod targets;
pub mod verify;

pub mod publish;

pub mod build;
mod edit;
mod sign;

mod read;

pub use edit::sign_tag;
pub use error::Error;
pub use key::{KeyId, KeyType, PublicKey};
pub use metadata::{Document, Envelope, Hashes, Meta, Payload, Root, Signature, Snapshot, Timestamped};
pub use publish::{HeldKeys, PublishError, Stored, Validated, validate};
pub use read::{SignedTag, Signer, Skipped, TrustData};
pub use role::RoleName;
pub use sign::SigningKey;
pub use targets::{Delegation, Target, Targets};
pub use verify::Authority;
