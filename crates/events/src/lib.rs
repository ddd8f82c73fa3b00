//! Webhooks: who wants to hear of what, and the deliveries that tell them.
//!
//! An event that a context committed becomes, for each webhook that asks for it, one delivery row. The sender calls the receiver
//! until it takes it. Deliveries of one webhook about one subject (`ns/repo:tag`) go out one after the other, in the order in
//! which things happened; others side by side, but few to one webhook, so that a receiver that hangs keeps no other waiting.
//!
//! ```text
//!   image.pushed ─┐                   ┌─ delivery ── webhook 1, admin/flask:7 ── POST ── 2xx ─► delivered
//!   image.promoted┼─► events.deliver ─┤                                           └─ else ─► again, later ─► failed
//!   scan.…        ┘   (one per event) └─ delivery ── webhook 2, admin/flask:7 ── …
//!   a pull ─► noted in memory while somebody wants to know ─► told a moment later
//! ```
//!
//! Invariants:
//! - At least once: a delivery is waiting until an answer was recorded, across restarts. Never twice from one event unless
//!   the answer got lost; then the same `Idempotency-Key` says so, and a trigger of this server starts no second pipeline.
//!   Pulls change nothing and leave no entry: those of the last moment before a crash are told to nobody.
//! - An endpoint may carry a token (GitLab's trigger URL does), and so may a header. They are stored sealed and opened only to
//!   be called; wherever they are shown, logged or audited, query, user, password and values are redacted.
//! - A webhook reaches public addresses only, unless the operator listed the host, and this installation itself. The
//!   address that was checked is the address that is called (crate `outbound`); redirects are not followed.
//!
//! What this crate does not know: repositories, except as a name in an event; who emits the events; HTTP as a server.

mod cloud_event;
mod endpoint;
mod event_type;
mod headers;
mod scope;
mod webhook;

mod call;
mod payload;
mod signature;

mod deliver;
mod error;
mod pulls;
mod send;
mod service;
mod store;

pub use call::Attempt;
pub use cloud_event::Format;
pub use deliver::{DELIVER_JOB, SUBSCRIPTIONS};
pub use endpoint::Endpoint;
pub use error::Error;
pub use event_type::EventType;
pub use headers::Headers;
pub use pulls::Pull;
pub use scope::Scope;
pub use service::Events;
pub use store::SCHEMA;
pub use webhook::{Change, Delivery, DeliveryState, NewWebhook, Probe, Webhook, WebhookId};
