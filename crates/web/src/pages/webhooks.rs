//! The pages of webhooks, and the forms that make, try and change them.

use std::collections::BTreeMap;

use axum::{
    Form, Router,
    extract::{Path, Query},
    response::Response,
    routing::{get, post},
};
use base::{Id, Kind, Secret, limits};
use events::{Change, Delivery, Error, EventType, Format, Headers, NewWebhook, Scope, Webhook, WebhookId};
use serde::Deserialize;
use ui::{DeliveryRow, DeliveryState, DeliveryView, WebhookRow, WebhookState, WebhookView, WebhooksView};

use super::{Failure, Page, Told, Visitor, see_other, view::moment};
use crate::App;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/webhooks", get(all))
        .route("/webhooks/of/{*key}", get(of_key))
        .route("/webhooks/create", post(create))
        .route("/webhooks/{webhook}", get(show))
        .route("/webhooks/{webhook}/{action}", post(act))
        .route("/webhooks/{webhook}/deliveries/{delivery}", get(delivery))
        .route("/webhooks/{webhook}/deliveries/{delivery}/redeliver", post(redeliver))
}

/// `GET /webhooks`: one's own, or all for an administrator.
async fn all(visitor: Visitor) -> Response {
    visitor.answer(list(&visitor, None, None).await)
}

/// `GET /webhooks/of/{namespace}/{name}`, or of a namespace.
async fn of_key(visitor: Visitor, Path(key): Path<String>) -> Response {
    visitor.answer(list(&visitor, Some(&key), None).await)
}

async fn list(visitor: &Visitor, key: Option<&str>, refused: Option<String>) -> Page {
    visitor.require_account()?;
    let (events, ctx) = (&visitor.app.events, &visitor.ctx);
    let found = match key {
        Some(key) => events.of_scope(ctx, &key.parse().map_err(|_| Failure::NotFound)?).await?,
        None => events.list(ctx, None, "").await?,
    };
    let global = key.is_none();
    let view = WebhooksView {
        key: key.map(str::to_owned),
        webhooks: found.iter().map(row).collect(),
        types: EventType::ALL
            .into_iter()
            .filter(|kind| global || !kind.is_global())
            .map(|kind| (kind.as_str(), kind.label()))
            .collect(),
        formats: formats(),
        refused,
    };
    Ok(ui::webhooks(&visitor.frame(), &view).into_string())
}

/// What the form says. Empty fields are what nobody filled in.
#[derive(Debug, Deserialize)]
struct Create {
    #[serde(default)]
    key: String,
    #[serde(rename = "type")]
    kind: String,
    endpoint: Secret,
    #[serde(default)]
    format: String,
    secret: Option<Secret>,
    headers: Option<Secret>,
    #[serde(default)]
    tls_cert: String,
    #[serde(default)]
    skip_tls: bool,
}

async fn create(visitor: Visitor, Form(form): Form<Create>) -> Response {
    let key = form.key.trim().to_owned();
    match make(&visitor, form).await {
        Ok(webhook) => see_other(&format!("/webhooks/{}", webhook.id)),
        // On the page it came from, where the form can be filled in again.
        Err(error) if said_on_page(&error) => {
            let key = Some(key.as_str()).filter(|key| key.contains('/'));
            visitor.refused(list(&visitor, key, Some(error.to_string())).await)
        }
        Err(error) => visitor.answer(Err(error.into())),
    }
}

async fn make(visitor: &Visitor, form: Create) -> Result<Webhook, Error> {
    let new = NewWebhook {
        kind: form.kind.parse()?,
        scope: form.key.trim().parse::<Scope>()?,
        endpoint: form.endpoint.expose().trim().parse()?,
        format: if form.format.is_empty() { Format::default() } else { form.format.parse()? },
        secret: form.secret,
        headers: headers(form.headers.as_ref())?.unwrap_or_default(),
        tls_cert: form.tls_cert.trim().to_owned(),
        skip_tls: form.skip_tls,
    };
    visitor.app.events.create(&visitor.ctx, new).await
}

