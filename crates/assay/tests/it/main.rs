//! The program as its users meet it: the real binary, over real sockets, with real clients.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod notary;
mod server;
mod trust_api;
