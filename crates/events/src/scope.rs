//! What a webhook listens to: one repository, a namespace, or everything.

use std::{fmt, str};

use base::{AccountName, Actor};
use db::Tx;
use identity::{Level, On};
use oci::RepoName;

use crate::Error;

/// DTR's `key`: `ns/repo`, `ns`, or nothing at all for an administrator's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Everything,
    Namespace(AccountName),
    Repository(RepoName),
}

impl Scope {
    /// Whether what happens in this repository is heard of here.
    pub(crate) fn covers(&self, repository: &RepoName) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Namespace(name) => name.as_str() == repository.namespace(),
            Scope::Repository(name) => name == repository,
        }
    }

    /// Refuse whoever may not manage webhooks of this scope: admin level on a repository, ownership of a namespace, an
    /// administrator for everything.
    pub(crate) async fn require(&self, tx: &mut Tx, actor: &Actor) -> Result<(), Error> {
        match self {
            Scope::Everything => Level::require_admin(tx, actor).await?,
            Scope::Namespace(name) => Level::require_owner(tx, actor, name.as_str()).await?,
            Scope::Repository(repo) => {
                if *actor == Actor::Anonymous {
                    return Err(identity::Error::Unauthenticated.into());
                }
                if Level::of(tx, actor, On::Repository, repo.namespace(), repo.name()).await? != Some(Level::Admin) {
                    return Err(Error::Denied(format!("the webhooks of {repo} are for those with admin level on it")));
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Everything => Ok(()),
            Scope::Namespace(name) => name.fmt(out),
            Scope::Repository(repo) => repo.fmt(out),
        }
    }
}

impl str::FromStr for Scope {
    type Err = base::InvalidName;

    fn from_str(text: &str) -> Result<Scope, base::InvalidName> {
        match text {
            "" => Ok(Scope::Everything),
            _ if text.contains('/') => text.parse().map(Scope::Repository),
            _ => text.parse().map(Scope::Namespace),
        }
    }
}
