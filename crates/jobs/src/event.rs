//! Events: what happened, told to whoever subscribed.

use base::{Ctx, Timestamp};
use db::{Error, Tx};
use serde::{Deserialize, Serialize};

use crate::{NewJob, enqueue, store};

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
    let payload = serde_json::to_value(event).expect("an event has no map with keys that are not text");
    let repository = event.data["repository"].as_str().unwrap_or_default();
    for job in store::subscribers(tx, &event.kind, repository).await? {
        let lane = format!("{job} {}", event.subject);
        let new = NewJob::new(&job, payload.clone()).in_lane(&lane).caused_by(&event.entry);
        enqueue(tx, ctx, new).await?;
    }
    Ok(())
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
