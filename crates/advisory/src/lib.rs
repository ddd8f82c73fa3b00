//! Published vulnerability records: what a record says, which records speak of the same vulnerability, and which components a
//! set of them touches.
//!
//! An importer turns foreign records into [`Advisory`] values. A [`Snapshot`] is a set of them in one file, named by its
//! digest, so that a decision can name what it was made with and be made again; a snapshot is opened without reading it.
//! [`find`] matches components against it and says what it could not judge; [`find_distinct`] does so for a whole registry.
//! [`changed`] says what a newer snapshot makes worth matching again, and a [`Delta`] leads from one to the next.
//!
//! ```text
//!   importers ──► Advisory, as its source has it                        Subject { ecosystem, package, version, … }
//!                    │ Snapshot::new: aliases welded, packages sorted,                │
//!                    ▼ version keys made                                              ▼
//!                 one file ── open: header only ── index by family and package ──► find ──► findings, each with its reason
//!                 digest, created                                                           unknown, each with what is missing
//!                    │
//!                    ├─ changed(old, new): packages, by hash       Delta: records that differ       Claim: what is signed
//!                    └─ Archive: snapshot or delta with the signed note, one .tar
//! ```
//!
//! Invariants:
//! * A package of a distribution is judged by that distribution's records only, by the name its feeds use: distributions fix
//!   old versions, so upstream's numbers would be wrong in both directions.
//! * Records of several sources about one vulnerability are one finding; a bulletin about several CVEs is a finding for each,
//!   and never makes them one.
//! * What a publisher says is not affected is not found; what it will not fix is, and says so.
//! * Unknown is not clean: no record for the ecosystem, no release named, a version missing: [`Matches::unknown`].
//! * The same records make the same bytes, and the same snapshot and subjects the same findings. Nothing here reads a clock.
//! * No file can make a reader fail: what points nowhere reads as nothing. Whether a file is right is found out once, by
//!   [`Snapshot::verify`], which builds it again from its own records.
//!
//! What this crate does not know: layers, images, where components were found, waivers, policies, how a snapshot got here, keys.

mod ecosystem;
mod family;

mod affected;
mod cvss;
mod rating;
mod record;
mod severity;

mod about;
mod alias;
mod build;
mod layout;
mod merge;
mod pool;
mod read;
mod snapshot;
mod text;

mod archive;
mod claim;
mod delta;
mod diff;

mod import;
mod starter;

mod explain;
mod find;
mod held;
mod mention;
mod stamp;
mod subject;

mod error;

pub use about::{About, Source};
pub use affected::{Affected, Named, Range, Status};
pub use archive::{Archive, Content};
pub use claim::Claim;
pub use delta::Delta;
pub use diff::{Changed, changed};
pub use ecosystem::Ecosystem;
pub use error::Error;
pub use explain::{Finding, Matches, find, find_with};
pub use family::Family;
pub use find::{Hit, Hits, find_distinct};
pub use layout::Bytes;
pub use mention::Mention;

pub use import::{Format, Import, from_changelog, import};
pub use rating::Rating;
pub use record::{Advisory, Epss, Kev};
pub use severity::{Profile, Severity, Tally};
pub use snapshot::Snapshot;
pub use starter::starter;
pub use subject::{Binary, Subject, Unknown};
