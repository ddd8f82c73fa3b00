//! Mirroring: images that follow policies to other registries, and images that are fetched from them.
//!
//! ```text
//!   image.pushed ──┐                                        one row per policy and tag        in lanes of their own
//!   scan.completed ┼─► policy::decide over promotion's ───► what is wanted: digest, remote ──► push ─► blobs, manifests, tag
//!   policy applied ┤   evidence                             tag, how far it is, when again        └─► image.mirrored, or again later
//!   said, signed … ┘
//!
//!   every 30 minutes ─► poll: the tags there ─► digests that differ here ─► row ─► fetch into the registry's own push ─► image.mirrored
//! ```
//!
//! Invariants:
//! - What is wanted is a row before anything is sent, so that a failure or a crash is caught up: what the other side has already is not
//!   sent again.
//! - Manifests go as the bytes they are: the digest there is the digest here. The tag comes last, when everything it names is there.
//! - Credentials are sealed at rest, opened to be used, and in no answer, entry, event or error.
//! - Every address is checked before it is called (`outbound`), also those that the other registry names.
//! - What is unknown is not mirrored, as it is not promoted.
//!
//! What this crate does not know: how a registry is spoken to (`remote`), how evidence is gathered (`promote`), HTTP as a server, webhooks.

mod mirroring_policy;
mod work;

mod evaluate;
mod plan;
mod policies;
mod poll;
mod push;
mod transfer;

mod error;
mod jobs;
mod service;
mod store;

pub use error::Error;
pub use jobs::{EVERY_JOB, POLL_JOB, SUBSCRIPTIONS};
pub use mirroring_policy::{Direction, MirroringForm, MirroringPolicy, Place, Status};
pub use service::{Mirror, Permissions};
pub use store::SCHEMA;
pub use work::{Progress, Work};
