//! Who may do what with the trust data of a repository: the same as with the repository.

use base::{Actor, Ctx};
use db::Tx;
use identity::{Identity, Level, On};
use registry::{Registry, Right, Visibility};

use crate::{Error, Gun};

/// Whether everybody may read what somebody was let to.
pub(crate) type Public = bool;

/// Refuse who has not this right in the repository. A repository that is not there yet can be signed for before its first
/// push, by those whose level reaches there.
pub(crate) async fn require(tx: &mut Tx, ctx: &Ctx, gun: &Gun, right: Right) -> Result<Public, Error> {
    let repository = gun.repository();
    match Registry::authorize(tx, ctx, repository, right).await {
        Ok(found) => Ok(found.visibility == Visibility::Public),
        Err(registry::Error::NameUnknown(_)) => {
            let level = Level::of(tx, &ctx.actor, On::Repository, repository.namespace(), repository.name()).await?;
            if level < Some(level_of(right)) {
                return Err(denied(&ctx.actor, gun, right));
            }
            // An administrator's level reaches everywhere, also into namespaces that nobody is.
            if right > Right::Pull {
                Identity::require_namespace(tx, repository.namespace()).await.map_err(no_account)?;
            }
            Ok(false)
        }
        Err(registry::Error::Unauthenticated) => {
            Err(Error::Unauthenticated(format!("sign in to use trust data of {repository}")))
        }
        Err(registry::Error::Denied(_)) => Err(denied(&ctx.actor, gun, right)),
        Err(registry::Error::Identity(error)) => Err(error.into()),
        Err(registry::Error::Database(error)) => Err(error.into()),
        Err(other) => Err(Error::Internal(other.to_string())),
    }
}

/// In the same words whether the repository is there or not: a private name is no secret to be found by trying.
fn denied(actor: &Actor, gun: &Gun, right: Right) -> Error {
    let (who, needed, repository) = (actor.label(), level_of(right), gun.repository());
    Error::Denied(format!("{who} has no {needed} access to {repository}; ask its owner"))
}

/// Only who could sign there is told.
fn no_account(error: identity::Error) -> Error {
    match error {
        identity::Error::NotFound { .. } => Error::Invalid(format!("{error}; create that user or organization first")),
        error => error.into(),
    }
}

fn level_of(right: Right) -> Level {
    match right {
        Right::Pull => Level::ReadOnly,
        Right::Push => Level::ReadWrite,
        Right::Admin => Level::Admin,
    }
}
