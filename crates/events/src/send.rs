//! Deliveries are sent, apart from the worker of jobs: a receiver that hangs must keep nobody's scan or promotion waiting.
//!
//! ```text
//!   due: first of its (webhook, subject), and its time has come ──claim──► next_at = now + lease ──► POST ──► record
//!        ▲                                                                                                    │
//!        └──────────────── else: the whole subject waits, longer each time ◄──────────────────────────────────┤
//!                                                                              delivered, failed, paused ◄────┘
//! ```
//!
//! A process that dies in a call leaves a row whose lease ends; then it is sent again.

use std::{collections::HashMap, time::Duration};

use base::{Clock, Ctx, Entropy, Id, Timestamp, limits};
use jobs::Tasks;
use tokio::task::JoinSet;

use crate::{Attempt, Delivery, DeliveryState, Error, Events, Webhook, WebhookId, call::Call, service::entry, store};

/// Calls at the same time from one process, of one webhook, and of one that fails: a receiver that hangs gets little room.
const CALLS: usize = 64;
const CALLS_OF_ONE: usize = 4;
const CALLS_OF_FAILING: usize = 1;
/// How long a call may take for sure; who has not recorded it then is dead.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// How long the sender sleeps at most when nobody wakes it: another server may have written a delivery.
const POLL: Duration = Duration::from_secs(2);
/// Calls before a delivery is given up: with the pauses between them some five hours.
const ATTEMPTS_MAX: i64 = 18;
const PAUSE_MAX: Duration = Duration::from_secs(3600);
/// A webhook that has failed for this long without one success is paused: nobody listens there any more.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// What a receiver answers that is gone for good (RFC 9110, section 15.5.11).
const GONE: u16 = 410;

impl Events {
    /// Send what is due until the tasks stop.
    pub async fn keep_sending(self, tasks: Tasks, clock: Clock, entropy: Entropy) {
        let mut woken = self.db.woken();
        let mut running = JoinSet::new();
        let mut busy: HashMap<tokio::task::Id, WebhookId> = HashMap::new();
        loop {
            woken.mark_unchanged();
            let stopping = tasks.is_stopping();
            if stopping && running.is_empty() {
                return;
            }
            let free = if stopping { 0 } else { CALLS - running.len() };
            let ctx = Ctx::system("webhooks", &clock, &entropy);
            match self.claim(&ctx, &busy, free).await {
                Ok(claimed) => {
                    for delivery in claimed {
                        let (events, clock, entropy) = (self.clone(), clock.clone(), entropy.clone());
                        let webhook = delivery.webhook.clone();
                        let call = async move { events.send(&clock, &entropy, &delivery).await };
                        busy.insert(running.spawn(call).id(), webhook);
                    }
                }
                Err(error) => tracing::warn!(%error, "no delivery could be taken"),
            }
            let rest = self.rest(&clock).await;
            let waits = running.len() < CALLS && !stopping;
            tokio::select! {
                Some(first) = running.join_next_with_id() => ended(&mut busy, first),
                _ = woken.changed(), if waits => {}
                () = tokio::time::sleep(rest), if waits => {}
                () = tasks.stopped(), if !stopping => {}
            }
            while let Some(more) = running.try_join_next_with_id() {
                ended(&mut busy, more);
            }
        }
    }

    /// Send until nothing is due: for tests.
    pub async fn send_until_idle(&self, clock: &Clock, entropy: &Entropy) -> Result<(), Error> {
        loop {
            let ctx = Ctx::system("webhooks", clock, entropy);
            let claimed = self.claim(&ctx, &HashMap::new(), 1).await?;
            if claimed.is_empty() {
                return Ok(());
            }
            for delivery in claimed {
                self.send(clock, entropy, &delivery).await;
            }
        }
    }

    /// Send at once what a dead process had under way. Only for a database that one process alone uses.
    pub async fn release_all(&self, ctx: &Ctx) -> Result<(), Error> {
        let end = later(ctx.now, LEASE);
        db::write!(self.db, ctx, |tx| Ok(store::release(tx, ctx.now, end).await?))
    }

