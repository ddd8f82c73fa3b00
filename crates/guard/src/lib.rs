//! The guard of one Docker engine: its authorization plugin, a process of its own beside the engine.
//!
//! ```text
//!   docker ──► dockerd ──"may I?"──► NAME.sock ─► question ─► target ─► endpoint ─► wanted ─► decide ─► answer
//!                 ▲                                                                   │  ▲
//!                 └──────────── which image is that here? (engine socket) ────────────┘  │ memory: the allow-set
//!                                                                                        │
//!   Assay ──── signed allow-set, every second ─────────────────────────────────► refresh ┘
//!     ▲                                                                             │
//!     └──────────────────────── verdicts, in the background ──── queue ◄── decide   └► state folder
//! ```
//!
//! Invariants:
//! - An answer needs no network: the allow-set is in memory, and images are looked up on the engine's own socket. While the
//!   server is away the last set counts until it expires, also across a restart; then nothing new may run.
//! - What is not known to be harmless is refused: every POST, PUT and DELETE that [`endpoint`] does not name, every body and
//!   every query that two programs could read differently, every body that the engine did not show.
//! - A tag and a local name are resolved, and the verdict that binds is about a digest.
//! - A verdict is reported, at least once: it waits on disk until the server has recorded it, also when the guard is killed.
//! - A set is believed when the pinned key signed it, and never replaced by one that was issued earlier.
//!
//! It guards honest paths and is no sandbox: the engine asks nobody when Swarm starts a task, when a container restarts, or
//! at boot; who may mount the host into a container is root there; and whoever uses another container runtime on the same
//! machine never asks. What cannot be seen is refused where it enters: `service create` must name a digest.
//!
//! What this crate does not know: how verdicts are made (`admit`), accounts, the database.

mod config;
mod error;

mod endpoint;
mod question;
mod target;
mod wanted;

mod decide;
mod engine;
mod journal;
mod memory;
mod queue;

mod plugin;
mod server;
mod state;

mod run;

pub use config::Config;
pub use error::Error;
pub use run::run;
