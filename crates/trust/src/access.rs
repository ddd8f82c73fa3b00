//! Who may do what with the trust data of a repository: the same as with the repository.

use base::{Actor, Ctx};
use db::Tx;
use identity::Level;
use oci::RepoName;

use crate::{Error, Gun};

/// Reading: whoever may pull.
pub(crate) async fn require_read(tx: &mut Tx, ctx: &Ctx, gun: &Gun) -> Result<(), Error> {
    if is_public(tx, gun.repository()).await? { Ok(()) } else { require(tx, ctx, gun, Level::ReadOnly).await }
}

/// Refuse who has less than `needed` on the repository. Whether it exists is not said: a private name is no secret to be
/// found by trying.
pub(crate) async fn require(tx: &mut Tx, ctx: &Ctx, gun: &Gun, needed: Level) -> Result<(), Error> {
    let repository = gun.repository();
    if Level::of(tx, &ctx.actor, repository.namespace(), repository.name()).await? >= Some(needed) {
        return Ok(());
    }
    Err(match &ctx.actor {
        Actor::Anonymous => Error::Unauthenticated(format!("sign in: trust data of {repository} needs {needed} access")),
        actor => Error::Denied(format!("{} has no {needed} access to {repository}; ask its owner", actor.label())),
    })
}

/// Whether everybody may read the repository.
pub(crate) async fn is_public(_tx: &mut Tx, _repository: &RepoName) -> Result<bool, Error> {
    Ok(false)
}
