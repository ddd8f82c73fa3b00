//! Limits of webhooks and their deliveries.

/// The URL of a webhook; some proxies cut longer ones.
pub const WEBHOOK_URL_BYTES: usize = 2_048;

/// The key of a webhook's HMAC: what is longer than one block of SHA-256 is hashed down anyway.
pub const WEBHOOK_SECRET_BYTES: usize = 256;

/// How much of a receiver's answer is read and kept: enough for an error message, too little to exhaust us.
pub const WEBHOOK_RESPONSE_BYTES: usize = 4 * 1024;

/// Headers of a webhook's own, and their bytes: some receivers refuse heads of more than 8 KiB in all.
pub const WEBHOOK_HEADERS: usize = 20;
pub const WEBHOOK_HEADERS_BYTES: usize = 4 * 1024;

/// How much of the head of a receiver's answer is kept.
pub const WEBHOOK_RESPONSE_HEADERS: usize = 50;
pub const WEBHOOK_RESPONSE_HEAD_BYTES: usize = 8 * 1024;

/// Deliveries of one webhook that may wait: one whose receiver is so far behind is paused.
pub const WEBHOOK_WAITING: usize = 10_000;

/// How long the secret before a new one signs as well, so that a receiver can be changed in between.
pub const WEBHOOK_SECRET_OVERLAP: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Pulls that were noted and not yet told to webhooks, in memory: more are told to nobody, and the log says so.
pub const PULLS_UNTOLD: usize = 10_000;

/// Webhooks of one repository or namespace: each event is sent to all of them.
pub const WEBHOOKS_PER_KEY: usize = 100;

/// Ended deliveries that are kept for each webhook to look at and to send again.
pub const WEBHOOK_DELIVERIES_KEPT: usize = 1_000;
