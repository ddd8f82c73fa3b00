//! Accounts and teams that go, with everything that is about them.

use audit::Entry;
use base::{AccountName, Ctx};
use db::Tx;

use crate::{
    AccountKind, Error, Identity, Level,
    keys::tell_signers,
    service::{account, refuse_no_admin},
    store,
};

/// Keys whose end fits into one audit entry.
const KEYS_PER_ENTRY: usize = 40;

impl Identity {
    /// Delete an account. Part of the transaction of whoever knows that nothing is in its namespace any more. Administrators
    /// only; a name that was deleted can be given again, and whoever gets it is somebody else.
    pub async fn delete_account(tx: &mut Tx, ctx: &Ctx, name: &AccountName) -> Result<(), Error> {
        Level::require_admin(tx, &ctx.actor).await?;
        let account = account(tx, name).await?;
        if account.kind == AccountKind::Robot {
            return Err(Error::Invalid(format!("{name} is a robot; delete it with `assay robot delete {name}`")));
        }
        if ctx.principal().is_some_and(|principal| principal.account == account.id) {
            return Err(Error::Conflict(
                "nobody deletes the account that they use; another administrator may".to_owned(),
            ));
        }
        if let Some(robot) = store::first_robot(tx, &account.id).await? {
            return Err(Error::Conflict(format!(
                "{name} cannot be deleted: it has the robot {robot}; delete that first"
            )));
        }
        remove_account(tx, ctx, "account.deleted", name).await?;
        refuse_no_admin(tx, &account).await
    }
}

pub(crate) async fn remove_account(
    tx: &mut Tx,
    ctx: &Ctx,
    kind: &'static str,
    name: &AccountName,
) -> Result<(), Error> {
    let account = account(tx, name).await?;
    let state = store::keys_of_account(tx, &account).await?;
    let signed = !store::keys(tx, Some(&account.id)).await?.is_empty();
    store::delete_account(tx, &account).await?;
    let entry = append_removal(tx, ctx, kind, &format!("account/{name}"), &state).await?;
    if signed {
        tell_signers(tx, ctx, name, entry).await?;
    }
    Ok(())
}

/// One entry says what went; more follow when there is more than fits. Gives the last one.
pub(crate) async fn append_removal(
    tx: &mut Tx,
    ctx: &Ctx,
    kind: &'static str,
    subject: &str,
    keys: &[String],
) -> Result<String, Error> {
    let mut rest = keys;
    loop {
        let (now, later) = rest.split_at(rest.len().min(KEYS_PER_ENTRY));
        let entry = now.iter().fold(Entry::new(kind).about(subject), |entry, key| entry.unset(key));
        let entry = audit::append(tx, ctx, entry).await?;
        if later.is_empty() {
            return Ok(entry);
        }
        rest = later;
    }
}
