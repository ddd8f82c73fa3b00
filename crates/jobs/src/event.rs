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
}

/// Write one job per subscriber of this event, in the caller's transaction.
pub async fn emit(tx: &mut Tx, ctx: &Ctx, event: &Event) -> Result<(), Error> {
    let payload = serde_json::to_value(event).expect("an event has no map with keys that are not text");
    for job in store::subscribers(tx, &event.kind).await? {
        let lane = format!("{job} {}", event.subject);
        let new = NewJob::new(&job, payload.clone()).in_lane(&lane).caused_by(&event.entry);
        enqueue(tx, ctx, new).await?;
    }
    Ok(())
}

/// Replace the subscriptions by those of this program. Called once at start.
pub async fn subscribe(tx: &mut Tx, subscriptions: &[Subscription]) -> Result<(), Error> {
    store::replace_subscriptions(tx, subscriptions).await
}