/// One a line; None for none at all. An error names the line and never quotes it.
fn headers(text: Option<&Secret>) -> Result<Option<Headers>, Error> {
    let text = text.map(|text| text.expose().trim()).unwrap_or_default();
    let mut given = BTreeMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let no_colon = || Error::Invalid(format!("line {} of the headers has no colon", index + 1));
        let (name, value) = line.split_once(':').ok_or_else(no_colon)?;
        given.insert(name.trim().to_owned(), Secret::new(value.trim().to_owned()));
    }
    if given.is_empty() { Ok(None) } else { Headers::new(given).map(Some) }
}

#[derive(Debug, Deserialize)]
struct Before {
    #[serde(default)]
    before: String,
}

async fn show(visitor: Visitor, Path(id): Path<String>, Query(before): Query<Before>) -> Response {
    visitor.answer(one(&visitor, &id, &before.before, None).await)
}

async fn one(visitor: &Visitor, id: &str, before: &str, refused: Option<String>) -> Page {
    visitor.require_account()?;
    let (app, ctx, id) = (&visitor.app, &visitor.ctx, known(id)?);
    let webhook = app.events.webhook(ctx, &id).await?;
    let deliveries = app.events.deliveries(ctx, &id, before, limits::PAGE_DEFAULT).await?;
    let next = deliveries.last().filter(|_| deliveries.len() == limits::PAGE_DEFAULT);
    let view = WebhookView {
        row: row(&webhook),
        format: webhook.format.as_str(),
        formats: formats(),
        signed: webhook.signed,
        previous_until: webhook.previous_until.filter(|until| ctx.now < *until).map(moment),
        headers: webhook.header_names.clone(),
        verified: match (webhook.skip_tls, webhook.tls_cert.is_empty()) {
            (true, _) => "nobody: whoever is in between reads what is sent",
            (false, true) => "the public roots and this installation's authority",
            (false, false) => "the certificate that was given",
        },
        created: moment(webhook.created_at),
        deliveries: deliveries.iter().map(delivery_row).collect(),
        next: next.map(|delivery| delivery.id.to_string()),
        refused,
    };
    Ok(ui::webhook(&visitor.frame(), &view).into_string())
}

/// The buttons of a webhook's page; only `update` has fields.
#[derive(Debug, Deserialize)]
struct Changed {
    #[serde(default)]
    format: String,
    secret: Option<Secret>,
    headers: Option<Secret>,
}

async fn act(visitor: Visitor, Path((id, action)): Path<(String, String)>, Form(form): Form<Changed>) -> Response {
    match do_it(&visitor, &id, &action, form).await {
        Ok(to) => see_other(&to),
        Err(Told::OnPage(why)) => visitor.refused(one(&visitor, &id, "", Some(why)).await),
        Err(Told::Apart(failure)) => visitor.answer(Err(failure)),
    }
}

impl From<Error> for Told {
    fn from(error: Error) -> Told {
        if said_on_page(&error) { Told::OnPage(error.to_string()) } else { Told::Apart(error.into()) }
    }
}

/// Gives where to go on.
async fn do_it(visitor: &Visitor, id: &str, action: &str, form: Changed) -> Result<String, Told> {
    let (events, ctx) = (&visitor.app.events, &visitor.ctx);
    let id = known(id).map_err(Told::Apart)?;
    let here = format!("/webhooks/{id}");
    let switch = |inactive| Change { inactive: Some(inactive), ..Change::default() };
    match action {
        "test" => {
            let tried = events.try_webhook(ctx, &id).await?;
            return Ok(format!("{here}/deliveries/{}", tried.id));
        }
        "pause" => drop(events.update(ctx, &id, switch(true)).await?),
        "resume" => drop(events.update(ctx, &id, switch(false)).await?),
        "update" => {
            let change = Change {
                format: if form.format.is_empty() { None } else { Some(form.format.parse()?) },
                secret: form.secret.filter(|secret| !secret.expose().is_empty()),
                headers: headers(form.headers.as_ref())?,
                ..Change::default()
            };
            events.update(ctx, &id, change).await?;
        }
        "delete" => {
            let webhook = events.webhook(ctx, &id).await?;
            events.delete(ctx, &id).await?;
            return Ok(match webhook.scope {
                Scope::Everything => "/webhooks".to_owned(),
                scope => format!("/webhooks/of/{scope}"),
            });
        }
        _ => return Err(Told::Apart(Failure::NotFound)),
    }
    Ok(here)
}

