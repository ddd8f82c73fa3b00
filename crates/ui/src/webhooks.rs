//! Webhooks: who is told of what, how that stands, and what was sent.

use maud::{Markup, html};

use crate::{
    Frame,
    layout::page,
    tabs::{Tab, Tabs},
};

/// The webhooks of one key, or those that somebody may see.
#[derive(Clone, Debug)]
pub struct WebhooksView {
    /// `admin/flask`, `admin`; None for the list over all keys.
    pub key: Option<String>,
    pub webhooks: Vec<WebhookRow>,
    /// The types that can be asked for, each with its words.
    pub types: Vec<(&'static str, &'static str)>,
    pub formats: Vec<&'static str>,
    /// Why the form that was sent made no webhook.
    pub refused: Option<String>,
}

/// One webhook.
#[derive(Clone, Debug)]
pub struct WebhookRow {
    pub id: String,
    pub kind: (&'static str, &'static str),
    /// Empty for everything.
    pub key: String,
    /// Without its secrets.
    pub endpoint: String,
    pub state: WebhookState,
    pub last_success: Option<String>,
}

/// How a webhook stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookState {
    Active,
    /// Its last calls failed, since when.
    Failing(String),
    /// Somebody switched it off.
    Inactive,
    /// It was stopped by itself, and why.
    Paused(String),
}

/// One webhook with its deliveries.
#[derive(Clone, Debug)]
pub struct WebhookView {
    pub row: WebhookRow,
    pub format: &'static str,
    pub formats: Vec<&'static str>,
    pub signed: bool,
    /// Until when the secret before signs as well.
    pub previous_until: Option<String>,
    pub headers: Vec<String>,
    /// How the receiver is verified, in words.
    pub verified: &'static str,
    pub created: String,
    pub deliveries: Vec<DeliveryRow>,
    /// Where the next page of deliveries starts.
    pub next: Option<String>,
    pub refused: Option<String>,
}

/// One delivery in the log.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    pub id: String,
    pub created: String,
    /// `admin/flask:7`
    pub subject: String,
    /// A made-up event.
    pub sample: bool,
    pub state: DeliveryState,
    pub attempts: i64,
    pub status: Option<i64>,
    pub duration_ms: Option<i64>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// And when it is sent next.
    Waiting(String),
    Delivered,
    Failed,
}

/// One delivery with what was sent and what came back.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    pub webhook: WebhookRow,
    pub row: DeliveryRow,
    pub requested: Option<String>,
    pub request_headers: Vec<(String, String)>,
    pub request_body: String,
    pub response_headers: Vec<(String, String)>,
    pub response_body: Option<String>,
}

/// The page of webhooks.
pub fn webhooks(frame: &Frame, view: &WebhooksView) -> Markup {
    let title = match &view.key {
        Some(key) => format!("Webhooks of {key}"),
        None => "Webhooks".to_owned(),
    };
    let tabs = view.key.as_ref().filter(|key| key.contains('/'));
    let tabs = tabs.map(|key| Tabs { repository: key.clone(), administers: true });
    let content = html! {
        @if let Some(tabs) = &tabs { (tabs.at(frame, Tab::Webhooks)) }
        p.quiet {
            @match &view.key {
                Some(key) if key.contains('/') => {
                    "They call an address when something happens in " a href={ "/repositories/" (key) } { (key) } ". "
                    a href="/webhooks" { "All that you may see" }
                }
                Some(key) => { "They call an address when something happens in any repository of " (key) "." }
                None => { "They call an address when something happens in a repository, in a namespace, or anywhere." }
            }
        }
        @if view.webhooks.is_empty() { p { "No webhook yet." } }
        @else {
            table #webhooks {
                thead { tr { th { "Notification" } @if view.key.is_none() { th { "Where" } } th { "URL" } th { "State" } th { "Last success" } } }
                tbody { @for row in &view.webhooks { (webhook_row(row, view.key.is_none())) } }
            }
        }
        (create_form(view))
        p.quiet { "The same from a terminal: " code { "assay webhook list" @if let Some(key) = &view.key { " --key " (key) } } }
    };
    page(frame, &title, &content)
}

fn webhook_row(row: &WebhookRow, with_key: bool) -> Markup {
    html! {
        tr data-webhook=(row.id) {
            td { a href={ "/webhooks/" (row.id) } { (row.kind.1) } br; code.quiet { (row.kind.0) } }
            @if with_key { td { (place(&row.key)) } }
            td { code { (row.endpoint) } }
            td { (state(&row.state)) }
            td { (row.last_success.as_deref().unwrap_or("never")) }
        }
    }
}

fn place(key: &str) -> Markup {
    html! {
        @if key.is_empty() { "everything" }
        @else if key.contains('/') { a href={ "/repositories/" (key) } { (key) } }
        @else { "all of " (key) }
    }
}

