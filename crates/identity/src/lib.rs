//! Who: accounts, organizations, teams, what they may do, and how they prove who they are.
//!
//! ```text
//!   password ─┐                     ┌─ admin ──────────────┐
//!   token ────┼─► authenticate ─► Principal ─► level(on, namespace, name) ─► read-only < read-write < admin
//!   session ──┘   (each request)    └─ owner, team grants ─┘      (each request, from the rows)
//! ```
//!
//! Invariants: a right comes from a row of membership or grant that is read while the request is decided, never from a
//! token's text, a cache or a name. Only hashes of passwords, tokens and sessions are stored. Users, robots and
//! organizations share one namespace, and a name never changes.
//!
//! What this crate does not know: repositories and projects, except as a kind, a namespace and a name that a grant mentions.

mod access_token;
mod account;
mod attempts;
mod authority;
mod bundle;
mod certificate;
mod credentials;
mod error;
mod job_token;
mod level;
mod password;
mod registry_token;
mod sealer;
mod service;
mod sign_in;
mod store;
mod verified_tokens;

pub use access_token::AccessToken;
pub use account::{Account, AccountKind, Member, PublicKey, RESERVED, Team};
pub use authority::{Authority, Certified};
pub use bundle::Bundle;
pub use error::Error;
pub use level::{Grant, Grantee, Level, On, Reach};
pub use registry_token::{Access, Claims, TokenKeys};
pub use sealer::{DoesNotOpen, Sealer};
pub use service::{Identity, NewAccount};
pub use store::SCHEMA;
