//! Pipelines and their jobs: what a push or a trigger starts, who runs it, what it printed, how it ended.
//!
//! ```text
//!   git.pushed ──┐                                            runner: POST /jobs/request (held)
//!   trigger ─────┼─► file at the commit ─► pipeline::plan ─► pipeline + jobs ──► assign ──► trace, state ──► end
//!   API ─────────┘        (forge)             (pure)          one transaction      │                         │
//!                                                   ▲                             tokens of the job live here only
//!                                                   └── progress::advance: whose turn is it ◄────────────────┘
//! ```
//!
//! Invariants:
//! - A job's state changes only by [`JobStatus::next`], and the row's update names the state it expects.
//! - What the order of jobs means is decided by pure functions ([`progress`], [`tried_again`]).
//! - A job's token, and the children of access tokens among its variables, work while the job runs, and not a moment longer.
//! - Values of variables are sealed at rest; a secret is in no log, event or audit entry. Logs are masked here again.
//! - A pipeline acts for whoever pushed or owns the trigger, never for whom a commit names.
//! - An interrupted job is tried once more, under a new number. Interrupted is a job whose runner, machine or engine broke
//!   down, or was silent for too long; and one whose script or image failed while this server was away, or within two
//!   minutes of its return: what a script asks of this server fails meanwhile, and nobody can tell it from the script's own
//!   failure. Any other failure counts at once.
//!
//! What this crate does not know: HTTP, how a job is run, images, registries.

mod error;
mod failure;
mod job;
mod run;
mod settings;
mod status;

pub mod progress;

mod mask;
mod payload;
mod predefined;

mod service;

mod create;
mod plans;

mod advance;
mod assign;
mod finish;
mod lost;
mod trace;

mod look;
mod runners;
mod triggers;
mod variables;

mod store;

pub use assign::Asked;
pub use create::{Origin, PUSHED_JOB, Pushed};
pub use error::Error;
pub use failure::{Attempt, FailureReason, tried_again};
pub use finish::{Heard, Report, Said};
pub use job::Job;
pub use look::TracePart;
pub use lost::LOST_JOB;
pub use plans::Lint;
pub use run::Pipeline;
pub use runners::{NewRunner, RunnerInfo};
pub use service::{Ci, Config, JobAccess};
pub use settings::{NewVariable, Runner, RunnerKind, Trigger, Variable};
pub use status::{JobEvent, JobStatus, PipelineStatus, Refused};
pub use store::SCHEMA;
pub use trace::{Append, Appended};
pub use triggers::Triggered;
