//! The two jobs: an event becomes deliveries, and a delivery is sent.

use std::time::Duration;

use base::{Ctx, Id, Timestamp, limits};
use jobs::{Failure, Job, Subscription, Worker};

use crate::{
    Attempt, Delivery, DeliveryState, Endpoint, Error, Events, Scope, Webhook,
    call::Call,
    payload,
    service::{about, enqueue, entry, remove},
    store,
};

/// Runs for each event that a webhook may be for.
pub(crate) const DELIVER_JOB: &str = "events.deliver";

/// The events that somebody outside may want to hear of.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription { event: "image.pushed", job: DELIVER_JOB, filtered: true },
    Subscription { event: "image.promoted", job: DELIVER_JOB, filtered: true },
    Subscription { event: "tag.deleted", job: DELIVER_JOB, filtered: true },
    Subscription { event: "manifest.deleted", job: DELIVER_JOB, filtered: true },
    Subscription { event: "scan.completed", job: DELIVER_JOB, filtered: true },
    Subscription { event: "scan.failed", job: DELIVER_JOB, filtered: true },
    Subscription { event: "repository.created", job: DELIVER_JOB, filtered: true },
    Subscription { event: "repository.updated", job: DELIVER_JOB, filtered: true },
    Subscription { event: "repository.deleted", job: DELIVER_JOB, filtered: true },
];

/// Calls before a delivery is given up: with the queue's growing pauses, about a quarter of an hour.
const ATTEMPTS_MAX: i64 = 12;
/// A webhook that has failed for this long without one success is paused: nobody listens there any more.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

impl Events {
    /// Let this worker run our jobs.
    pub fn work(&self, worker: Worker) -> Worker {
        let (deliver, send) = (self.clone(), self.clone());
        worker
            .on(DELIVER_JOB, move |ctx, job| {
                let events = deliver.clone();
                async move { events.deliver(&ctx, &job).await }
            })
            .on("events.send", move |ctx, job| {
                let events = send.clone();
                async move { events.send(&ctx, &job).await }
            })
    }

    /// One delivery per webhook that asked for the event. Run again, it finds its own rows and writes nothing.
    async fn deliver(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let event = job.event()?;
        let notices = payload::notices(&event, &self.host).map_err(Failure::Final)?;
        let gone = event.kind == "repository.deleted";
        let written: Result<(), Error> = db::write!(self.db, ctx, |tx| {
            for notice in &notices {
                for webhook in store::matching(tx, notice.kind, &notice.repository).await? {
                    let delivery = Delivery {
                        id: Id::new(ctx),
                        webhook: webhook.id.clone(),
                        kind: notice.kind,
                        payload: notice.body.clone(),
                        repository: notice.repository.to_string(),
                        digest: notice.digest.clone(),
                        created_at: ctx.now,
                        state: DeliveryState::Waiting,
                        requested_at: None,
                        status: None,
                        response: None,
                        error: None,
                        attempts: 0,
                    };
                    let source = format!("{} {}", job.id, notice.kind);
                    if store::insert_delivery(tx, &delivery, &source).await? {
                        enqueue(tx, ctx, &webhook.id, &delivery.id, &event.entry).await?;
                    }
                }
                if gone {
                    // Whoever makes a repository of this name again must not inherit them.
                    let own = Scope::Repository(notice.repository.clone());
                    for webhook in store::of_scope(tx, &own).await? {
                        if webhook.created_at <= event.at {
                            remove(tx, ctx, &webhook).await?;
                        }
                    }
                }
            }
            Ok(())
        });
        written.map_err(Failure::retry)
    }

    /// Call the receiver once and record what came of it.
    async fn send(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let id: Id<Delivery> = serde_json::from_value(job.payload["delivery"].clone())
            .map_err(|error| Failure::last(error.to_string()))?;
        let found = {
            let mut tx = self.db.read().await?;
            match store::delivery(&mut tx, &id).await? {
                Some(delivery) => store::webhook(&mut tx, &delivery.webhook).await?.map(|webhook| (delivery, webhook)),
                None => None,
            }
        };
        // Removed meanwhile, or answered before a crash: nothing is left to do.
        let Some((delivery, webhook)) = found.filter(|(delivery, _)| delivery.state == DeliveryState::Waiting) else {
            return Ok(());
        };
        if webhook.inactive {
            let written: Result<(), Error> =
                db::write!(self.db, ctx, |tx| Ok(store::give_up(tx, &id, "the webhook is inactive").await?));
            return written.map_err(Failure::retry);
        }
        let attempt = self.call(&webhook, &delivery).await.map_err(Failure::last)?;
        let last = job.attempt >= ATTEMPTS_MAX;
        self.record(ctx, &webhook, &delivery, &attempt, last).await.map_err(Failure::retry)?;
        match attempt.error {
            None => Ok(()),
            Some(error) if last => Err(Failure::Final(error)),
            Some(error) => Err(Failure::Retry(error)),
        }
    }