async fn delivery(visitor: Visitor, Path((id, delivery)): Path<(String, String)>) -> Response {
    visitor.answer(delivered(&visitor, &id, &delivery).await)
}

async fn delivered(visitor: &Visitor, id: &str, delivery: &str) -> Page {
    visitor.require_account()?;
    let (events, ctx, id) = (&visitor.app.events, &visitor.ctx, known(id)?);
    let delivery: Id<Delivery> = delivery.parse().map_err(|_| Failure::NotFound)?;
    let webhook = events.webhook(ctx, &id).await?;
    let found = events.delivery_of(ctx, &id, &delivery).await?;
    let view = DeliveryView {
        webhook: row(&webhook),
        row: delivery_row(&found),
        requested: found.requested_at.map(moment),
        request_headers: found.request_headers,
        request_body: indented(&found.payload),
        response_headers: found.response_headers,
        response_body: found.response,
    };
    Ok(ui::delivery(&visitor.frame(), &view).into_string())
}

/// As a person reads it; what is sent has no such spaces.
fn indented(json: &str) -> String {
    let parsed = serde_json::from_str::<serde_json::Value>(json);
    parsed.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| json.to_owned())
}

async fn redeliver(visitor: Visitor, Path((id, delivery)): Path<(String, String)>) -> Response {
    match again(&visitor, &id, &delivery).await {
        Ok(()) => see_other(&format!("/webhooks/{id}/deliveries/{delivery}")),
        Err(Told::OnPage(why)) => visitor.answer(Err(Failure::Other(Kind::Conflict, why))),
        Err(Told::Apart(failure)) => visitor.answer(Err(failure)),
    }
}

async fn again(visitor: &Visitor, id: &str, delivery: &str) -> Result<(), Told> {
    let id = known(id).map_err(Told::Apart)?;
    let delivery: Id<Delivery> = delivery.parse().map_err(|_| Told::Apart(Failure::NotFound))?;
    visitor.app.events.redeliver(&visitor.ctx, &id, &delivery).await?;
    Ok(())
}

fn known(id: &str) -> Result<WebhookId, Failure> {
    id.parse().map_err(|_| Failure::NotFound)
}

/// What is wrong with what was typed is said where it was typed.
fn said_on_page(error: &Error) -> bool {
    matches!(error.kind(), Kind::Invalid | Kind::Conflict)
}

fn formats() -> Vec<&'static str> {
    Format::ALL.into_iter().map(Format::as_str).collect()
}

fn row(webhook: &Webhook) -> WebhookRow {
    let state = match (&webhook.paused, webhook.inactive, webhook.failing_since) {
        (Some(why), _, _) => WebhookState::Paused(why.clone()),
        (None, true, _) => WebhookState::Inactive,
        (None, false, Some(since)) => WebhookState::Failing(moment(since)),
        (None, false, None) => WebhookState::Active,
    };
    WebhookRow {
        id: webhook.id.to_string(),
        kind: (webhook.kind.as_str(), webhook.kind.label()),
        key: webhook.scope.to_string(),
        endpoint: webhook.endpoint.clone(),
        state,
        last_success: webhook.last_success_at.map(moment),
    }
}

fn delivery_row(delivery: &Delivery) -> DeliveryRow {
    DeliveryRow {
        id: delivery.id.to_string(),
        created: moment(delivery.created_at),
        subject: delivery.subject.clone(),
        sample: delivery.sample,
        state: match delivery.state {
            events::DeliveryState::Waiting => DeliveryState::Waiting(moment(delivery.next_at)),
            events::DeliveryState::Delivered => DeliveryState::Delivered,
            events::DeliveryState::Failed => DeliveryState::Failed,
        },
        attempts: delivery.attempts,
        status: delivery.status,
        duration_ms: delivery.duration_ms,
        error: delivery.error.clone(),
    }
}
