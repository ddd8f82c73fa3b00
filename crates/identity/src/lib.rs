//! Who: accounts, organizations, teams, what they may do, and how they prove who they are.
//!
//! ```text
//!   directory, OIDC provider ─► external ─► accounts, memberships
//!
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
mod directory;
mod error;
mod external;
mod job_token;
mod keys;
mod level;
mod oidc;
mod organizations;
mod password;
mod registry_token;
mod removal;
mod robots;
mod scope;
mod sealer;
mod service;
mod sign_in;
mod store;
mod uses;
mod verified_tokens;

pub use access_token::{AccessToken, NewToken};
pub use account::{
    Account, AccountChanges, AccountKind, Counted, Filter, Member, PublicKey, RESERVED, Team, TeamMember,
};
pub use authority::{Authority, Certified};
pub use bundle::Bundle;
pub use directory::{Directory, DirectorySettings, SYNC_JOB};
pub use error::Error;
pub use external::{External, GroupRule, Made};
pub use keys::GivenKey;
pub use level::{Grant, Grantee, Level, On, Reach};
pub use oidc::{Oidc, OidcSettings, Returned};
pub use registry_token::{Access, Claims, TokenKeys};
pub use robots::{NewRobot, Robot};
pub use scope::{Permit, Place, Scope};
pub use sealer::{DoesNotOpen, Sealer};
pub use service::{Identity, NewAccount};
pub use store::SCHEMA;
