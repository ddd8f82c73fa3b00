//! The nouns: a webhook, and one delivery of it.

use std::{fmt, str};

use base::{Ctx, Id, InvalidName, Principal, Secret, Timestamp};

use crate::{EventType, Scope};

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
    /// Whether deliveries are signed with a secret.
    pub signed: bool,
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
}

/// A webhook to be created.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub kind: EventType,
    pub scope: Scope,
    pub endpoint: crate::Endpoint,
    pub secret: Option<Secret>,
    pub tls_cert: String,
    pub skip_tls: bool,
}

/// A receiver to be tried without a webhook.
#[derive(Clone, Debug)]
pub struct Probe {
    pub kind: EventType,
    pub endpoint: crate::Endpoint,
    pub tls_cert: String,
    pub skip_tls: bool,
}

/// What can be changed afterwards; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub inactive: Option<bool>,
    pub tls_cert: Option<String>,
    pub skip_tls: Option<bool>,
}

/// One event for one webhook, and what became of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: Id<Delivery>,
    pub webhook: WebhookId,
    pub kind: EventType,
    /// The body as it is sent, byte for byte, each time.
    pub payload: String,
    /// The repository and, when it is about one, the image.
    pub repository: String,
    pub digest: Option<String>,
    pub created_at: Timestamp,
    pub state: DeliveryState,
    /// The last request: when, the status, the beginning of the answer, what was wrong, and how many there were.
    pub requested_at: Option<Timestamp>,
    pub status: Option<i64>,
    pub response: Option<String>,
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
        let secret = self.sealed_secret.as_ref().map(hex::encode).unwrap_or_default();
        let calls = format!("{} {secret} {} {}", hex::encode(&self.sealed_endpoint), self.skip_tls, self.tls_cert);
        let active = if self.inactive { "inactive" } else { "active" };
        format!("{} {} {active} {}", self.kind, self.scope, base::digest_hex(calls.as_bytes()))
    }

    pub(crate) fn state_key(&self) -> String {
        format!("events/webhook/{}", self.id)
    }
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