    /// Until the next delivery is due, at most [`POLL`]. What is due already waits for another of its subject or its webhook.
    async fn rest(&self, clock: &Clock) -> Duration {
        let now = clock.now();
        let due = async { store::next_due(&mut self.db.read().await?, now).await };
        match due.await {
            Ok(Some(at)) => at.duration_since(now).try_into().unwrap_or(Duration::ZERO).min(POLL),
            _ => POLL,
        }
    }

    /// Take at most so many deliveries that are due, fairly: those webhooks first that have the least under way.
    async fn claim(
        &self,
        ctx: &Ctx,
        busy: &HashMap<tokio::task::Id, WebhookId>,
        free: usize,
    ) -> Result<Vec<Delivery>, Error> {
        let mut found: Vec<Id<Delivery>> = Vec::new();
        if free > 0 {
            let mut tx = self.db.read().await?;
            let running = |id: &WebhookId| busy.values().filter(|webhook| *webhook == id).count();
            let mut due = store::due(&mut tx, ctx.now).await?;
            due.sort_by_key(|(id, _)| running(id));
            for (id, failing) in due {
                let most = if failing { CALLS_OF_FAILING } else { CALLS_OF_ONE };
                let places = most.saturating_sub(running(&id)).min(free - found.len());
                found.extend(store::firsts(&mut tx, &id, ctx.now, places).await?);
            }
        }
        // A look without the writer first: an idle sender must not make the writers wait.
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let lease = later(ctx.now, LEASE);
        db::write!(self.db, ctx, |tx| {
            let mut claimed = Vec::new();
            for id in &found {
                claimed.extend(store::claim(tx, id, ctx.now, lease).await?);
            }
            Ok(claimed)
        })
    }

    /// Call the receiver once and record what came of it.
    async fn send(&self, clock: &Clock, entropy: &Entropy, delivery: &Delivery) {
        let ctx = Ctx::system("webhooks", clock, entropy).caused_by(delivery.cause.clone());
        let sent = async {
            let found = store::webhook(&mut self.db.read().await?, &delivery.webhook).await?;
            let Some(webhook) = found else { return Ok(()) };
            let attempt = self.call(&ctx, &webhook, delivery).await?;
            // What happens now is told with the time at which it happens.
            let ctx = Ctx { now: clock.now(), ..ctx };
            self.record(&ctx, &webhook, delivery, &attempt).await
        };
        if let Err(error) = sent.await {
            tracing::warn!(delivery = %delivery.id, %error, "a delivery could not be sent or recorded; it is tried again");
        }
    }

    pub(crate) async fn call(&self, ctx: &Ctx, webhook: &Webhook, delivery: &Delivery) -> Result<Attempt, Error> {
        let opened = self.open(webhook, ctx.now)?;
        let call = Call {
            opened: &opened,
            tls_cert: &webhook.tls_cert,
            skip_tls: webhook.skip_tls,
            content_type: &delivery.content_type,
            attributes: &delivery.attributes,
            delivery: delivery.id.as_str(),
            at: ctx.now,
            body: &delivery.payload,
        };
        Ok(call.post(&self.outbound).await)
    }

    /// A success, or the end of trying, is one arrow of an image's chain and so one audit entry; a failed try that will be
    /// repeated is only in the delivery log.
    pub(crate) async fn record(
        &self,
        ctx: &Ctx,
        webhook: &Webhook,
        delivery: &Delivery,
        attempt: &Attempt,
    ) -> Result<(), Error> {
        let (id, failed) = (&webhook.id, attempt.error.is_some());
        db::write!(self.db, ctx, |tx| {
            if delivery.sample {
                return told_of_sample(tx, ctx, webhook, delivery, attempt).await;
            }
            let failing_since = store::note_call(tx, id, !failed, ctx.now).await?;
            let pauses = why_pause(tx, ctx, id, failing_since, attempt).await?;
            let (state, kind) = match failed {
                false => (DeliveryState::Delivered, Some("webhook.delivered")),
                true if pauses.is_some() || delivery.attempts + 1 >= ATTEMPTS_MAX => {
                    (DeliveryState::Failed, Some("webhook.failed"))
                }
                true => (DeliveryState::Waiting, None),
            };
            if !store::note_attempt(tx, &delivery.id, state, ctx.now, attempt).await? {
                return Ok(());
            }
            store::prune(tx, id, limits::WEBHOOK_DELIVERIES_KEPT as i64).await?;
            if let Some(kind) = kind {
                audit::append(tx, ctx, outcome(kind, webhook, delivery, attempt)).await?;
                // Others of its subject may go now.
                tx.wake();
            } else {
                let next = later(ctx.now, pause_before(delivery.attempts + 1));
                store::postpone(tx, id, &delivery.subject, next).await?;
            }
            if let Some(why) = pauses {
                pause(tx, ctx, id, why).await?;
            }
            Ok(())
        })
    }
}

