//! Trust data in the Notary v1 form: accepted, kept for ever, served, kept fresh; and what it says about tags.
//!
//! Clients (`notary`, `docker trust`) sign at home and publish documents; the server checks that each follows from what is
//! stored, and adds the two documents that prove freshness with keys of its own:
//!
//! ```text
//!   publish ─► load ─► tuf::validate ─► sign snapshot, timestamp ─► one transaction: documents, keys, changefeed,
//!                ▲                                                     │              audit entry, event
//!                └────────────── somebody published meanwhile ◄────────┘
//!
//!   trust_metadata   one row per (GUN, role, version), never changed         timestamp ─► snapshot ─► root, targets, …
//!   trust_keys       the server's keys, sealed:  pending ─(a root names it)─► active ─(a root drops it)─► gone
//!   trust_changes    what changed, in order, for mirrors
//!   trust_anchors    keys and authorities of people elsewhere, whose signatures count
//! ```
//!
//! Signatures in other forms stand beside the image in the registry; they are read, and judged by crate `seal`, when somebody asks.
//!
//! Invariants: nothing is stored that [`tuf::validate`] did not accept; what is current is found through timestamp and
//! snapshot within one transaction, so that a reader never sees half of a publish; a signed tag is held in the registry; private keys are in the database only
//! sealed, and each is bound to its repository, role and id; a GUN begins with this installation's own name, so that its
//! rights are those of the repository it names.
//!
//! What this crate does not know: HTTP, multipart, tokens, whether a digest exists in the registry, who must have signed.

mod error;
mod gun;

mod access;
mod held;
mod store;

mod key;
mod publish;
mod read;
mod record;
mod refresh;
mod service;

mod changefeed;
mod view;

mod anchor;
mod attached;

pub use anchor::{AnchorKind, AnchorName, TrustAnchor};
pub use attached::{AttachedSignature, SignedBy, Verdict};
pub use changefeed::{Change, ChangeKind};
pub use error::Error;
pub use gun::Gun;
pub use read::{Served, Which};
pub use service::Trust;
pub use store::SCHEMA;
pub use view::{SignedTagView, SignerView};
