//! Whom this server may call, and whom it trusts when it does.
//!
//! A URL may come from a user or from the answer of another server, but the request comes from here. So the host's addresses are
//! looked at before, and those that were looked at are the ones that are called:
//!
//! ```text
//!   URL ─► addresses of its host ─► all public, or the operator listed the host ─► client that knows these addresses only
//! ```
//!
//! Invariants: no proxy, no redirect that the caller did not look at, no address but the checked ones. TLS trusts the public roots
//! and this installation's own authority, or what the caller pinned.
//!
//! What this crate does not know: what is sent, retried, or done with an answer.

mod address;
mod network;
mod pinned;
mod rules;

pub use pinned::check as check_certificates;
pub use rules::{Outbound, Trust, check_allowed, sentence};
