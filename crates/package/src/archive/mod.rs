//! Zip archives in memory: members that are looked at one by one, and a budget for all that is unpacked of them.

mod budget;
mod zip;

pub(crate) use budget::Budget;
pub(crate) use zip::{Member, Zip};
