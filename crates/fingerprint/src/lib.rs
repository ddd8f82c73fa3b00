//! Components in the bytes of executables, whatever their name.
//!
//! An index learnt from packages of known origin tells which product, and which version of it, the bytes of an ELF, PE or Mach-O
//! file come from: the whole file, one of its sections, its texts, its version banners, the names it exports.
//!
//! ```text
//!   packages ─► Learner ─► index (one file, read where it lies)
//!                            │
//!   executable ─► Pass: printable runs ─┬─ hash of the text      ─► texts of a product ──┐
//!        │                              └─ hash of its skeleton  ─► banners, versions ───┼─► verdict ─► Identification
//!        └──── sections, exports, PE resource ──► identities, names ─────────────────────┘
//! ```
//!
//! A text is looked up whole by its hash, and a banner by the hash of what stays of it without its numbers (`skeleton`): one table
//! look-up for any number of patterns, and a template fits versions that nobody had when it was learnt.
//!
//! Invariants: the same bytes and index give the same identifications, however the bytes are cut; any bytes are read in memory that
//! the index bounds, and nothing panics; the same packages in any order give the same index. A text that several products hold counts
//! for the one whose library it is, or for none; one stray text is never enough; a version is said only when the evidence singles one
//! out.
//!
//! What this crate does not know: layers, paths, packages, advisories. A file's name is no evidence.
//!
//! The index that comes with the program was learnt from the packages of `data/sources.txt`; which sources were never learnt, so that
//! it can be judged on them, says `data/held-out.txt`.

mod banners;
mod deb;
mod error;
mod evidence;
mod executable;
mod hash;
mod identify;
mod index;
mod learn;
mod observation;
mod origin;
mod owners;
mod pass;
mod pe;
mod runs;
mod skeleton;
mod table;
mod verdict;
mod versions;
mod write;

pub use deb::{Control, read_deb};
pub use error::Error;
pub use evidence::{Evidence, Found, Identification};
pub use executable::is_executable;
pub use identify::identify;
pub use index::{About, Index};
pub use learn::Learner;
pub use observation::{Banner, Observation};
pub use origin::{Aliases, Origin};
pub use pass::Pass;
pub use skeleton::Part;
