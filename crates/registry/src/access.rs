//! Who may see and do what in a repository.

use base::{Actor, Ctx};
use db::Tx;
use identity::{Identity, Level, On};
use oci::RepoName;

use crate::{Error, NewRepository, Registry, Repository, Visibility, record, store};

/// What one asks to do; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Look and pull.
    Pull,
    /// Push, delete tags and manifests, start a scan.
    Push,
    /// Settings, policies, deletion of the repository.
    Admin,
}

impl Registry {
    /// The repository, if the actor has this right in it. Rights are read in the caller's transaction.
    pub async fn authorize(tx: &mut Tx, ctx: &Ctx, name: &RepoName, right: Right) -> Result<Repository, Error> {
        let repository = store::repository(tx, name).await?;
        let level = Level::of(tx, &ctx.actor, On::Repository, name.namespace(), name.name()).await?;
        let Some(repository) = repository.filter(|repository| may_see(repository, level)) else {
            return Err(unseen(ctx, name));
        };
        match right_of(&repository, level) {
            Some(own) if own >= right => Ok(repository),
            _ if ctx.actor == Actor::Anonymous => Err(Error::Unauthenticated),
            _ if right == Right::Admin && ctx.is_limited() => {
                Ok(Level::require_person(&ctx.actor).map(|()| repository)?)
            }
            _ => Err(Error::Denied(format!(
                "{} may not {} {name}; ask its owner for the level {}",
                ctx.actor.label(),
                if right == Right::Push { "push to" } else { "administer" },
                if right == Right::Push { Level::ReadWrite } else { Level::Admin },
            ))),
        }
    }

    /// The highest right of the actor there, also where a push would make the repository: what a token may be issued for.
    pub async fn right(&self, ctx: &Ctx, name: &RepoName) -> Result<Option<Right>, Error> {
        let mut tx = self.db.read().await?;
        let level = Level::of(&mut tx, &ctx.actor, On::Repository, name.namespace(), name.name()).await?;
        Ok(match store::repository(&mut tx, name).await? {
            Some(repository) => right_of(&repository, level),
            None if level == Some(Level::Admin) && store::made_on_push(&mut tx).await? => Some(Right::Admin),
            None => None,
        })
    }

    /// The repository to push to; `None` where the push will make it.
    pub(crate) async fn place(&self, tx: &mut Tx, ctx: &Ctx, name: &RepoName) -> Result<Option<Repository>, Error> {
        if store::repository(tx, name).await?.is_some() {
            let repository = Registry::authorize(tx, ctx, name, Right::Push).await?;
            Registry::require_writable(tx).await?;
            return Ok(Some(repository));
        }
        Registry::require_pusher(tx, ctx, name, None).await?;
        // The first push of a pipeline makes what its person's push would: a private repository, and no right to manage it.
        let own = Level::of(tx, &ctx.actor, On::Repository, name.namespace(), name.name()).await?;
        if own.is_none_or(|own| own < Level::ReadWrite) && ctx.is_limited() {
            return Err(unseen(ctx, name));
        }
        match Level::of(tx, &ctx.actor.behind_job(), On::Repository, name.namespace(), name.name()).await? {
            None => Err(unseen(ctx, name)),
            Some(Level::Admin) if store::made_on_push(tx).await? => {
                Identity::require_namespace(tx, name.namespace()).await?;
                Registry::require_writable(tx).await?;
                Ok(None)
            }
            Some(Level::Admin) => Err(Error::Denied(format!(
                "there is no repository {name}, and a push makes none here; create it first, or have an administrator switch \
                 createRepositoryOnPush on"
            ))),
            Some(_) => Err(Error::Denied(format!(
                "there is no repository {name}, and {} may not create it; ask the owner of {}",
                ctx.actor.label(),
                name.namespace()
            ))),
        }
    }

    /// The repository to push to, made now where that is allowed.
    pub(crate) async fn place_to_push(&self, tx: &mut Tx, ctx: &Ctx, name: &RepoName) -> Result<Repository, Error> {
        match self.place(tx, ctx, name).await? {
            Some(repository) => Ok(repository),
            None => {
                let scan_on_push = store::scans_new(tx).await?;
                let repository = NewRepository { scan_on_push, ..NewRepository::private(name.clone()) }.create(ctx)?;
                record::created(tx, ctx, &repository, "push").await?;
                Ok(repository)
            }
        }
    }

    /// Whether the actor may see a repository that is there.
    pub(crate) async fn sees(tx: &mut Tx, ctx: &Ctx, repository: &Repository) -> Result<bool, Error> {
        let name = &repository.name;
        Ok(repository.visibility == Visibility::Public
            || Level::of(tx, &ctx.actor, On::Repository, name.namespace(), name.name()).await?.is_some())
    }
}

fn may_see(repository: &Repository, level: Option<Level>) -> bool {
    repository.visibility == Visibility::Public || level.is_some()
}

fn right_of(repository: &Repository, level: Option<Level>) -> Option<Right> {
    match level {
        Some(Level::Admin) => Some(Right::Admin),
        Some(Level::ReadWrite) => Some(Right::Push),
        Some(Level::ReadOnly) => Some(Right::Pull),
        None => may_see(repository, level).then_some(Right::Pull),
    }
}

/// What is not there and what may not be seen look alike; who is not signed in is asked to.
fn unseen(ctx: &Ctx, name: &RepoName) -> Error {
    match ctx.actor {
        Actor::Anonymous => Error::Unauthenticated,
        _ => Error::NameUnknown(name.clone()),
    }
}
