//! Levels of access and how they are found.

use std::{collections::BTreeSet, fmt, str::FromStr};

use base::{AccountName, Actor, Principal};
use db::Tx;
use serde::{Deserialize, Serialize};

use crate::{Error, store};

/// What somebody may do in a repository; the highest of all grants wins. Through the token of a job it is never more than
/// read-write, and nobody is an owner or an administrator: whatever outlives a job is decided by a person. This file is the
/// one place that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Look and pull.
    ReadOnly,
    /// Also push, start a scan, delete tags.
    ReadWrite,
    /// Also settings, access, webhooks, policies, deletion.
    Admin,
}

/// Who gets a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    User(AccountName),
    Team { organization: AccountName, team: AccountName },
}

/// What a grant is about. Images and source may have the same name and are two things: who may pull the one must not
/// thereby read the other, and who may push an image must not thereby push commits that become images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// Repositories of images, with their trust data.
    Repository,
    /// Projects of source, with their pipelines.
    Project,
}

/// One grant: a level on all repositories or all projects of a namespace, or on one.
#[derive(Clone, Debug)]
pub struct Grant {
    pub namespace: AccountName,
    pub on: On,
    /// The name inside the namespace; `None` means all of its kind.
    pub name: Option<String>,
    pub grantee: Grantee,
    pub level: Level,
}

/// What an actor has a level on, whatever that is: for lists, which must not ask for each thing in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Everything,
    Some {
        /// Namespaces in which it is everything.
        namespaces: BTreeSet<String>,
        /// `namespace/name` of single things elsewhere.
        names: BTreeSet<String>,
    },
}

impl Reach {
    pub fn covers(&self, namespace: &str, full_name: &str) -> bool {
        match self {
            Reach::Everything => true,
            Reach::Some { namespaces, names } => namespaces.contains(namespace) || names.contains(full_name),
        }
    }
}

impl Level {
    /// The level `actor` has on `namespace/name`, by membership and grants alone; `None` means no right at all.
    /// Whether something is public is for its owner to know, so it is not looked at here.
    pub async fn of(tx: &mut Tx, actor: &Actor, on: On, namespace: &str, name: &str) -> Result<Option<Level>, Error> {
        let principal = match actor {
            Actor::Anonymous => return Ok(None),
            Actor::System(_) => return Ok(Some(Level::Admin)),
            Actor::Account(principal) => principal,
        };
        let highest = match principal.job() {
            Some(_) => Level::ReadWrite,
            None => Level::Admin,
        };
        if Level::owns(tx, principal, namespace).await? {
            return Ok(Some(highest));
        }
        let granted = store::grants_for(tx, &principal.account, on, namespace, name).await?;
        Ok(granted.into_iter().max().map(|level| level.min(highest)))
    }

    /// Everything on which [`Level::of`] gives a level.
    pub async fn reach(tx: &mut Tx, actor: &Actor, on: On) -> Result<Reach, Error> {
        let (mut namespaces, mut names) = (BTreeSet::new(), BTreeSet::new());
        let principal = match actor {
            Actor::System(_) => return Ok(Reach::Everything),
            Actor::Anonymous => return Ok(Reach::Some { namespaces, names }),
            Actor::Account(principal) => principal,
        };
        let account = store::account_by_id(tx, &principal.account).await?;
        let Some(account) = account.filter(|account| account.active) else {
            return Ok(Reach::Some { namespaces, names });
        };
        if account.admin {
            return Ok(Reach::Everything);
        }
        namespaces.insert(account.name.to_string());
        namespaces.extend(store::owned_by(tx, &principal.account).await?);
        for (namespace, name) in store::granted_to(tx, &principal.account, on).await? {
            match name.as_str() {
                "" => namespaces.insert(namespace),
                _ => names.insert(format!("{namespace}/{name}")),
            };
        }
        Ok(Reach::Some { namespaces, names })
    }

    /// Refuse the tokens of jobs, where the level alone does not.
    pub fn require_person(actor: &Actor) -> Result<(), Error> {
        match actor {
            Actor::Account(principal) if principal.job().is_some() => Err(refused(actor, "")),
            _ => Ok(()),
        }
    }

