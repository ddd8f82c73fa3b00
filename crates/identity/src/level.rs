//! Levels of access and how they are found.

use std::{collections::BTreeSet, fmt, str::FromStr};

use base::{AccountName, Actor, Credential, Principal};
use db::Tx;
use serde::{Deserialize, Serialize};

use crate::{Error, Scope, store};

/// What somebody may do in a repository; the highest of all grants wins. Through the token of a job or a robot, or one with a
/// scope, it is never more than read-write, and nobody is an owner or an administrator: whatever outlives a job is decided by
/// a person. This file is the one place that says so.
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

/// What is left of an account's rights.
enum Narrowed {
    No,
    To(Scope),
    ToNothing,
}

impl Narrowed {
    fn narrow(&self, on: On, reach: Reach) -> Reach {
        match self {
            Narrowed::No => reach,
            Narrowed::To(scope) => scope.narrow(on, &reach),
            Narrowed::ToNothing => Reach::Some { namespaces: BTreeSet::new(), names: BTreeSet::new() },
        }
    }
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
        let level = if Level::owns(tx, principal, namespace).await? {
            Some(Level::Admin)
        } else {
            store::grants_for(tx, &principal.account, on, namespace, name).await?.into_iter().max()
        };
        let Some(level) = level.filter(|_| principal.is_limited()) else { return Ok(level) };
        let level = level.min(Level::ReadWrite);
        Ok(match Level::scope(tx, principal).await? {
            Narrowed::No => Some(level),
            Narrowed::To(scope) => scope.level(on, namespace, name).map(|most| level.min(most)),
            Narrowed::ToNothing => None,
        })
    }

    /// What the token narrows the rights of its account to, read from its row.
    async fn scope(tx: &mut Tx, principal: &Principal) -> Result<Narrowed, Error> {
        let (id, is_job) = match &principal.credential {
            Credential::ScopedToken(id) => (id, false),
            Credential::JobToken { token, .. } => (token, true),
            _ => return Ok(Narrowed::No),
        };
        Ok(match store::scope_of(tx, id).await? {
            Some(Some(scope)) => Narrowed::To(scope),
            Some(None) => Narrowed::No,
            // What ended in between. A job's has no scope of its own, and whoever ended the job decided what becomes of the rest.
            None if is_job => Narrowed::No,
            None => Narrowed::ToNothing,
        })
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
        let scope = Level::scope(tx, principal).await?;
        if account.admin {
            return Ok(scope.narrow(on, Reach::Everything));
        }
        namespaces.insert(account.name.to_string());
        namespaces.extend(store::owned_by(tx, &principal.account).await?);
        for (namespace, name) in store::granted_to(tx, &principal.account, on).await? {
            match name.as_str() {
                "" => namespaces.insert(namespace),
                _ => names.insert(format!("{namespace}/{name}")),
            };
        }
        Ok(scope.narrow(on, Reach::Some { namespaces, names }))
    }

    /// Refuse the tokens of jobs and robots and those with a scope, where the level alone does not.
    pub fn require_person(actor: &Actor) -> Result<(), Error> {
        match actor {
            Actor::Account(principal) if principal.is_limited() => Err(refused(actor, "")),
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
            Actor::Account(principal) if principal.is_limited() => Ok(false),
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
            Actor::Account(principal) if principal.is_limited() => false,
            Actor::Account(principal) => Level::owns(tx, principal, namespace).await?,
        };
        if allowed { Ok(()) } else { Err(refused(actor, &format!("only an owner of {namespace} may do this"))) }
    }
}

/// Who is not signed in is asked to; who is, is told why not.
fn refused(actor: &Actor, why: &str) -> Error {
    match actor {
        Actor::Anonymous => Error::Unauthenticated,
        Actor::Account(principal) => Error::Denied(match principal.job() {
            Some(job) => job_may_not(job),
            None if principal.is_limited() => TOKEN_MAY_NOT.to_owned(),
            None => why.to_owned(),
        }),
        Actor::System(_) => Error::Denied(why.to_owned()),
    }
}

/// What hears who uses a robot's token, or one with a scope, for more.
const TOKEN_MAY_NOT: &str = "the token of a robot, or one with a scope, may pull, push images, fetch and read where it was let, \
                             and nothing else; sign in for this";

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
