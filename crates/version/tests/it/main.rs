//! Everything that is tested through what the crate shows.

mod laws;
mod lists;
mod tools;
mod vectors;