/// Why a webhook stops, if it does after this call.
async fn why_pause(
    tx: &mut db::Tx,
    ctx: &Ctx,
    id: &WebhookId,
    failing_since: Option<Timestamp>,
    attempt: &Attempt,
) -> Result<Option<String>, Error> {
    let Some(error) = attempt.error.as_deref() else { return Ok(None) };
    if attempt.status == Some(GONE) {
        return Ok(Some(format!("paused: {error}, so nobody is there for good")));
    }
    if let Some(since) = failing_since.filter(|since| later(*since, PATIENCE) <= ctx.now) {
        return Ok(Some(format!("paused: every call since {since} failed, the last one with: {error}")));
    }
    let most = limits::WEBHOOK_WAITING;
    let behind = store::more_wait_than(tx, id, most as i64).await?;
    Ok(behind.then(|| format!("paused: more than {most} deliveries wait, the last call failed with: {error}")))
}

fn ended(
    busy: &mut HashMap<tokio::task::Id, WebhookId>,
    outcome: Result<(tokio::task::Id, ()), tokio::task::JoinError>,
) {
    let id = outcome.map_or_else(
        |error| {
            tracing::warn!(%error, "sending a delivery broke off; it is tried again");
            error.id()
        },
        |(id, ())| id,
    );
    busy.remove(&id);
}

fn outcome(kind: &'static str, webhook: &Webhook, delivery: &Delivery, attempt: &Attempt) -> audit::Entry {
    let mut entry = entry(kind, webhook)
        .detail("delivery", delivery.id.as_str())
        .detail("status", attempt.status)
        .detail("error", &attempt.error);
    if !delivery.repository.is_empty() {
        entry = entry.about(format!("repository/{}", delivery.repository));
    }
    match &delivery.digest {
        Some(digest) => entry.about(digest),
        None => entry,
    }
}

/// A made-up event is no arrow of any image's chain; but an answer shows that somebody is there.
async fn told_of_sample(
    tx: &mut db::Tx,
    ctx: &Ctx,
    webhook: &Webhook,
    delivery: &Delivery,
    attempt: &Attempt,
) -> Result<(), Error> {
    let state = if attempt.error.is_none() { DeliveryState::Delivered } else { DeliveryState::Failed };
    if !store::note_attempt(tx, &delivery.id, state, ctx.now, attempt).await? {
        return Ok(());
    }
    if attempt.error.is_none() {
        store::note_call(tx, &webhook.id, true, ctx.now).await?;
    }
    let entry = entry("webhook.tested", webhook)
        .detail("delivery", delivery.id.as_str())
        .detail("status", attempt.status)
        .detail("error", &attempt.error);
    audit::append(tx, ctx, entry).await?;
    Ok(())
}

/// Stop a webhook that nobody answers, visibly.
async fn pause(tx: &mut db::Tx, ctx: &Ctx, id: &WebhookId, reason: String) -> Result<(), Error> {
    let Some(mut webhook) = store::webhook(tx, id).await?.filter(|webhook| !webhook.inactive) else { return Ok(()) };
    webhook.inactive = true;
    webhook.paused = Some(reason.clone());
    store::update(tx, &webhook).await?;
    store::give_up_all(tx, id, "the webhook was paused").await?;
    let entry = entry("webhook.paused", &webhook).detail("reason", reason).set(webhook.state_key(), webhook.state());
    audit::append(tx, ctx, entry).await?;
    Ok(())
}

pub(crate) fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The pause after the n-th failed try: half a second, doubled each time, an hour at most.
fn pause_before(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 20) - 1).unwrap_or(20);
    Duration::from_millis(500).saturating_mul(2_u32.saturating_pow(doublings)).min(PAUSE_MAX)
}
