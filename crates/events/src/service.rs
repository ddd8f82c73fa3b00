//! What can be done with webhooks.

use audit::Entry;
use base::{Actor, Ctx, Id, limits};
use db::{Db, Tx};
use identity::{Level, Sealer};
use jobs::NewJob;
use outbound::Outbound;

use crate::{
    Attempt, Change, Delivery, EventType, NewWebhook, Probe, Scope, Webhook, WebhookId,
    call::{Call, check_plain},
    error::Error,
    jobs::DELIVER_JOB,
    payload, store,
};

/// The webhooks of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    pub(crate) db: Db,
    pub(crate) sealer: Sealer,
    pub(crate) outbound: Outbound,
    /// `host:port`, as image names in payloads begin.
    pub(crate) host: String,
}

impl Events {
    /// `host` is this installation's `host:port`.
    pub fn new(db: Db, sealer: Sealer, outbound: Outbound, host: &str) -> Events {
        Events { db, sealer, outbound, host: host.to_owned() }
    }

    /// Subscribe an endpoint.
    pub async fn create(&self, ctx: &Ctx, new: NewWebhook) -> Result<Webhook, Error> {
        Level::require_person(&ctx.actor)?;
        check_plain(&new.endpoint, new.skip_tls)?;
        check_certificate(&new.tls_cert)?;
        let secret = new.secret.filter(|secret| !secret.expose().is_empty());
        if secret.as_ref().is_some_and(|secret| secret.expose().len() > limits::WEBHOOK_SECRET_BYTES) {
            return Err(Error::Invalid(format!("a secret has at most {} bytes", limits::WEBHOOK_SECRET_BYTES)));
        }
        let id = WebhookId::new(ctx);
        let seal = |part: &str, plain: &str| self.sealer.seal(&ctx.entropy, &about(&id, part), plain.as_bytes());
        let webhook = Webhook {
            sealed_endpoint: seal("endpoint", new.endpoint.expose()),
            sealed_secret: secret.as_ref().map(|secret| seal("secret", secret.expose())),
            id: id.clone(),
            kind: new.kind,
            scope: new.scope,
            endpoint: new.endpoint.redacted(),
            signed: secret.is_some(),
            tls_cert: new.tls_cert,
            skip_tls: new.skip_tls,
            author: ctx.principal().map(|principal| principal.account.clone()),
            created_at: ctx.now,
            inactive: false,
            paused: None,
            last_success_at: None,
            failing_since: None,
        };
        db::write!(self.db, ctx, |tx| {
            webhook.scope.require(tx, &ctx.actor).await?;
            if store::of_scope(tx, &webhook.scope).await?.len() >= limits::WEBHOOKS_PER_KEY {
                return Err(Error::Conflict(format!(
                    "{} webhooks are enough; delete one first",
                    limits::WEBHOOKS_PER_KEY
                )));
            }
            store::insert(tx, &webhook).await?;
            watch(tx).await?;
            audit::append(tx, ctx, entry("webhook.created", &webhook).set(webhook.state_key(), webhook.state()))
                .await?;
            Ok(())
        })?;
        Ok(webhook)
    }

