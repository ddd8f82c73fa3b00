//! What can be done with webhooks.

use audit::Entry;
use base::{Actor, Ctx, Id, Secret, Timestamp, limits};
use db::{Db, Tx};
use identity::{Level, Sealer};
use outbound::Outbound;

use crate::{
    Attempt, Change, Delivery, DeliveryState, Endpoint, EventType, Headers, NewWebhook, Probe, Scope, Webhook,
    WebhookId,
    call::{Call, check_plain},
    deliver::DELIVER_JOB,
    error::Error,
    payload,
    pulls::Pulls,
    send::{LEASE, later},
    store,
    webhook::Opened,
};

/// The webhooks of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    pub(crate) db: Db,
    pub(crate) sealer: Sealer,
    pub(crate) outbound: Outbound,
    /// `host:port`, as image names in payloads begin.
    pub(crate) host: String,
    pub(crate) pulls: Pulls,
}

impl Events {
    /// `host` is this installation's `host:port`.
    pub fn new(db: Db, sealer: Sealer, outbound: Outbound, host: &str) -> Events {
        Events { db, sealer, outbound, host: host.to_owned(), pulls: Pulls::default() }
    }

    /// Subscribe an endpoint.
    pub async fn create(&self, ctx: &Ctx, new: NewWebhook) -> Result<Webhook, Error> {
        Level::require_person(&ctx.actor)?;
        check_plain(&new.endpoint, new.skip_tls)?;
        check_certificate(&new.tls_cert)?;
        let secret = checked(new.secret)?;
        if new.kind.is_global() && new.scope != Scope::Everything {
            return Err(Error::Invalid(format!("{} is about the whole installation; leave the key out", new.kind)));
        }
        let id = WebhookId::new(ctx);
        let webhook = Webhook {
            sealed_endpoint: self.seal(ctx, &id, "endpoint", new.endpoint.expose()),
            sealed_secret: secret.as_ref().map(|secret| self.seal(ctx, &id, "secret", secret.expose())),
            sealed_headers: self.seal_headers(ctx, &id, &new.headers),
            sealed_previous: None,
            id,
            kind: new.kind,
            scope: new.scope,
            endpoint: new.endpoint.redacted(),
            format: new.format,
            signed: secret.is_some(),
            previous_until: None,
            header_names: new.headers.names(),
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
        self.see_pulls().await?;
        Ok(webhook)
    }

    /// Say anew whether there are webhooks, as an earlier program may not have; at each start.
    pub async fn resume(&self, ctx: &Ctx) -> Result<(), Error> {
        let written: Result<(), Error> = db::write!(self.db, ctx, |tx| Ok(watch(tx).await?));
        written?;
        self.see_pulls().await
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
        Ok(store::list(&mut tx, author, kind, after, page(limits::PAGE_MAX)).await?)
    }

    /// All webhooks of exactly this scope, whoever made them; for those who may manage them.
    pub async fn of_scope(&self, ctx: &Ctx, scope: &Scope) -> Result<Vec<Webhook>, Error> {
        let mut tx = self.db.read().await?;
        scope.require(&mut tx, &ctx.actor).await?;
        Ok(store::of_scope(&mut tx, scope).await?)
    }

    /// Switch a webhook on or off, or change how it calls.
    pub async fn update(&self, ctx: &Ctx, id: &WebhookId, change: Change) -> Result<Webhook, Error> {
        Level::require_person(&ctx.actor)?;
        check_certificate(change.tls_cert.as_deref().unwrap_or_default())?;
        let changes_secret = change.secret.is_some();
        let secret = checked(change.secret)?;
        let webhook: Result<Webhook, Error> = db::write!(self.db, ctx, |tx| {
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
            webhook.format = change.format.unwrap_or(webhook.format);
            if let Some(headers) = &change.headers {
                webhook.header_names = headers.names();
                webhook.sealed_headers = self.seal_headers(ctx, id, headers);
            }
            if changes_secret {
                self.replace_secret(ctx, &mut webhook, secret.as_ref())?;
            }
            check_plain(&self.open(&webhook, ctx.now)?.endpoint, webhook.skip_tls)?;
            store::update(tx, &webhook).await?;
            if webhook.inactive {
                store::give_up_all(tx, id, "the webhook was made inactive").await?;
            }
            audit::append(tx, ctx, entry("webhook.updated", &webhook).set(webhook.state_key(), webhook.state()))
                .await?;
            Ok(webhook)
        });
        let webhook = webhook?;
        self.see_pulls().await?;
        Ok(webhook)
    }

    /// Remove a webhook with its delivery log.
    pub async fn delete(&self, ctx: &Ctx, id: &WebhookId) -> Result<(), Error> {
        Level::require_person(&ctx.actor)?;
        let removed: Result<(), Error> = db::write!(self.db, ctx, |tx| {
            let webhook = managed(tx, ctx, id).await?;
            remove(tx, ctx, &webhook).await
        });
        removed?;
        self.see_pulls().await
    }

    /// One webhook, for those who may manage it.
    pub async fn webhook(&self, ctx: &Ctx, id: &WebhookId) -> Result<Webhook, Error> {
        managed(&mut self.db.read().await?, ctx, id).await
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
        let event = format!("test-{}", ctx.request_id);
        let message = payload::sample(probe.kind, ctx.now, &self.host).message(probe.format, &event, &self.host);
        let opened = Opened { endpoint: probe.endpoint, secrets: Vec::new(), headers: Headers::default() };
        let call = Call {
            opened: &opened,
            tls_cert: &probe.tls_cert,
            skip_tls: probe.skip_tls,
            content_type: message.content_type,
            attributes: &message.attributes,
            delivery: &ctx.request_id,
            at: ctx.now,
            body: &message.body,
        };
        let attempt = call.post(&self.outbound).await;
        Ok(Attempt { response: String::new(), response_headers: Vec::new(), ..attempt })
    }

    /// Send a made-up payload as this webhook does, now and once; it stands in the delivery log.
    pub async fn try_webhook(&self, ctx: &Ctx, id: &WebhookId) -> Result<Delivery, Error> {
        Level::require_person(&ctx.actor)?;
        let delivery_id: Id<Delivery> = Id::new(ctx);
        let (webhook, delivery): (Webhook, Delivery) = db::write!(self.db, ctx, |tx| {
            let webhook = managed(tx, ctx, id).await?;
            let sample = payload::sample(webhook.kind, ctx.now, &self.host);
            let event = format!("test-{delivery_id}");
            let delivery = Delivery {
                id: delivery_id.clone(),
                // Apart from real ones, and ours to send for as long as a call takes.
                subject: event.clone(),
                sample: true,
                next_at: later(ctx.now, LEASE),
                ..self.delivery(ctx, &webhook, &sample, &event, None)
            };
            store::insert_delivery(tx, &delivery, &event).await?;
            Ok::<_, Error>((webhook, delivery))
        })?;
        let attempt = self.call(ctx, &webhook, &delivery).await?;
        self.record(ctx, &webhook, &delivery, &attempt).await?;
        let done = store::delivery(&mut self.db.read().await?, &delivery.id).await?;
        Ok(done.unwrap_or(delivery))
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
            if found.state == DeliveryState::Waiting {
                return Err(Error::Conflict("the delivery is still waiting to be sent".to_owned()));
            }
            let entry = entry("webhook.redelivered", &webhook).detail("delivery", found.id.as_str());
            let entry = audit::append(tx, ctx, entry).await?;
            store::reopen(tx, &found.id, &entry, ctx.now).await?;
            tx.wake();
            store::delivery(tx, delivery).await?.ok_or_else(missing)
        })
    }

    /// A delivery of a webhook.
    pub async fn delivery_of(&self, ctx: &Ctx, id: &WebhookId, delivery: &Id<Delivery>) -> Result<Delivery, Error> {
        let mut tx = self.db.read().await?;
        managed(&mut tx, ctx, id).await?;
        let found = store::delivery(&mut tx, delivery).await?.filter(|found| found.webhook == *id);
        found.ok_or_else(|| Error::NotFound { what: "delivery", name: delivery.to_string() })
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        let all = store::all(tx).await?;
        Ok(all.iter().map(|webhook| (webhook.state_key(), webhook.state())).collect())
    }
}

