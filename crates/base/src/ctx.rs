//! The context of one request or one piece of background work.

use std::net::IpAddr;

use crate::{AccountName, Clock, Entropy, Id, Timestamp};

/// Who asks, when, and under which request id. The first parameter of every service method.
#[derive(Clone, Debug)]
pub struct Ctx {
    pub actor: Actor,
    /// Shown to the person with every error and written to the log and the audit entry.
    pub request_id: String,
    /// The one "now" of this request; a method that needs the time takes it from here.
    pub now: Timestamp,
    pub entropy: Entropy,
    /// The address the request came from, when there is one.
    pub remote: Option<IpAddr>,
    /// The id of the audit entry that led to this work, so that the chain of a digest is a walk over entries.
    pub cause: Option<String>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody signed in.
    Anonymous,
    /// The program itself, in the named role (`scan`, `promote`, `start`).
    System(&'static str),
    /// A person or robot that proved who it is.
    Account(Principal),
}

/// A signed-in account and the credential it used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub account: Id<Principal>,
    pub name: AccountName,
    pub credential: Credential,
}

/// What proved the account; recorded in every audit entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Password,
    /// A browser session.
    Session,
    /// An access token, by its id (never its value).
    Token(String),
    /// An access token that does less than its account may: one with a scope, or a robot's.
    ScopedToken(String),
    /// A child of an access token, bound to one job while it runs.
    JobToken {
        token: String,
        job: i64,
    },
    /// A client certificate, by the SHA-256 of its public key.
    Certificate(String),
}

impl Ctx {
    /// The context of background work of the program itself.
    pub fn system(role: &'static str, clock: &Clock, entropy: &Entropy) -> Ctx {
        Ctx {
            actor: Actor::System(role),
            request_id: entropy.token(10),
            now: clock.now(),
            entropy: entropy.clone(),
            remote: None,
            cause: None,
        }
    }

    /// The same context with another actor: used once, after a credential was checked.
    #[must_use]
    pub fn with_actor(mut self, actor: Actor) -> Ctx {
        self.actor = actor;
        self
    }

    /// The same context, caused by the audit entry with this id.
    #[must_use]
    pub fn caused_by(mut self, entry: Option<String>) -> Ctx {
        self.cause = entry;
        self
    }

    /// The signed-in principal, if there is one.
    pub fn principal(&self) -> Option<&Principal> {
        match &self.actor {
            Actor::Account(principal) => Some(principal),
            Actor::Anonymous | Actor::System(_) => None,
        }
    }

    /// The running job whose token was used, if one was.
    pub fn job(&self) -> Option<i64> {
        self.principal().and_then(Principal::job)
    }

    /// Whether a program's credential was used, see [`Principal::is_limited`].
    pub fn is_limited(&self) -> bool {
        self.principal().is_some_and(Principal::is_limited)
    }
}

impl Principal {
    /// The running job whose token was used, if one was.
    pub fn job(&self) -> Option<i64> {
        match self.credential {
            Credential::JobToken { job, .. } => Some(job),
            _ => None,
        }
    }

    /// Whether the credential is one of a program, which makes nobody an owner or an administrator.
    pub fn is_limited(&self) -> bool {
        matches!(self.credential, Credential::ScopedToken(_) | Credential::JobToken { .. })
    }

    /// The id of the access token that was used, if one was.
    pub fn token(&self) -> Option<&str> {
        match &self.credential {
            Credential::Token(id) | Credential::ScopedToken(id) | Credential::JobToken { token: id, .. } => Some(id),
            Credential::Password | Credential::Session | Credential::Certificate(_) => None,
        }
    }
}

impl Actor {
    /// The actor in one word, as an audit entry and a page show it: `gitlab`, `system:scan`, `anonymous`.
    pub fn label(&self) -> String {
        match self {
            Actor::Anonymous => "anonymous".to_owned(),
            Actor::System(role) => format!("system:{role}"),
            Actor::Account(principal) => principal.name.to_string(),
        }
    }

    /// The person whose job this is, with the rights that the job's token leaves out; everybody else as they are.
    #[must_use]
    pub fn behind_job(&self) -> Actor {
        match self {
            Actor::Account(Principal { account, name, credential: Credential::JobToken { token, .. } }) => {
                let credential = Credential::Token(token.clone());
                Actor::Account(Principal { account: account.clone(), name: name.clone(), credential })
            }
            other => other.clone(),
        }
    }
}

impl Credential {
    /// How the account proved itself, in one word, without any secret: `password`, `token:ab12`, `job:7`.
    pub fn label(&self) -> String {
        match self {
            Credential::Password => "password".to_owned(),
            Credential::Session => "session".to_owned(),
            Credential::Token(id) | Credential::ScopedToken(id) => format!("token:{id}"),
            Credential::JobToken { job, .. } => format!("job:{job}"),
            Credential::Certificate(fingerprint) => format!("certificate:{fingerprint}"),
        }
    }
}