    async fn call(&self, webhook: &Webhook, delivery: &Delivery) -> Result<Attempt, Error> {
        let endpoint = self.endpoint(webhook)?;
        let secret = match &webhook.sealed_secret {
            Some(sealed) => Some(self.sealer.open(&about(&webhook.id, "secret"), sealed)?),
            None => None,
        };
        let call = Call {
            endpoint: &endpoint,
            tls_cert: &webhook.tls_cert,
            skip_tls: webhook.skip_tls,
            secret: secret.as_ref(),
            delivery: delivery.id.as_str(),
            body: &delivery.payload,
        };
        Ok(call.post(&self.outbound).await)
    }

    pub(crate) fn endpoint(&self, webhook: &Webhook) -> Result<Endpoint, Error> {
        let sealed = self.sealer.open(&about(&webhook.id, "endpoint"), &webhook.sealed_endpoint)?;
        String::from_utf8_lossy(sealed.expose()).parse()
    }

    /// A success, or the end of trying, is one arrow of an image's chain and so one audit entry; a failed try that will be
    /// repeated is only in the delivery log.
    async fn record(
        &self,
        ctx: &Ctx,
        webhook: &Webhook,
        delivery: &Delivery,
        attempt: &Attempt,
        last: bool,
    ) -> Result<(), Error> {
        let (state, kind) = match (&attempt.error, last) {
            (None, _) => (DeliveryState::Delivered, Some("webhook.delivered")),
            (Some(_), true) => (DeliveryState::Failed, Some("webhook.failed")),
            (Some(_), false) => (DeliveryState::Waiting, None),
        };
        db::write!(self.db, ctx, |tx| {
            if !store::note_attempt(tx, &delivery.id, state, ctx.now, attempt).await? {
                return Ok(());
            }
            let failing_since = store::note_call(tx, &webhook.id, attempt.error.is_none(), ctx.now).await?;
            store::prune(tx, &webhook.id, limits::WEBHOOK_DELIVERIES_KEPT as i64).await?;
            if let Some(kind) = kind {
                let mut entry = entry(kind, webhook)
                    .about(format!("repository/{}", delivery.repository))
                    .detail("delivery", delivery.id.as_str())
                    .detail("status", attempt.status)
                    .detail("error", &attempt.error);
                if let Some(digest) = &delivery.digest {
                    entry = entry.about(digest);
                }
                audit::append(tx, ctx, entry).await?;
            }
            if let Some(since) = failing_since.filter(|since| last && too_long(*since, ctx.now)) {
                pause(tx, ctx, &webhook.id, since, attempt).await?;
            }
            Ok(())
        })
    }
}

/// Stop a webhook that nobody answers, visibly.
async fn pause(
    tx: &mut db::Tx,
    ctx: &Ctx,
    id: &crate::WebhookId,
    since: Timestamp,
    attempt: &Attempt,
) -> Result<(), Error> {
    let Some(mut webhook) = store::webhook(tx, id).await?.filter(|webhook| !webhook.inactive) else { return Ok(()) };
    let error = attempt.error.as_deref().unwrap_or("no success");
    let reason = format!("paused: every call since {since} failed, the last one with: {error}");
    webhook.inactive = true;
    webhook.paused = Some(reason.clone());
    store::update(tx, &webhook).await?;
    let entry = entry("webhook.paused", &webhook).detail("reason", reason).set(webhook.state_key(), webhook.state());
    audit::append(tx, ctx, entry).await?;
    Ok(())
}

fn too_long(since: Timestamp, now: Timestamp) -> bool {
    since.checked_add(PATIENCE).is_ok_and(|end| end <= now)
}
