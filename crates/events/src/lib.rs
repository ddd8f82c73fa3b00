//! Webhooks: who wants to hear of what, and the deliveries that tell them.
//!
//! An event that a context committed becomes, for each webhook that asks for it, one delivery row and one job in the same
//! transaction; the job sends DTR's payload until the receiver takes it. Jobs of one webhook stand in one lane, so a
//! receiver hears things in the order they happened.
//!
//! ```text
//!   image.pushed ─┐                   ┌─ delivery + job ── lane of webhook 1 ── POST ── 2xx ─► delivered
//!   image.promoted┼─► events.deliver ─┤                                          └─ else ─► again, later ─► failed
//!   scan.…        ┘   (one per event) └─ delivery + job ── lane of webhook 2 ── …
//! ```
//!
//! Invariants:
//! - At least once: a delivery is waiting until an answer was recorded, across restarts. Never twice from one event unless
//!   the answer got lost; then the same `Idempotency-Key` says so, and a trigger of this server starts no second pipeline.
//! - An endpoint may carry a token (GitLab's trigger URL does). It is stored sealed and opened only to be called; wherever
//!   it is shown, logged or audited, its query, user and password are redacted.
//! - A webhook reaches public addresses only, unless the operator listed the host, and this installation itself. The
//!   address that was checked is the address that is called (crate `outbound`); redirects are not followed.
//!
//! What this crate does not know: repositories, except as a name in an event; who emits the events; HTTP as a server.

mod endpoint;
mod event_type;
mod scope;
mod webhook;

mod call;
mod payload;

mod error;
mod jobs;
mod service;
mod store;

pub use call::Attempt;
pub use endpoint::Endpoint;
pub use error::Error;
pub use event_type::EventType;
pub use jobs::SUBSCRIPTIONS;
pub use scope::Scope;
pub use service::Events;
pub use store::SCHEMA;
pub use webhook::{Change, Delivery, DeliveryState, NewWebhook, Probe, Webhook, WebhookId};
