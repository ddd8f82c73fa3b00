//! Published vulnerability records: how versions compare, what a record says, and which components a set of them touches.
//!
//! A [`Snapshot`] is a set of [`Advisory`] values named by the digest of its canonical text, so that a decision can name
//! what it was made with and be made again. [`starter`] is compiled in; others are imported from the feeds of others ([`Import`]).
//! [`find`] matches components against a snapshot, and says what it could not judge.
//!
//! ```text
//!   starter.txt ─┐                          Subject { ecosystem, package, version }
//!   feeds ───────┴► Snapshot ── index ──► find ──► findings, each with its reason
//!                   digest, created                unknown, each with what is missing
//! ```
//!
//! Invariants:
//! * A package of a distribution is judged by that distribution's records only, by its *source* package: distributions
//!   fix old versions, so upstream's numbers would be wrong in both directions.
//! * Unknown is not clean: no record for the ecosystem, no release named, a version missing: [`Matches::unknown`].
//! * The same snapshot and subjects give the same findings, in the same order. Nothing here reads a clock.
//!
//! What this crate does not know: layers, images, where components were found, waivers, policies, how a snapshot got here.

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

mod claim;
mod delta;
mod diff;

mod import;
mod starter;

mod explain;
mod find;
mod held;
mod stamp;
mod subject;

mod error;

pub use about::{About, Source};
pub use affected::{Affected, Named, Range, Status};
pub use claim::Claim;
pub use delta::Delta;
pub use diff::{Changed, changed};
pub use ecosystem::Ecosystem;
pub use error::Error;
pub use explain::{Finding, Matches, find, find_with};
pub use family::Family;
pub use find::{Hit, Hits, find_distinct};
pub use layout::Bytes;

pub use import::{Format, Import, from_changelog, import};
pub use rating::Rating;
pub use record::{Advisory, Epss, Kev};
pub use severity::{Profile, Severity, Tally};
pub use snapshot::Snapshot;
pub use starter::starter;
pub use subject::{Binary, Subject, Unknown};
