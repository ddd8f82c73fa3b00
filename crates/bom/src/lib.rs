//! Bills of materials, findings and exploitability statements in the formats that others read.
//!
//! Everything is written from one neutral model, the [`Report`] about an image or folder; bills of others become a [`Bill`], statements
//! of others become [`Statement`]s, which [`apply`] holds against the findings of a report.
//!
//! ```text
//!   CycloneDX, SPDX, syft ─ Bill::read ─► Bill ─┐                     ┌─► JSON, CycloneDX 1.6, SPDX 2.3 and 3.0.1,
//!                       inventory, matcher ─────┴─► Report ─ Format ──┤   SARIF 2.1.0, OpenVEX 0.2.0, table
//!   OpenVEX, CSAF, CycloneDX ─ Vex::read ─► apply ───┘                └─► attest: in-toto statements
//! ```
//!
//! Invariants:
//! * The same report gives the same bytes, so that what is signed can be made again: lists are sorted, times come from the report, names
//!   of documents come from digests.
//! * Bytes of others are read or refused with a place and a reason, under the limits of `base::limits`; nothing panics.
//! * A statement changes only findings of what it names: another image, component or version is left alone.
//! * What a bill or a scan leaves open is written along ([`Report::gaps`]); silence never stands for "nothing there".
//!
//! What this crate does not know: how a component was found, which advisories touch it, signatures, clocks, files.

mod component;
mod error;
mod finding;
mod number;
mod report;

mod identity;
mod node;
mod purl;
mod reading;
mod spdx_expression;

mod bill;
mod cyclonedx;
mod spdx;
mod syft;

mod csaf;
mod openvex;
mod vex;

mod attest;
mod format;
mod sarif;
mod table;

pub use attest::{PAYLOAD_TYPE, Predicate, attest};
pub use bill::Bill;
pub use component::{Component, Evidence, Method, SourcePackage};
pub use cyclonedx::cyclonedx;
pub use error::Error;
pub use finding::{Cvss, Epss, Finding, Justification, Kev, Severity, Stated, Status, Waiver};
pub use format::Format;
pub use number::{Confidence, Probability, Score};
pub use openvex::openvex;
pub use purl::PackageUrl;
pub use report::{
    Base, Config, Distribution, Facts, FoundSecret, Gap, Image, KnownBy, Layer, LicenseFile, Report, Scanner, Setting,
    Snapshot, Subject, Tally,
};
pub use sarif::sarif;
pub use spdx::{spdx, spdx3};
pub use table::{age, clean, columns, table};
pub use vex::{Bounds, Product, Statement, Vex, apply, decide, statements};