impl Events {
    fn seal(&self, ctx: &Ctx, id: &WebhookId, part: &str, plain: &str) -> Vec<u8> {
        self.sealer.seal(&ctx.entropy, &about(id, part), plain.as_bytes())
    }

    fn seal_headers(&self, ctx: &Ctx, id: &WebhookId, headers: &Headers) -> Option<Vec<u8>> {
        (!headers.is_empty()).then(|| self.seal(ctx, id, "headers", &headers.expose()))
    }

    /// Sign with another secret, and for a while with the present one as well; or with none, and then at once.
    fn replace_secret(&self, ctx: &Ctx, webhook: &mut Webhook, new: Option<&Secret>) -> Result<(), Error> {
        let present = match &webhook.sealed_secret {
            Some(sealed) => Some(self.sealer.open(&about(&webhook.id, "secret"), sealed)?),
            None => None,
        };
        webhook.signed = new.is_some();
        webhook.sealed_secret = new.map(|secret| self.seal(ctx, &webhook.id, "secret", secret.expose()));
        let overlap = present.filter(|_| new.is_some()).map(|present| {
            let text = String::from_utf8_lossy(present.expose()).into_owned();
            self.seal(ctx, &webhook.id, "previous", &text)
        });
        webhook.previous_until =
            overlap.as_ref().and_then(|_| ctx.now.checked_add(limits::WEBHOOK_SECRET_OVERLAP).ok());
        webhook.sealed_previous = overlap;
        Ok(())
    }

    /// What a webhook keeps sealed, as it is used at this time.
    pub(crate) fn open(&self, webhook: &Webhook, now: Timestamp) -> Result<Opened, Error> {
        let open = |part: &str, sealed: &[u8]| self.sealer.open(&about(&webhook.id, part), sealed);
        let endpoint = open("endpoint", &webhook.sealed_endpoint)?;
        let endpoint: Endpoint = String::from_utf8_lossy(endpoint.expose()).parse()?;
        let previous = webhook.sealed_previous.as_ref().filter(|_| webhook.previous_until.is_some_and(|end| now < end));
        let mut secrets = Vec::new();
        for (part, sealed) in [("secret", webhook.sealed_secret.as_ref()), ("previous", previous)] {
            if let Some(sealed) = sealed {
                secrets.push(open(part, sealed)?);
            }
        }
        let headers = match &webhook.sealed_headers {
            Some(sealed) => Headers::opened(open("headers", sealed)?.expose()),
            None => Headers::default(),
        };
        Ok(Opened { endpoint, secrets, headers })
    }
}

/// A secret that is none is none.
fn checked(secret: Option<Secret>) -> Result<Option<Secret>, Error> {
    let secret = secret.filter(|secret| !secret.expose().is_empty());
    if secret.as_ref().is_some_and(|secret| secret.expose().len() > limits::WEBHOOK_SECRET_BYTES) {
        return Err(Error::Invalid(format!("a secret has at most {} bytes", limits::WEBHOOK_SECRET_BYTES)));
    }
    Ok(secret)
}

/// What a sealed part of a webhook is bound to.
fn about(id: &WebhookId, part: &str) -> String {
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
