//! Limits of talking to other registries.

use std::time::Duration;

/// Redirects that one request to another registry follows: to a store, perhaps by way of a proxy.
pub const REMOTE_REDIRECTS: usize = 5;

/// How long another registry may take to answer the telephone, and to say nothing in the middle of an answer. A registry that stores
/// a large layer away before it says so is silent for a while.
pub const REMOTE_CONNECT: Duration = Duration::from_secs(10);
pub const REMOTE_SILENCE: Duration = Duration::from_secs(120);

/// Tags of another repository that a poll looks at; each is one request.
pub const REMOTE_TAGS: usize = 20_000;

/// A page of tags or a token, as another registry sends it.
pub const REMOTE_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// A host, a name, a user or a password in a mirroring policy; and certificates that are pasted.
pub const MIRROR_TEXT_BYTES: usize = 4_096;
pub const MIRROR_CA_BYTES: usize = 256 * 1024;

/// The longest pause before a mirroring that failed is tried again.
pub const MIRROR_PAUSE: Duration = Duration::from_secs(30 * 60);

/// How much of another registry's complaint is kept.
pub const MIRROR_ERROR_CHARS: usize = 500;
