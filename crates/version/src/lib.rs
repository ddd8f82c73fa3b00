//! Which of two versions is the older, in the order of their own world.
//!
//! Every packaging world orders versions by its own rules; each is a [`Scheme`] here, in a file of its own that names the
//! specification, held against public vectors and lists of our own. A version is read once, into a [`key`]: bytes whose
//! plain order is the order of the versions, so that whoever holds millions of bounds compares memory and parses nothing.
//!
//! ```text
//! "1.2.3-rc.1"  --Semver-->  21 22 23 | 02 | B0 72 63 00 | 21
//!                            1  2  3    pre   r  c  end    1
//!
//!  first byte of a token:  00..1F  marks, in the order of the scheme: what comes before numbers
//!                          20..AF  a number, in one to nine bytes, longer when it has more than nineteen digits
//!                          B0..FF  what comes after numbers: letters, epochs
//! ```
//!
//! Invariants: each order is total on any text, and nothing here fails: what no tool would accept still has a place.
//! [`compare`] is the order of the keys; its two exceptions are told there. A key is about as
//! long as its text and never longer than four times that and a few bytes. Keys are stored: whoever changes an encoding
//! builds the stored ones anew, and raises [`KEY_FORMAT`].
//!
//! What this crate does not know: packages, ranges, advisories.

mod scheme;

mod alpine;
mod composer;
mod cran;
mod debian;
mod gem;
mod generic;
mod hackage;
mod maven;
mod nuget;
mod opam;
mod pacman;
mod pub_dev;
mod pypi;
mod rpm;
mod semver;

mod encode;
mod order;
mod text;

pub use order::{KEY_FORMAT, compare, key, write_key};
pub use scheme::{Scheme, UnknownScheme};
