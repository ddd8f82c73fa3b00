//! Projects and pushes, with the real git client over a real HTTP listener.
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod http;
mod pushes;
mod world;