fn state(state: &WebhookState) -> Markup {
    html! {
        @match state {
            WebhookState::Active => span.good { "✓ active" },
            WebhookState::Failing(since) => span.wait { "⚠ failing since " (since) },
            WebhookState::Inactive => span.quiet { "○ inactive" },
            WebhookState::Paused(why) => span.bad { "✕ " (why) },
        }
    }
}

fn create_form(view: &WebhooksView) -> Markup {
    html! {
        h2 { "New webhook" }
        @if let Some(why) = &view.refused { p.bad role="alert" { "✕ " (why) } }
        form.stacked method="post" action="/webhooks/create" {
            @match &view.key {
                Some(key) => input type="hidden" name="key" value=(key);,
                None => {
                    label {
                        "Where"
                        input name="key" placeholder="namespace/name, namespace, or nothing for everything" autocomplete="off";
                    }
                }
            }
            label {
                "Notification to receive"
                select name="type" required {
                    @for (name, words) in &view.types { option value=(name) { (words) " (" (name) ")" } }
                }
            }
            label {
                "Webhook URL"
                input type="url" name="endpoint" required placeholder="https://…" autocomplete="off";
            }
            details {
                summary { "Show advanced settings" }
                div.stacked {
                    (form_of(view.formats.iter().copied(), view.formats.first().copied()))
                    (secret_and_headers("Secret, which signs each request", "Headers, one a line"))
                    label {
                        "Certificate of the receiver or its authority (PEM)"
                        textarea name="tls_cert" rows="4" spellcheck="false" {}
                    }
                    label.check {
                        input type="checkbox" name="skip_tls" value="true";
                        "Do not verify the receiver, and allow http://"
                    }
                }
            }
            button type="submit" { "Create" }
        }
    }
}

fn form_of<'a>(formats: impl Iterator<Item = &'a str>, present: Option<&str>) -> Markup {
    html! {
        label {
            "Form of requests"
            select name="format" {
                @for format in formats { option value=(format) selected[present == Some(format)] { (format) } }
            }
        }
    }
}

fn secret_and_headers(secret: &str, headers: &str) -> Markup {
    html! {
        label { (secret) input type="password" name="secret" autocomplete="new-password"; }
        label {
            (headers)
            textarea name="headers" rows="3" spellcheck="false" placeholder="Authorization: Bearer …" {}
        }
    }
}

/// The page of one webhook.
pub fn webhook(frame: &Frame, view: &WebhookView) -> Markup {
    let row = &view.row;
    let action = |name: &str| format!("/webhooks/{}/{name}", row.id);
    let content = html! {
        p.verdict { (state(&row.state)) }
        dl.facts #webhook {
            dt { "Hears of" } dd { (place(&row.key)) ": " code { (row.kind.0) } }
            dt { "Calls" } dd { code { (row.endpoint) } }
            dt { "Form" } dd { (view.format) }
            dt { "Signed" }
            dd {
                @if view.signed { "yes" } @else { span.wait { "no: the receiver cannot know who calls" } }
                @if let Some(until) = &view.previous_until { ", with the secret before as well until " (until) }
            }
            @if !view.headers.is_empty() {
                dt { "Headers" } dd { @for name in &view.headers { code { (name) ": [redacted]" } " " } }
            }
            dt { "Verified by" } dd { (view.verified) }
            dt { "Created" } dd { (view.created) }
            dt { "Last success" } dd { (row.last_success.as_deref().unwrap_or("never")) }
        }
        @if let Some(why) = &view.refused { p.bad role="alert" { "✕ " (why) } }
        div.actions {
            form method="post" action=(action("test")) { button type="submit" { "Test" } }
            @if matches!(row.state, WebhookState::Inactive | WebhookState::Paused(_)) {
                form method="post" action=(action("resume")) { button type="submit" { "Resume" } }
            } @else {
                form method="post" action=(action("pause")) { button type="submit" { "Pause" } }
            }
            details {
                summary { "Change" }
                form.stacked method="post" action=(action("update")) {
                    (form_of(view.formats.iter().copied(), Some(view.format)))
                    (secret_and_headers("New secret; empty keeps the present one", "Headers in place of the present ones, one a line; empty keeps them"))
                    button type="submit" { "Save" }
                }
            }
            details {
                summary { "Delete" }
                form method="post" action=(action("delete")) {
                    p { "Its log of deliveries goes too." }
                    button type="submit" { "Delete this webhook" }
                }
            }
        }
        h2 { "Deliveries" }
        @if view.deliveries.is_empty() { p { "Nothing was sent yet." } }
        @else {
            table #deliveries {
                thead { tr { th { "Time" } th { "About" } th { "State" } th { "Answer" } th { "Tries" } } }
                tbody { @for delivery in &view.deliveries { (delivery_row(&row.id, delivery)) } }
            }
        }
        @if let Some(next) = &view.next { p { a href={ "/webhooks/" (row.id) "?before=" (next) } { "Older" } } }
        p.quiet {
            "The same from a terminal: " code { "assay webhook deliveries " (row.id) } " · "
            a href={ "/api/v1/webhooks/" (row.id) "/deliveries" } { "JSON" }
        }
    };
    page(frame, row.kind.1, &content)
}

