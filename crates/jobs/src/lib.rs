//! Work that survives a crash: a durable queue, the events that fill it, and the tasks that empty it.
//!
//! A job is a row that was written in the same transaction as the change it follows from, so that neither can exist
//! without the other. It runs at least once; its handler is therefore idempotent. Jobs of one *lane* (a repository, a
//! webhook) run one after the other in the order they were written.
//!
//! ```text
//!              emit / enqueue                     claim                        done
//!   (change) ───────────────► waiting ──────────────────────► running ──────────────► done, kept for a while
//!                                ▲     lease ran out, retry       │
//!                                └────────────────────────────────┤ attempts used up
//!                                                                 └──────────────────► failed
//! ```
//!
//! An [`Event`] is how a context tells the others what happened without knowing them: [`emit`] writes one job per
//! subscription, and the subscriptions are wired in the binary. A context that works on few repositories says on which ([`want`]).
//!
//! What ended stays for a while as a row that an administrator can look at ([`Board`]), bounded by number and age ([`History`]),
//! but for timers that look every few seconds. Jobs that are done by the clock have a [`Cron`], which may be changed.
//!
//! What this crate does not know: any job or event by name.

mod cron;
mod history;

mod board;
mod event;
mod queue;
mod store;
mod tasks;
mod timer;
mod worker;

pub use board::{Board, BoardError, JobRecord, Refusal, RequireAdmin, State, Wanted};
pub use cron::{BadCron, Cron};
pub use event::{Event, Subscription, emit, emit_all, subscribe, want};
pub use history::{History, HistoryChanges};
pub use queue::{Failure, Job, NewJob, enqueue};
pub use store::SCHEMA;
pub use tasks::Tasks;
pub use worker::{ATTEMPTS_MAX, FORGET_JOB, Handler, Worker};
