//! The SQL of accounts from elsewhere and of what groups make them.

use base::{Id, Principal};
use db::{Error, Tx, args};

use super::account_by_id;
use crate::{Account, Team};

/// The account of somebody from elsewhere, and whether they were not known there when that was asked last.
pub(crate) async fn linked(tx: &mut Tx, provider: &str, subject: &str) -> Result<Option<(Account, bool)>, Error> {
    let sql = "SELECT account, gone FROM external_accounts WHERE provider = $1 AND subject = $2";
    let Some(row) = tx.opt(sql, &args![provider, subject]).await? else { return Ok(None) };
    let account = account_by_id(tx, &row.parse("account")?).await?;
    Ok(account.zip(Some(row.bool("gone")?)))
}

/// The subjects of all who came from one system.
pub(crate) async fn links(tx: &mut Tx, provider: &str) -> Result<Vec<String>, Error> {
    let sql = "SELECT subject FROM external_accounts WHERE provider = $1 ORDER BY subject";
    tx.all(sql, &args![provider]).await?.iter().map(|row| row.text("subject")).collect()
}

pub(crate) async fn link(tx: &mut Tx, provider: &str, subject: &str, account: &Id<Principal>) -> Result<(), Error> {
    let sql = "INSERT INTO external_accounts (provider, subject, account, gone) VALUES ($1, $2, $3, FALSE)";
    tx.execute(sql, &args![provider, subject, account]).await?;
    Ok(())
}

pub(crate) async fn set_gone(tx: &mut Tx, account: &Id<Principal>, gone: bool) -> Result<(), Error> {
    tx.execute("UPDATE external_accounts SET gone = $2 WHERE account = $1", &args![account, gone]).await?;
    Ok(())
}

/// Whether a member is an owner, and whether a group made it one.
pub(crate) async fn mapped_member(
    tx: &mut Tx,
    organization: &Id<Principal>,
    account: &Id<Principal>,
) -> Result<Option<(bool, bool)>, Error> {
    let sql = "SELECT owner, mapped FROM members WHERE organization = $1 AND account = $2";
    let row = tx.opt(sql, &args![organization, account]).await?;
    row.map(|row| Ok((row.bool("owner")?, row.bool("mapped")?))).transpose()
}

pub(crate) async fn set_mapped_member(
    tx: &mut Tx,
    organization: &Id<Principal>,
    account: &Id<Principal>,
    owner: bool,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO members (organization, account, owner, mapped) VALUES ($1, $2, $3, TRUE)
         ON CONFLICT (organization, account) DO UPDATE SET owner = excluded.owner",
        &args![organization, account, owner],
    )
    .await?;
    Ok(())
}

/// Whether a group made somebody a member of a team; `None` when it is none.
pub(crate) async fn mapped_team_member(
    tx: &mut Tx,
    team: &Id<Team>,
    account: &Id<Principal>,
) -> Result<Option<bool>, Error> {
    let sql = "SELECT mapped FROM team_members WHERE team = $1 AND account = $2";
    tx.opt(sql, &args![team, account]).await?.map(|row| row.bool("mapped")).transpose()
}

pub(crate) async fn add_mapped_team_member(tx: &mut Tx, team: &Id<Team>, account: &Id<Principal>) -> Result<(), Error> {
    let sql = "INSERT INTO team_members (team, account, mapped) VALUES ($1, $2, TRUE)";
    tx.execute(sql, &args![team, account]).await?;
    Ok(())
}
