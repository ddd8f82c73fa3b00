//! Whole files through the public names of this crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod cases;
mod executable;
mod go_programs;
mod jars;
mod made;
mod mutations;
