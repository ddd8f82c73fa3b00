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
//!                  ├────► promotions, decisions, pruning, mirroring, waivers, activity, settings
//!                  └────► webhooks ─► webhook ─► delivery
//!              account: its access tokens and robots
//!              advisories: what findings are made with, how old that is, uploading and fetching newer ones
//!              api: its description, to read and to try
//!              projects ─► pipelines ─► pipeline ─► job with its live log
//! ```
//!
//! What this crate does not know: services, HTTP, who is asking.

mod assets;
mod form;
mod layout;
mod tabs;

mod accounts;
mod activity;
mod advisories;
mod api;
mod chain;
mod image;
mod job;
mod message;
mod mirroring;
mod pipelines;
mod policies;
mod pruning;
mod repositories;
mod settings;
mod sign_in;
mod tags;
mod waivers;
mod webhooks;

pub use accounts::{AccountView, RobotForm, RobotRow, TokenForm, TokenRow, account};
pub use activity::{ActivityRow, ActivityView, activity};
pub use advisories::{AdvisoriesView, SourceView, UpdatesView, advisories};
pub use api::api;
pub use assets::{ASSETS, Asset};
pub use chain::{ChainView, Node, NodeState, chain};
pub use form::{Refusal, RulesHelp};
pub use image::{ChangesView, ComponentView, FactView, FindingView, ImageView, LayerView, SecretView, image};
pub use job::{JobView, job, log_html};
pub use layout::Frame;
pub use message::message;
pub use mirroring::{
    MirrorState, MirrorView, MirrorWork, MirroringForm, MirroringRow, MirroringView, WorkState, mirror, mirroring,
};
pub use pipelines::{PipelineRow, PipelineView, ProjectRow, StageView, pipeline, pipelines, projects};
pub use policies::{
    DecisionView, DecisionsView, PoliciesView, PolicyForm, PolicyRow, TrialRow, TrialsView, Verdict, decision,
    decisions, policies,
};
pub use pruning::{GoneTag, PruningForm, PruningRow, PruningView, Tried, TriedRow, pruning};
pub use repositories::{RepositoryRow, repositories};
pub use settings::{BeyondRow, SettingsView, settings};
pub use sign_in::{Elsewhere, sign_in};
pub use tabs::Tabs;
pub use tags::{Counts, RepositoryView, ScanState, TagRow, tags};
pub use waivers::{WaiverForm, WaiverRow, WaiverState, WaiversView, waiver_form, waivers};
pub use webhooks::{
    DeliveryRow, DeliveryState, DeliveryView, WebhookRow, WebhookState, WebhookView, WebhooksView, delivery, webhook,
    webhooks,
};
