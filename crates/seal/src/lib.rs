//! Signatures over images, in the forms in which other tools make them: read, and verified with keys that an operator gave.
//!
//! ```text
//!   manifest ─► Artifact: which form, which blobs ─► read ─► Signature ─► verify(image, anchors, now) ─► who signed
//!
//!   form                      found as                         signed bytes                       by
//!   cosign's older signature  tag sha256-<hex>.sig, a layer    simple signing payload             key, certificate
//!   cosign's older statement  tag sha256-<hex>.att, a layer    DSSE: in-toto statement            key, certificate
//!   Sigstore bundle 0.3       referrer, one layer              DSSE, or the manifest itself       key, certificate
//!   notation                  referrer, one layer              JWS or COSE: a descriptor          certificate
//! ```
//!
//! Bytes in, values out. An [`Anchor`] is what the operator trusts: a key, or the certificate of an authority. No log and no
//! server is asked; an entry of a public log that a signature carries proves nothing here.
//!
//! Invariants:
//! - A [`Signature`] is a claim until [`Signature::verify`] says whose it is. It says so for one image only: digest, and
//!   where the form names them, media type and size.
//! - The key decides by which algorithm it signs, never the message (CVE-2015-9258).
//! - A certificate counts while it and its whole chain are valid, for signing code. One that has run out counts for nothing,
//!   because nothing proves here that the signature is older.
//! - Nothing is skipped in silence: a layer that cannot be read is an [`Unreadable`], too many are one too.
//! - Any bytes are read in time and memory in proportion to their length, under the limits of [`base::limits`].
//!
//! What this crate does not know: where signatures are kept, who may see them, who the operator is, whether a key was
//! revoked, what a statement's predicate means.

mod anchor;
mod certificate;
mod error;
mod key;

mod artifact;
mod signature;

mod cosign;
mod dsse;
mod statement;

mod bundle;

mod cose;
mod jws;
mod notation;

pub use anchor::{Anchor, Anchors, Authority};
pub use artifact::Artifact;
pub use dsse::{PAYLOAD_TYPE, pre_authentication_encoding};
pub use error::{Refused, Unreadable};
pub use key::{KeyId, PublicKey};
pub use signature::{Form, Image, Signature, Signer};
