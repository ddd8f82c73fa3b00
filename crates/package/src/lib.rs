//! What files say about installed packages: the databases of distributions, and the metadata that language tools leave behind.
//!
//! A file is known by where it lies ([`Form::of`]); its bytes give a [`Document`], mostly a list of packages. An executable may lie
//! anywhere, and says itself what it was built from ([`in_executable`]).
//!
//! ```text
//!   path ─ Form::of ─► Form { how much of the file is needed }      bytes ─ Form::read ─► Document
//!                                                                                         packages, licences, os-release,
//!                                                                                         files that a package owns
//!   an executable's bytes ─ in_executable ─► Documents of Go modules, Rust crates, Java artifacts, …
//! ```
//!
//! Invariants: any bytes give a document or an [`Error`] with a reason, never a panic, and in bounded memory. The same bytes give
//! the same document, with packages sorted and each once.
//!
//! What this crate does not know: layers, which files can still be seen in an image, advisories.

pub mod path;

mod document;
mod error;
mod form;
mod kind;

mod apk;
mod copyright;
mod dpkg;
mod opkg;
mod os_release;
mod pacman;
mod python;
mod rpm;

mod archive;
mod java;
mod language;

mod executable;

mod purl;

pub use document::{Document, OwnedFile, Package};
pub use error::Error;
pub use executable::{Marks, go, in_executable};
pub use form::{Form, Need};
pub use kind::PackageType;
pub use language::Language;
pub use os_release::{EndOfLife, OsRelease, RELEASE_FILES, end_of_life};
pub use purl::{Purl, PurlError, purl};
