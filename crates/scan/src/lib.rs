//! What is in an image, and which advisories touch it.
//!
//! ```text
//!   image.pushed ─► scan.image ─► each layer never seen before: read once, as a stream ─► inventory of the layer, by digest
//!                                 merge ─► inventory of the image, by digest
//!                                 match against the current snapshot ─► findings ─► scan.completed
//!   snapshot.changed ─► scan.rematch ─► stored inventories matched again, no layer opened ─► scan.completed where it differs
//! ```
//!
//! Invariants: an image that was not scanned, whose scan failed, or of which something could not be judged is *unknown*, never
//! clean. An inventory is a pure function of a layer's bytes and the scanner's version; findings are a pure function of an
//! inventory and a snapshot, and both are named by digest beside the result.
//!
//! What this crate does not know: policies, waivers, HTTP. It holds no credential and opens no connection.

mod ahead;
mod collect;
mod layers;
mod outcome;

mod judgement;
mod mapped;
mod matching;
mod records;
mod rematch;
mod renew;
mod report;
mod search;
mod settings;
mod snapshots;
mod status;
mod subjects;
mod upload;

mod error;
mod jobs;
mod service;
mod store;

pub use collect::{COLLECT_JOB, CollectedRecords};
pub use error::Error;
pub use jobs::{IMAGE_JOB, REMATCH_JOB, RENEW_JOB};
pub use matching::findings;
pub use outcome::{Evidence, ImageFinding, ScanEvidence, State, Summary};
pub use report::{About, inventory_of, report};
pub use search::{Hit, Wanted};
pub use service::Scan;
pub use settings::{Settings, SettingsChanges};
pub use snapshots::SnapshotInfo;
pub use status::Standing;
pub use store::SCHEMA;
