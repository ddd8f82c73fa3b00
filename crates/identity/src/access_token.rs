//! Access tokens: passwords for programs.

use base::{Ctx, Id, Principal, Secret, Timestamp, digest_hex};

use crate::{Error, Scope};

/// What is known of an access token; its value is shown once and stored only as a hash.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub id: Id<AccessToken>,
    pub account: Id<Principal>,
    pub label: String,
    pub active: bool,
    pub created_at: Timestamp,
    /// From then on it is worthless; a job's token ends with the one it was derived from.
    pub expires_at: Option<Timestamp>,
    /// What it may be used for at most; `None` for all its account may do.
    pub scope: Option<Scope>,
    /// To within [`base::limits::TOKEN_USE_GRAIN`].
    pub last_used_at: Option<Timestamp>,
    /// A program made it for its own sign-in.
    pub automatic: bool,
    /// The program that asked for it, as it named itself.
    pub agent: String,
    /// The token this one was derived from, when it is bound to a job.
    pub parent: Option<Id<AccessToken>>,
    /// The job this token is bound to.
    pub job: Option<i64>,
}

/// A token to be made.
#[derive(Clone, Debug, Default)]
pub struct NewToken {
    pub label: String,
    pub expires_at: Option<Timestamp>,
    pub scope: Option<Scope>,
    pub automatic: bool,
    pub agent: String,
}

impl NewToken {
    /// One that is called `label` and may be used for everything, for ever.
    pub fn labelled(label: &str) -> NewToken {
        NewToken { label: label.to_owned(), ..NewToken::default() }
    }

    pub(crate) fn of(self, ctx: &Ctx, account: Id<Principal>) -> Result<AccessToken, Error> {
        if let Some(at) = self.expires_at
            && at <= ctx.now
        {
            return Err(Error::Invalid(format!("a token that expires at {at} would be worthless at once")));
        }
        let cut = |text: String| text.chars().take(200).collect();
        Ok(AccessToken {
            id: Id::new(ctx),
            account,
            label: cut(self.label),
            active: true,
            created_at: ctx.now,
            expires_at: self.expires_at,
            scope: self.scope,
            last_used_at: None,
            automatic: self.automatic,
            agent: cut(self.agent),
            parent: None,
            job: None,
        })
    }
}

impl AccessToken {
    /// A job's: its scope and end are those of `parent`, whose row is looked at.
    pub(crate) fn of_job(ctx: &Ctx, account: Id<Principal>, job: i64, parent: Option<Id<AccessToken>>) -> AccessToken {
        AccessToken {
            id: Id::new(ctx),
            account,
            label: format!("job {job}"),
            active: true,
            created_at: ctx.now,
            expires_at: None,
            scope: None,
            last_used_at: None,
            automatic: true,
            agent: String::new(),
            parent,
            job: Some(job),
        }
    }

    /// Refuse what is over, and say so: whoever holds the value may know.
    pub(crate) fn require_valid(&self, now: Timestamp) -> Result<(), Error> {
        match self.expires_at {
            Some(at) if at <= now => Err(Error::TokenExpired { at }),
            _ => Ok(()),
        }
    }
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