    /// Whether the principal is an administrator, is the namespace's user, or owns its organization.
    async fn owns(tx: &mut Tx, principal: &Principal, namespace: &str) -> Result<bool, Error> {
        let Some(account) = store::account_by_id(tx, &principal.account).await? else { return Ok(false) };
        if !account.active {
            return Ok(false);
        }
        if account.admin || account.name.as_str() == namespace {
            return Ok(true);
        }
        Ok(store::is_owner(tx, &principal.account, namespace).await?)
    }

    /// Whether the actor is an administrator (or the program itself).
    pub async fn is_admin(tx: &mut Tx, actor: &Actor) -> Result<bool, Error> {
        match actor {
            Actor::Anonymous => Ok(false),
            Actor::System(_) => Ok(true),
            Actor::Account(principal) if principal.job().is_some() => Ok(false),
            Actor::Account(principal) => {
                let account = store::account_by_id(tx, &principal.account).await?;
                Ok(account.is_some_and(|account| account.active && account.admin))
            }
        }
    }

    /// Refuse everybody but administrators.
    pub async fn require_admin(tx: &mut Tx, actor: &Actor) -> Result<(), Error> {
        if Level::is_admin(tx, actor).await? {
            Ok(())
        } else {
            Err(refused(actor, "only an administrator may do this"))
        }
    }

    /// Refuse everybody but administrators, the namespace's own user and the organization's owners.
    pub async fn require_owner(tx: &mut Tx, actor: &Actor, namespace: &str) -> Result<(), Error> {
        let allowed = match actor {
            Actor::Anonymous => false,
            Actor::System(_) => true,
            Actor::Account(principal) if principal.job().is_some() => false,
            Actor::Account(principal) => Level::owns(tx, principal, namespace).await?,
        };
        if allowed { Ok(()) } else { Err(refused(actor, &format!("only an owner of {namespace} may do this"))) }
    }
}

/// Who is not signed in is asked to; who is, is told why not.
fn refused(actor: &Actor, why: &str) -> Error {
    match actor {
        Actor::Anonymous => Error::Unauthenticated,
        Actor::Account(principal) => Error::Denied(principal.job().map_or_else(|| why.to_owned(), job_may_not)),
        Actor::System(_) => Error::Denied(why.to_owned()),
    }
}

/// What a job hears that asks for more than its token may do.
fn job_may_not(job: i64) -> String {
    format!("the token of job {job} may pull, push images, fetch and read, and nothing else; sign in for this")
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Level::ReadOnly => "read-only",
            Level::ReadWrite => "read-write",
            Level::Admin => "admin",
        })
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(text: &str) -> Result<Level, Error> {
        match text {
            "read-only" => Ok(Level::ReadOnly),
            "read-write" => Ok(Level::ReadWrite),
            "admin" => Ok(Level::Admin),
            other => Err(Error::Invalid(format!("access level {other:?} is not one of read-only, read-write, admin"))),
        }
    }
}

impl On {
    /// What the audit log calls a grant of this kind. Grants had no kind at first; those were on repositories.
    pub(crate) fn state_key(self, namespace: &AccountName, name: Option<&str>, grantee: &Grantee) -> String {
        let word = match self {
            On::Repository => "grant",
            On::Project => "project_grant",
        };
        format!("identity/{word}/{namespace}/{}/{grantee}", name.unwrap_or("*"))
    }
}

impl fmt::Display for On {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            On::Repository => "repository",
            On::Project => "project",
        })
    }
}

impl FromStr for On {
    type Err = Error;

    fn from_str(text: &str) -> Result<On, Error> {
        match text {
            "repository" => Ok(On::Repository),
            "project" => Ok(On::Project),
            other => Err(Error::Invalid(format!("a grant is on a repository or a project, not on a {other:?}"))),
        }
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grantee::User(name) => write!(out, "user/{name}"),
            Grantee::Team { organization, team } => write!(out, "team/{organization}/{team}"),
        }
    }
}
