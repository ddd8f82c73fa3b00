//! What is in an image, and which advisories touch it.
//!
//! ```text
//!   image.pushed ─► scan.image ─► each layer never seen before: read once, as a stream ─► inventory of the layer, by digest
//!                                 merge ─► inventory of the image, by digest
//!                                 match against the current snapshot ─► findings ─► scan.completed
//!                                 (known from an image with the same layers: nothing is read) ──────┘
//!   snapshot.changed ─► scan.rematch ─► stored inventories matched again, no layer opened ─► scan.completed where it differs
//!   scan.completed ─► scan.attest ─► inventory and scan as signed statements, attached to the image
//! ```
//!
//! Invariants: an image that was not scanned, whose scan failed, or of which something could not be judged is *unknown*, never
//! clean. An inventory is a pure function of a layer's bytes and the scanner's version; findings are a pure function of an
//! inventory and a snapshot, and both are named by digest beside the result.
//!
//! A new snapshot comes as a file that an administrator brings, or is fetched from a folder that any web server serves:
//!
//! ```text
//!   upload ─┐              ┌ a trusted key signed it, it is whole, not older ─► snapshot.adopted ─► scan.rematch
//!   fetch  ─┴─► incoming ──┤
//!                          └ otherwise ─► snapshot.refused, and the present one stays
//! ```
//!
//! Other servers of the same database follow within two seconds, and before each scan (`follow.rs`). Which snapshot a result was last held against is
//! told by the group that it stands in, so that one that says the same of nearly everything writes little (`store/held.rs`).
//!
//! What this crate does not know: policies, waivers, HTTP as a server. It holds no credential, and opens connections only to
//! fetch snapshots.

mod ahead;
mod attest;
mod base_image;
mod collect;
mod compare;
mod image_facts;
mod layers;
mod outcome;

mod changes;
mod judgement;
mod mapped;
mod matching;
mod prefilter;
mod records;
mod rematch;
mod renew;
mod report;
mod reported;
mod search;
mod settings;
mod shares;
mod signing;
mod snapshots;
mod status;
mod stored;
mod subjects;

mod age;
mod fetch;
mod follow;
mod incoming;
mod updates;

mod error;
mod jobs;
mod service;
mod store;

pub use age::Age;
pub use attest::ATTEST_JOB;
pub use base_image::{base_below, base_told};
pub use collect::{COLLECT_JOB, CollectedRecords};
pub use compare::{Cause, Change, Compared, Comparison, ComponentChange, FindingChange, Side, compare};
pub use error::Error;
pub use fetch::FETCH_JOB;
pub use image_facts::ImageFacts;
pub use jobs::{IMAGE_JOB, REMATCH_JOB, RENEW_JOB};
pub use matching::findings;
pub use outcome::{Evidence, ImageFinding, ScanEvidence, State, Summary};
pub use report::{About, Judging, inventory_of, report, spoken_of};
pub use reported::{Moment, Reported};
pub use search::{Hit, Wanted};
pub use service::Scan;
pub use settings::{Settings, SettingsChanges};
pub use signing::{AttestationKey, BUNDLE_TYPE, open_bundle};
pub use snapshots::SnapshotInfo;
pub use status::Standing;
pub use store::SCHEMA;
pub use updates::{TimeOfDay, UpdateUrl, Updates, UpdatesChanges};
