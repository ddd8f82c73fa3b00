//! The pages: pure functions from a view to HTML.
//!
//! A view holds exactly what its page shows, already decided: who may see what is settled before a view is made. Pages work
//! without scripts; the small scripts add a live log and the progress of an upload, and nothing else depends on them but the
//! page of the API, which is Swagger UI. Every state is shown by a word and a sign, never by colour alone, and everything from
//! outside is text, never markup.
//!
//! ```text
//!   sign-in ─► repositories ─► tags ─► image (layers, components, findings)
//!                  │            └────► chain of a digest: commit → pipeline → … → running
//!                  └────► webhooks ─► webhook ─► delivery
//!              advisories: what findings are made with, how old that is, uploading and fetching newer ones
//!              api: its description, to read and to try
//!              projects ─► pipelines ─► pipeline ─► job with its live log
//! ```
//!
//! What this crate does not know: services, HTTP, who is asking.

mod assets;
mod layout;

mod advisories;
mod api;
mod chain;
mod image;
mod job;
mod message;
mod pipelines;
mod policies;
mod repositories;
mod sign_in;
mod tags;
mod webhooks;

pub use advisories::{AdvisoriesView, SourceView, UpdatesView, advisories};
pub use api::api;
pub use assets::{ASSETS, Asset};
pub use chain::{ChainView, Node, NodeState, chain};
pub use image::{ChangesView, ComponentView, FactView, FindingView, ImageView, LayerView, SecretView, image};
pub use job::{JobView, job, log_html};
pub use layout::Frame;
pub use message::message;
pub use pipelines::{PipelineRow, PipelineView, ProjectRow, StageView, pipeline, pipelines, projects};
pub use policies::{
    DecisionView, DecisionsView, PoliciesView, PolicyForm, PolicyRow, TrialRow, TrialsView, Verdict, decision,
    decisions, policies,
};
pub use repositories::{RepositoryRow, repositories};
pub use sign_in::{Elsewhere, sign_in};
pub use tags::{Counts, RepositoryView, ScanState, TagRow, tags};
pub use webhooks::{
    DeliveryRow, DeliveryState, DeliveryView, WebhookRow, WebhookState, WebhookView, WebhooksView, delivery, webhook,
    webhooks,
};
