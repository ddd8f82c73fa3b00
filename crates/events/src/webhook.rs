//! The nouns: a webhook, and one delivery of it.

use std::{fmt, str};

use base::{Ctx, Id, InvalidName, Principal, Secret, Timestamp};

use crate::{EventType, Format, Headers, Scope, signature::Secrets};

/// The name of a webhook: 64 hexadecimal digits, as DTR's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookId(Box<str>);

/// That somebody wants to hear of something. The endpoint is here only in the form that may be shown.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: WebhookId,
    pub kind: EventType,
    pub scope: Scope,
    /// Scheme, host and path, the rest redacted.
    pub endpoint: String,
    pub format: Format,
    /// Whether deliveries are signed with a secret.
    pub signed: bool,
    /// Until when they are signed with the secret before as well.
    pub previous_until: Option<Timestamp>,
    /// The names of its own headers; their values are shown to nobody.
    pub header_names: Vec<String>,
    pub tls_cert: String,
    pub skip_tls: bool,
    pub author: Option<Id<Principal>>,
    pub created_at: Timestamp,
    pub inactive: bool,
    /// Why the program itself made it inactive.
    pub paused: Option<String>,
    pub last_success_at: Option<Timestamp>,
    pub failing_since: Option<Timestamp>,
    pub(crate) sealed_endpoint: Vec<u8>,
    pub(crate) sealed_secret: Option<Vec<u8>>,
    pub(crate) sealed_previous: Option<Vec<u8>>,
    pub(crate) sealed_headers: Option<Vec<u8>>,
}

/// A webhook to be created.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub kind: EventType,
    pub scope: Scope,
    pub endpoint: crate::Endpoint,
    pub format: Format,
    pub secret: Option<Secret>,
    pub headers: Headers,
    pub tls_cert: String,
    pub skip_tls: bool,
}

/// A receiver to be tried without a webhook.
#[derive(Clone, Debug)]
pub struct Probe {
    pub kind: EventType,
    pub endpoint: crate::Endpoint,
    pub format: Format,
    pub tls_cert: String,
    pub skip_tls: bool,
}

/// What can be changed afterwards; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub inactive: Option<bool>,
    pub tls_cert: Option<String>,
    pub skip_tls: Option<bool>,
    pub format: Option<Format>,
    /// Empty for none. The one before signs as well for a while, unless there is none any more.
    pub secret: Option<Secret>,
    /// In place of all that there were.
    pub headers: Option<Headers>,
}

/// One event for one webhook, and what became of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: Id<Delivery>,
    pub webhook: WebhookId,
    pub kind: EventType,
    /// The body as it is sent, byte for byte, each time.
    pub payload: String,
    pub content_type: String,
    /// The headers of a CloudEvent in binary mode.
    pub attributes: Vec<(String, String)>,
    /// What it is about; deliveries of one webhook about one subject go out one after the other.
    pub subject: String,
    /// The repository, empty when it is about none; and, when it is about one, the image.
    pub repository: String,
    pub digest: Option<String>,
    /// A made-up event, to try a receiver.
    pub sample: bool,
    /// The audit entry that it follows from.
    pub cause: Option<String>,
    pub created_at: Timestamp,
    pub state: DeliveryState,
    /// When it is sent next, while it waits.
    pub next_at: Timestamp,
    /// The last request: when, and what came of it; and how many there were.
    pub requested_at: Option<Timestamp>,
    pub request_headers: Vec<(String, String)>,
    pub status: Option<i64>,
    pub response_headers: Vec<(String, String)>,
    /// The beginning of the answer.
    pub response: Option<String>,
    pub duration_ms: Option<i64>,
    pub error: Option<String>,
    pub attempts: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Not yet taken by the receiver; it is tried again.
    Waiting,
    Delivered,
    /// Given up; it can be sent again by hand.
    Failed,
}

impl WebhookId {
    pub(crate) fn new(ctx: &Ctx) -> WebhookId {
        WebhookId(hex::encode(ctx.entropy.bytes::<32>()).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl str::FromStr for WebhookId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<WebhookId, InvalidName> {
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(WebhookId(text.into()))
        } else {
            Err(InvalidName::new("webhook id", text, "64 of 0-9 and a-f"))
        }
    }
}

impl Webhook {
    /// The value under the webhook's key in the audit log: what it is, whether it acts, and a hash of how it calls.
    pub(crate) fn state(&self) -> String {
        let hexed = |sealed: &Option<Vec<u8>>| sealed.as_ref().map(hex::encode).unwrap_or_default();
        let secret = hexed(&self.sealed_secret);
        let mut calls = format!("{} {secret} {} {}", hex::encode(&self.sealed_endpoint), self.skip_tls, self.tls_cert);
        // Left out where it says nothing, so that what the log says of older webhooks stays true.
        if self.format != Format::Dtr || self.sealed_headers.is_some() || self.sealed_previous.is_some() {
            calls += &format!(" {} {} {}", self.format, hexed(&self.sealed_headers), hexed(&self.sealed_previous));
        }
        let active = if self.inactive { "inactive" } else { "active" };
        format!("{} {} {active} {}", self.kind, self.scope, base::digest_hex(calls.as_bytes()))
    }

    pub(crate) fn state_key(&self) -> String {
        format!("events/webhook/{}", self.id)
    }
}

/// What a webhook keeps sealed, opened to be used.
pub(crate) struct Opened {
    pub(crate) endpoint: crate::Endpoint,
    pub(crate) secrets: Secrets,
    pub(crate) headers: Headers,
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
        })
    }
}

impl str::FromStr for DeliveryState {
    type Err = String;

    fn from_str(text: &str) -> Result<DeliveryState, String> {
        match text {
            "waiting" => Ok(DeliveryState::Waiting),
            "delivered" => Ok(DeliveryState::Delivered),
            "failed" => Ok(DeliveryState::Failed),
            other => Err(format!("{other:?} is no state of a delivery")),
        }
    }
}
