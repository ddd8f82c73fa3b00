//! Events: what happened, told to whoever subscribed.

use base::{Ctx, Id, Timestamp};
use db::{Error, Tx};
use serde::{Deserialize, Serialize};

use crate::{NewJob, queue::enqueue_all, store};

/// Something that happened, as it is stored in the payload of each subscriber's job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// What happened, in the form `noun.verb`: `image.pushed`, `scan.completed`.
    pub kind: String,
    /// What it happened to: `admin/flask_build:7`. Jobs about one subject run in order.
    pub subject: String,
    /// The particulars, in the words of the context that emitted it.
    pub data: serde_json::Value,
    /// When it happened, UTC.
    pub at: Timestamp,
    /// The id of the audit entry that recorded it.
    pub entry: String,
}

impl Event {
    /// Whose scopes decide; empty where an event is about none.
    fn repository(&self) -> &str {
        self.data["repository"].as_str().unwrap_or_default()
    }
}

/// That jobs of kind `job` are wanted for events of kind `event`.
#[derive(Clone, Copy, Debug)]
pub struct Subscription {
    pub event: &'static str,
    pub job: &'static str,
    /// Not for every such event, but only where somebody said so with [`want`].
    pub filtered: bool,
}

/// Write one job per subscriber of this event, in the caller's transaction.
pub async fn emit(tx: &mut Tx, ctx: &Ctx, event: &Event) -> Result<(), Error> {
    emit_all(tx, ctx, &event.kind, std::slice::from_ref(event)).await
}

/// The same for many events of this kind, with few statements.
pub async fn emit_all(tx: &mut Tx, ctx: &Ctx, kind: &str, events: &[Event]) -> Result<(), Error> {
    let repositories = events.iter().map(Event::repository).collect();
    let wanted = store::subscribers(tx, kind, &repositories).await?;
    let mut jobs = Vec::new();
    for event in events {
        for job in wanted.get(event.repository()).into_iter().flatten() {
            let payload = serde_json::to_value(event).expect("an event has no map with keys that are not text");
            let lane = format!("{job} {}", event.subject);
            jobs.push((Id::new(ctx), NewJob::new(job, payload).in_lane(&lane).caused_by(&event.entry)));
        }
    }
    enqueue_all(tx, ctx, jobs).await
}

/// Replace the scopes in which the filtered subscriptions of a job count: names of repositories as events carry them in their
/// data, or nothing at all for everything. Part of each change of what the job works on, so that a push to a repository that
/// nobody watches writes no job.
pub async fn want(tx: &mut Tx, job: &str, scopes: &[String]) -> Result<(), Error> {
    store::replace_wanted(tx, job, scopes).await
}

/// Replace the subscriptions by those of this program. Called once at start.
pub async fn subscribe(tx: &mut Tx, subscriptions: &[Subscription]) -> Result<(), Error> {
    store::replace_subscriptions(tx, subscriptions).await
}
