//! An event becomes deliveries: one for each webhook that asked for it.

use base::{Ctx, Id};
use db::Tx;
use jobs::{Failure, Job, Subscription, Worker};

use crate::{
    Delivery, DeliveryState, Error, Events, Scope, Webhook,
    payload::{self, Notice},
    service::remove,
    store,
};

/// Runs for each event that a webhook may be for.
pub const DELIVER_JOB: &str = "events.deliver";

/// The events that somebody outside may want to hear of.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    wanted("image.pushed"),
    wanted("image.promoted"),
    wanted("image.mirrored"),
    wanted("image.lapsed"),
    wanted("tag.deleted"),
    wanted("manifest.deleted"),
    wanted("scan.completed"),
    wanted("scan.failed"),
    wanted("scanner.updated"),
    wanted("trust.published"),
    wanted("promotion.refused"),
    wanted("waiver.created"),
    wanted("waiver.deleted"),
    wanted("waiver.expired"),
    wanted("repository.created"),
    wanted("repository.restored"),
    wanted("repository.updated"),
    wanted("repository.deleted"),
];

const fn wanted(event: &'static str) -> Subscription {
    Subscription { event, job: DELIVER_JOB, filtered: true }
}

impl Events {
    /// Let this worker run our jobs.
    pub fn work(&self, worker: Worker) -> Worker {
        let events = self.clone();
        worker
            .on(DELIVER_JOB, move |ctx, job| {
                let events = events.clone();
                async move { events.deliver(&ctx, &job).await }
            })
            // Left by an earlier program, which sent each delivery as a job; the delivery's row says it all.
            .on("events.send", |_, _| async { Ok(()) })
    }

    /// One delivery per webhook that asked for the event. Run again, it finds its own rows and writes nothing.
    async fn deliver(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let event = job.event()?;
        let notices = payload::notices(&event, &self.host).map_err(Failure::Final)?;
        let gone = (event.kind == "repository.deleted").then(|| event.data["repository"].as_str()).flatten();
        let own: Option<Scope> = gone.map(str::parse).transpose().map_err(Failure::last)?;
        let written: Result<(), Error> = db::write!(self.db, ctx, |tx| {
            for notice in &notices {
                self.fan_out(tx, ctx, notice, job.id.as_str(), Some(event.entry.clone())).await?;
            }
            if let Some(own) = &own {
                // Whoever makes a repository of this name again must not inherit them.
                for webhook in store::of_scope(tx, own).await? {
                    if webhook.created_at <= event.at {
                        remove(tx, ctx, &webhook).await?;
                    }
                }
            }
            Ok(())
        });
        written.map_err(Failure::retry)
    }

    /// Write the deliveries of one notice. `event` names what it is about, so that nothing is written twice.
    pub(crate) async fn fan_out(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        notice: &Notice,
        event: &str,
        cause: Option<String>,
    ) -> Result<(), Error> {
        for webhook in store::matching(tx, notice.kind, notice.repository.as_ref()).await? {
            let delivery = self.delivery(ctx, &webhook, notice, event, cause.clone());
            let source = format!("{event} {} {}", notice.kind, notice.subject);
            if store::insert_delivery(tx, &delivery, &source).await? {
                tx.wake();
            }
        }
        Ok(())
    }

    pub(crate) fn delivery(
        &self,
        ctx: &Ctx,
        webhook: &Webhook,
        notice: &Notice,
        event: &str,
        cause: Option<String>,
    ) -> Delivery {
        let message = notice.message(webhook.format, &format!("{event}.{}", notice.kind), &self.host);
        Delivery {
            id: Id::new(ctx),
            webhook: webhook.id.clone(),
            kind: notice.kind,
            payload: message.body,
            content_type: message.content_type.to_owned(),
            attributes: message.attributes,
            subject: notice.subject.clone(),
            repository: notice.repository.as_ref().map(ToString::to_string).unwrap_or_default(),
            digest: notice.digest.clone(),
            sample: false,
            cause,
            created_at: ctx.now,
            state: DeliveryState::Waiting,
            next_at: ctx.now,
            requested_at: None,
            request_headers: Vec::new(),
            status: None,
            response_headers: Vec::new(),
            response: None,
            duration_ms: None,
            error: None,
            attempts: 0,
        }
    }
}
