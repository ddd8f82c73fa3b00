//! Pruning against a real registry.

mod pruning;
mod world;
