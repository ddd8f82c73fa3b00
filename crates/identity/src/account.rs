//! The nouns: accounts, members, teams, public keys.

use std::{fmt, str::FromStr};

use base::{AccountName, Id, Principal, Timestamp};

/// Names no account can have: the first parts of the addresses this server answers itself, before any namespace. The edge
/// (`web`) tests that each of its routes begins with one of them.
pub const RESERVED: &[&str] = &[
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
    "policies",
    "projects",
    "readyz",
    "repositories",
    "sign-in",
    "sign-out",
    "v1",
    "v2",
    "webhooks",
];

/// A user or an organization.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: Id<Principal>,
    pub name: AccountName,
    pub kind: AccountKind,
    pub full_name: String,
    /// May do everything, everywhere.
    pub admin: bool,
    /// An inactive account keeps its name and its past, and can do nothing.
    pub active: bool,
    pub created_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    User,
    Organization,
}

/// A user who belongs to an organization.
#[derive(Clone, Debug)]
pub struct Member {
    pub account: Account,
    /// Owners do everything in the organization.
    pub owner: bool,
}

/// A team of an organization.
#[derive(Clone, Debug)]
pub struct Team {
    pub id: Id<Team>,
    pub organization: AccountName,
    pub name: AccountName,
    pub description: String,
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

impl fmt::Display for AccountKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            AccountKind::User => "user",
            AccountKind::Organization => "organization",
        })
    }
}

impl FromStr for AccountKind {
    type Err = String;

    fn from_str(text: &str) -> Result<AccountKind, String> {
        match text {
            "user" => Ok(AccountKind::User),
            "organization" => Ok(AccountKind::Organization),
            other => Err(format!("{other:?} is no kind of account")),
        }
    }
}
