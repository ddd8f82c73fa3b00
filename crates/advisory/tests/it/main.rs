//! Snapshots, imported records, and what they find.
#![expect(clippy::unwrap_used, reason = "a test may stop where it is")]

mod changing;
mod damaged;
mod finding;
mod importing;
mod importing_cases;
mod importing_data;
mod importing_famous;
mod made;
mod snapshots;
mod starting;
