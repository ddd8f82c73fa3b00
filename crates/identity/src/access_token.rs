//! Access tokens: passwords for programs.

use base::{Ctx, Id, Principal, Secret, Timestamp, digest_hex};

/// What is known of an access token; its value is shown once and stored only as a hash.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub id: Id<AccessToken>,
    pub account: Id<Principal>,
    pub label: String,
    pub active: bool,
    pub created_at: Timestamp,
    /// The token this one was derived from, when it is bound to a job.
    pub parent: Option<Id<AccessToken>>,
    /// The job this token is bound to.
    pub job: Option<i64>,
}

/// Every token starts with this, so that a scanner of secrets can recognize one.
const PREFIX: &str = "assay-";
/// 40 characters of five bits each: 200 bits.
const LENGTH: usize = 40;

/// A new token's value.
pub(crate) fn generate(ctx: &Ctx) -> Secret {
    Secret::new(format!("{PREFIX}{}", ctx.entropy.token(LENGTH)))
}

/// Whether a text has the form of a token at all: decides between a password and a token without asking the database.
pub(crate) fn looks_like_one(text: &str) -> bool {
    text.len() == PREFIX.len() + LENGTH && text.starts_with(PREFIX)
}

/// How a token is stored. It has 200 random bits, so a plain hash cannot be guessed back.
pub(crate) fn hash(value: &Secret) -> String {
    digest_hex(value.expose().as_bytes())
}