    /// Say anew whether there are webhooks, as an earlier program may not have; at each start.
    pub async fn resume(&self, ctx: &Ctx) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| Ok(watch(tx).await?))
    }

    /// One's own webhooks, or all for an administrator, in order of id after `after`.
    pub async fn list(&self, ctx: &Ctx, kind: Option<EventType>, after: &str) -> Result<Vec<Webhook>, Error> {
        let mut tx = self.db.read().await?;
        let author = match &ctx.actor {
            Actor::Anonymous => return Err(identity::Error::Unauthenticated.into()),
            actor if Level::is_admin(&mut tx, actor).await? => None,
            Actor::Account(principal) => Some(principal.account.as_str()),
            Actor::System(_) => None,
        };
        let mut found = store::list(&mut tx, author, after, page(limits::PAGE_MAX)).await?;
        found.retain(|webhook| kind.is_none_or(|kind| webhook.kind == kind));
        Ok(found)
    }

    /// All webhooks of exactly this scope, whoever made them; for those who may manage them.
    pub async fn of_scope(&self, ctx: &Ctx, scope: &Scope) -> Result<Vec<Webhook>, Error> {
        let mut tx = self.db.read().await?;
        scope.require(&mut tx, &ctx.actor).await?;
        Ok(store::of_scope(&mut tx, scope).await?)
    }

    /// Switch a webhook on or off, or change how its receiver is verified.
    pub async fn update(&self, ctx: &Ctx, id: &WebhookId, change: Change) -> Result<Webhook, Error> {
        Level::require_person(&ctx.actor)?;
        check_certificate(change.tls_cert.as_deref().unwrap_or_default())?;
        db::write!(self.db, ctx, |tx| {
            let mut webhook = managed(tx, ctx, id).await?;
            if let Some(inactive) = change.inactive {
                webhook.inactive = inactive;
                webhook.paused = None;
                webhook.failing_since = None;
            }
            if let Some(tls_cert) = &change.tls_cert {
                webhook.tls_cert.clone_from(tls_cert);
            }
            webhook.skip_tls = change.skip_tls.unwrap_or(webhook.skip_tls);
            check_plain(&self.endpoint(&webhook)?, webhook.skip_tls)?;
            store::update(tx, &webhook).await?;
            audit::append(tx, ctx, entry("webhook.updated", &webhook).set(webhook.state_key(), webhook.state()))
                .await?;
            Ok(webhook)
        })
    }

    /// Remove a webhook with its delivery log.
    pub async fn delete(&self, ctx: &Ctx, id: &WebhookId) -> Result<(), Error> {
        Level::require_person(&ctx.actor)?;
        db::write!(self.db, ctx, |tx| {
            let webhook = managed(tx, ctx, id).await?;
            remove(tx, ctx, &webhook).await
        })
    }

    /// Send a made-up payload to a receiver, now. Only the status of the answer is told, so that this is no way to read what
    /// the server can reach and its caller cannot.
    pub async fn test(&self, ctx: &Ctx, probe: Probe) -> Result<Attempt, Error> {
        Level::require_person(&ctx.actor)?;
        if ctx.actor == Actor::Anonymous {
            return Err(identity::Error::Unauthenticated.into());
        }
        check_plain(&probe.endpoint, probe.skip_tls)?;
        check_certificate(&probe.tls_cert)?;
        let body = payload::sample(probe.kind, ctx.now, &self.host);
        let call = Call {
            endpoint: &probe.endpoint,
            tls_cert: &probe.tls_cert,
            skip_tls: probe.skip_tls,
            secret: None,
            delivery: &ctx.request_id,
            body: &body,
        };
        let attempt = call.post(&self.outbound).await;
        Ok(Attempt { response: String::new(), ..attempt })
    }

    /// The deliveries of a webhook, the newest first, older than `before` when that is not empty.
    pub async fn deliveries(
        &self,
        ctx: &Ctx,
        id: &WebhookId,
        before: &str,
        limit: usize,
    ) -> Result<Vec<Delivery>, Error> {
        let mut tx = self.db.read().await?;
        managed(&mut tx, ctx, id).await?;
        Ok(store::deliveries(&mut tx, id, before, page(limit)).await?)
    }

    /// Send an ended delivery again, with the same id and body.
    pub async fn redeliver(&self, ctx: &Ctx, id: &WebhookId, delivery: &Id<Delivery>) -> Result<Delivery, Error> {
        Level::require_person(&ctx.actor)?;
        db::write!(self.db, ctx, |tx| {
            let webhook = managed(tx, ctx, id).await?;
            let missing = || Error::NotFound { what: "delivery", name: delivery.to_string() };
            let found =
                store::delivery(tx, delivery).await?.filter(|found| found.webhook == *id).ok_or_else(missing)?;
            if webhook.inactive {
                return Err(Error::Conflict("the webhook is inactive; make it active first".to_owned()));
            }
            if !store::reopen(tx, &found.id).await? {
                return Err(Error::Conflict("the delivery is still waiting to be sent".to_owned()));
            }
            let entry = entry("webhook.redelivered", &webhook).detail("delivery", found.id.as_str());
            let entry = audit::append(tx, ctx, entry).await?;
            enqueue(tx, ctx, &webhook.id, &found.id, &entry).await?;
            store::delivery(tx, delivery).await?.ok_or_else(missing)
        })
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        let all = store::all(tx).await?;
        Ok(all.iter().map(|webhook| (webhook.state_key(), webhook.state())).collect())
    }
}

/// What a sealed part of a webhook is bound to.
pub(crate) fn about(id: &WebhookId, part: &str) -> String {
    format!("webhook/{id}/{part}")
}

/// An entry about a webhook, without its secrets.
pub(crate) fn entry(kind: &'static str, webhook: &Webhook) -> Entry {
    let entry = Entry::new(kind)
        .about(format!("webhook/{}", webhook.id))
        .detail("type", webhook.kind.as_str())
        .detail("endpoint", &webhook.endpoint);
    match &webhook.scope {
        Scope::Everything => entry,
        Scope::Namespace(name) => entry.about(format!("account/{name}")),
        Scope::Repository(repo) => entry.about(format!("repository/{repo}")),
    }
}

/// Write the job that sends a delivery. One lane per webhook keeps its order.
pub(crate) async fn enqueue(
    tx: &mut Tx,
    ctx: &Ctx,
    webhook: &WebhookId,
    delivery: &Id<Delivery>,
    cause: &str,
) -> Result<(), db::Error> {
    let job = NewJob::new("events.send", serde_json::json!({"delivery": delivery}));
    jobs::enqueue(tx, ctx, job.in_lane(&format!("webhook {webhook}")).caused_by(cause)).await?;
    Ok(())
}

pub(crate) async fn remove(tx: &mut Tx, ctx: &Ctx, webhook: &Webhook) -> Result<(), Error> {
    store::delete(tx, &webhook.id).await?;
    watch(tx).await?;
    audit::append(tx, ctx, entry("webhook.deleted", webhook).unset(webhook.state_key())).await?;
    Ok(())
}

/// Let events wake us as long as there is a webhook.
async fn watch(tx: &mut Tx) -> Result<(), db::Error> {
    let everything = if store::any(tx).await? { &[String::new()][..] } else { &[] };
    jobs::want(tx, DELIVER_JOB, everything).await
}

/// The webhook, for those who may manage it.
async fn managed(tx: &mut Tx, ctx: &Ctx, id: &WebhookId) -> Result<Webhook, Error> {
    let webhook = store::webhook(tx, id).await?;
    let webhook = webhook.ok_or_else(|| Error::NotFound { what: "webhook", name: id.to_string() })?;
    webhook.scope.require(tx, &ctx.actor).await?;
    Ok(webhook)
}

fn check_certificate(pem: &str) -> Result<(), Error> {
    if pem.len() > limits::TEXT_BYTES {
        return Err(Error::Invalid(format!("tlsCert has at most {} bytes", limits::TEXT_BYTES)));
    }
    if pem.is_empty() {
        return Ok(());
    }
    outbound::check_certificates(pem).map_err(|error| Error::Invalid(format!("tlsCert: {error}")))
}

fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(limits::PAGE_MAX)).expect("a page is small")
}