fn delivery_row(webhook: &str, row: &DeliveryRow) -> Markup {
    html! {
        tr data-delivery=(row.id) {
            td { a href={ "/webhooks/" (webhook) "/deliveries/" (row.id) } { (row.created) } }
            td { (about(row)) }
            td { (delivery_state(&row.state)) }
            td { (answer(row)) }
            td { (row.attempts) }
        }
    }
}

fn about(row: &DeliveryRow) -> Markup {
    html! { @if row.sample { span.quiet { "a test" } } @else { (row.subject) } }
}

fn delivery_state(state: &DeliveryState) -> Markup {
    html! {
        @match state {
            DeliveryState::Waiting(next) => span.wait { "⏳ waiting, next " (next) },
            DeliveryState::Delivered => span.good { "✓ delivered" },
            DeliveryState::Failed => span.bad { "✕ failed" },
        }
    }
}

fn answer(row: &DeliveryRow) -> Markup {
    html! {
        @if let Some(status) = row.status { (status) " " }
        @if let Some(duration) = row.duration_ms { span.quiet { "in " (duration) " ms" } }
        @if let Some(error) = &row.error { div.quiet { (error) } }
    }
}

/// The page of one delivery.
pub fn delivery(frame: &Frame, view: &DeliveryView) -> Markup {
    let (webhook, row) = (&view.webhook, &view.row);
    let content = html! {
        p { a href={ "/webhooks/" (webhook.id) } { (webhook.kind.1) } " " code.quiet { (webhook.kind.0) } }
        p.verdict { (delivery_state(&row.state)) }
        dl.facts #delivery {
            dt { "About" } dd { (about(row)) }
            dt { "Happened" } dd { (row.created) }
            dt { "Sent to" } dd { code { (webhook.endpoint) } }
            @if let Some(requested) = &view.requested { dt { "Last try" } dd { (requested) ", the " (nth(row.attempts)) } }
            dt { "Answer" } dd { (answer(row)) }
        }
        @if !matches!(row.state, DeliveryState::Waiting(_)) {
            form.inline method="post" action={ "/webhooks/" (webhook.id) "/deliveries/" (row.id) "/redeliver" } {
                button type="submit" { "Redeliver" }
            }
        }
        h2 { "Request" }
        (head("request", &view.request_headers))
        pre.text { (view.request_body) }
        h2 { "Response" }
        (head("response", &view.response_headers))
        @match view.response_body.as_deref() {
            Some("") | None => p.quiet { "No text." },
            Some(body) => pre.text { (body) },
        }
        p.quiet {
            "The same from a terminal: " code { "assay webhook deliveries " (webhook.id) " " (row.id) } " · "
            a href={ "/api/v1/webhooks/" (webhook.id) "/deliveries/" (row.id) } { "JSON" }
        }
    };
    page(frame, &format!("Delivery {}", row.id), &content)
}

fn nth(attempts: i64) -> String {
    match attempts {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        more => format!("{more}th"),
    }
}

fn head(id: &str, headers: &[(String, String)]) -> Markup {
    html! {
        @if !headers.is_empty() {
            dl.facts.head id=(id) { @for (name, value) in headers { dt { (name) } dd { code { (value) } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DeliveryRow, DeliveryState, WebhookState, answer, delivery_state, state};

    #[test]
    fn every_state_is_a_word_and_a_sign() {
        let paused = state(&WebhookState::Paused("paused: <b> answered 410".to_owned())).into_string();
        assert!(paused.contains("✕ paused") && !paused.contains("<b>"), "{paused}");
        for (state, word) in [
            (DeliveryState::Waiting("soon".to_owned()), "⏳ waiting"),
            (DeliveryState::Delivered, "✓ delivered"),
            (DeliveryState::Failed, "✕ failed"),
        ] {
            assert!(delivery_state(&state).into_string().contains(word));
        }
    }

    #[test]
    fn what_a_receiver_says_is_text() {
        let row = DeliveryRow {
            id: "1".to_owned(),
            created: String::new(),
            subject: String::new(),
            sample: false,
            state: DeliveryState::Failed,
            attempts: 1,
            status: Some(500),
            duration_ms: Some(3),
            error: Some("<script>alert(1)</script>".to_owned()),
        };
        assert!(!answer(&row).into_string().contains("<script>"));
    }
}
