//! The nouns: accounts, members, teams, public keys.

use std::{fmt, str::FromStr};

use base::{AccountName, Id, Principal, Timestamp};
use serde::Deserialize;

/// Names no account can have: the first parts of the addresses this server answers itself, before any namespace. The edge
/// (`web`) tests that each of its routes begins with one of them.
pub const RESERVED: &[&str] = &[
    "accounts",
    "activity",
    "advisories",
    "api",
    "assets",
    "auth",
    "ca",
    "chain",
    "decisions",
    "enzi",
    "health",
    "images",
    "livez",
    "metrics",
    "mirroring",
    "policies",
    "projects",
    "pruning",
    "readyz",
    "repositories",
    "settings",
    "sign-in",
    "sign-out",
    "v1",
    "v2",
    "waivers",
    "webhooks",
];

/// A user, an organization or a robot.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: Id<Principal>,
    pub name: AccountName,
    pub kind: AccountKind,
    /// Of a robot: what it is for.
    pub full_name: String,
    /// May do everything, everywhere.
    pub admin: bool,
    /// An inactive account keeps its name and its past, and can do nothing.
    pub active: bool,
    /// Came from a directory or an identity provider, which says what it is a member of.
    pub imported: bool,
    pub created_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    User,
    Organization,
    /// A program of a user or an organization: no password, no session, nobody's owner.
    Robot,
}

/// Which accounts a list shows, in the words of eNZi.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    Users,
    Orgs,
    Admins,
    NonAdmins,
    ActiveUsers,
    InactiveUsers,
    #[default]
    All,
    /// What eNZi had not.
    Robots,
}

/// An account with how many members and teams it has.
#[derive(Clone, Debug)]
pub struct Counted {
    pub account: Account,
    pub members: i64,
    pub teams: i64,
}

/// What an account shall be; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct AccountChanges {
    pub full_name: Option<String>,
    pub admin: Option<bool>,
    pub active: Option<bool>,
}

/// A user who belongs to an organization.
#[derive(Clone, Debug)]
pub struct Member {
    pub account: Account,
    /// Owners do everything in the organization.
    pub owner: bool,
}

/// A member of a team.
#[derive(Clone, Debug)]
pub struct TeamMember {
    pub account: Account,
    /// Says who else is in the team.
    pub admin: bool,
}

/// A team of an organization.
#[derive(Clone, Debug)]
pub struct Team {
    pub id: Id<Team>,
    pub organization: AccountName,
    pub organization_id: Id<Principal>,
    pub name: AccountName,
    pub description: String,
    pub members: i64,
}

/// A public key that belongs to an account: the link from a signature to a person.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex.
    pub id: String,
    pub account: Id<Principal>,
    pub label: String,
    pub public_key_pem: String,
    pub certificate_pem: Option<String>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl Filter {
    /// As the SQL of the list knows it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Filter::Users => "users",
            Filter::Orgs => "orgs",
            Filter::Admins => "admins",
            Filter::NonAdmins => "non-admins",
            Filter::ActiveUsers => "active-users",
            Filter::InactiveUsers => "inactive-users",
            Filter::All => "all",
            Filter::Robots => "robots",
        }
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            AccountKind::User => "user",
            AccountKind::Organization => "organization",
            AccountKind::Robot => "robot",
        })
    }
}

impl FromStr for AccountKind {
    type Err = String;

    fn from_str(text: &str) -> Result<AccountKind, String> {
        match text {
            "user" => Ok(AccountKind::User),
            "organization" => Ok(AccountKind::Organization),
            "robot" => Ok(AccountKind::Robot),
            other => Err(format!("{other:?} is no kind of account")),
        }
    }
}
