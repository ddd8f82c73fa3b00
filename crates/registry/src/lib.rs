//! Repositories and what is in them: who may read and write, what a tag names, and that it stays so.
//!
//! ```text
//!   tag ──► manifest ──► config, layers          a manifest is in a repository by a row in repository_manifests,
//!            │  └ index ──► manifests             a blob by a row in repository_blobs; its bytes lie once, in `blob`
//!            └ subject ◄── referrers
//!
//!   push:  parse ─► look (rights, references, immutability) ─► bytes on disk ─► one transaction: the same checks again,
//!          rows, audit entry, event image.pushed
//! ```
//!
//! Invariants:
//! - A right comes from membership (`identity::Level`) and the repository's visibility, read in the transaction that
//!   decides. A digest gives none: bytes are reached through a repository that holds them.
//! - Where only robots push, a person's level is no right to (`pushers.rs`).
//! - A repository that somebody may not see and one that does not exist are answered alike; nobody signed in is asked to
//!   sign in.
//! - Every tag goes through one gate (`tag.rs`): in an immutable repository a tag keeps its digest for ever, also after it
//!   was deleted, also for promotions. The same digest again is no change.
//! - What a tag names is whole: config, layers and children are in the repository with the sizes the manifest states, and
//!   cannot be removed while it is there. Layers that nobody may distribute are exempt. Where the operator lets sparse
//!   manifests in, what is missing is known ([`Registry::members`], [`Registry::missing_blob`]) and nothing is read through
//!   a repository that it does not hold.
//! - Manifests are stored as the bytes that came and served as the same bytes, checked against their digest.
//! - A change is one transaction with its audit entry, which sets the keys `registry/repository/…`, `registry/tag/…`
//!   (digest), `registry/tag_name/…` (the digest an immutable name is bound to) and `registry/origin/…` (how the tag came).
//!   An upload under way is no state of the registry and leaves no entry.
//!
//! - Nothing is lost to garbage collection that a push, a pull or a hold relies on, whatever runs at the same time
//!   (`collect.rs`).
//! - Bytes that are found damaged are sent to nobody until they are healed (`damage.rs`): from the replica store (`copies.rs`),
//!   or by the next push.
//! - How often a repository is pulled from is counted beside all this (`traffic.rs`): no pull writes a row.
//! - What the program itself says of an image (`attach.rs`) is a referrer that is no push: no event, no quota, no tag.
//!
//! What this crate does not know: HTTP, scans, policies, signatures. Those who depend on an image keep it by a [`Hold`].

mod error;
mod image;
mod repository;

mod access;
mod attach;
mod collect;
mod copies;
mod copy;
mod damage;
mod delete;
mod flights;
mod hold;
mod listing;
mod members;
mod pieces;
mod prune;
mod pull;
mod push;
mod pushers;
mod quota;
mod read;
mod record;
mod restore;
mod scrub;
mod service;
mod tag;
mod tend;
mod traffic;
mod upload;
mod upload_state;

mod store;

pub use access::Right;
pub use attach::{Attachment, Stored};
pub use collect::{COLLECT_JOB, Collected};
pub use copies::{CopiesChecked, Standing};
pub use copy::{Copied, Source, Target};
pub use error::Error;
pub use hold::Hold;
pub use image::{Config, Image, Layer, Origin, Page, Place, Referrer, StoredManifest, TagView};
pub use listing::Found;
pub use members::Members;
pub use prune::{BeyondLimit, Kept};
pub use push::{ManifestPush, Pushed};
pub use quota::{QuotaOf, Usage};
pub use repository::{NewRepository, Repository, RepositoryChanges, Visibility};
pub use restore::{Deleted, DeletedTag, Deletion};
pub use scrub::{SCRUB_JOB, Scrubbed};
pub use service::{Registry, Settings};
pub use store::SCHEMA;
pub use tend::Tended;
pub use traffic::{Counts, Totals, Traffic};
pub use upload::EXPIRE_JOB;
