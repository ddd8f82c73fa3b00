//! The SQL of accounts and teams that go, with all that is about them.

use base::{Id, Principal};
use db::{Error, Tx, args};

use super::grants;
use crate::{Account, Grantee, Team};

/// The keys of the log that end with an account.
pub(crate) async fn keys_of_account(tx: &mut Tx, account: &Account) -> Result<Vec<String>, Error> {
    let name = &account.name;
    let mut keys = vec![format!("identity/account/{name}")];
    let row = tx.opt("SELECT password FROM accounts WHERE id = $1", &args![&account.id]).await?;
    if row.map_or(Ok(None), |row| row.opt_text("password"))?.is_some() {
        keys.push(format!("identity/password/{name}"));
    }
    let members = "SELECT o.name AS org, a.name AS member FROM members m JOIN accounts o ON o.id = m.organization
        JOIN accounts a ON a.id = m.account WHERE m.organization = $1 OR m.account = $1";
    for row in tx.all(members, &args![&account.id]).await? {
        keys.push(format!("identity/member/{}/{}", row.text("org")?, row.text("member")?));
    }
    let teams =
        "SELECT o.name AS org, t.name AS team, a.name AS member FROM team_members m JOIN teams t ON t.id = m.team
        JOIN accounts o ON o.id = t.organization JOIN accounts a ON a.id = m.account
        WHERE t.organization = $1 OR m.account = $1";
    for row in tx.all(teams, &args![&account.id]).await? {
        keys.push(format!("identity/team/{}/{}/{}", row.text("org")?, row.text("team")?, row.text("member")?));
    }
    for grant in grants(tx, None).await? {
        let to_it = match &grant.grantee {
            Grantee::User(user) => user == name,
            Grantee::Team { organization, .. } => organization == name,
        };
        if to_it || grant.namespace == *name {
            keys.push(grant.on.state_key(&grant.namespace, grant.name.as_deref(), &grant.grantee));
        }
    }
    let public = "SELECT id FROM public_keys WHERE account = $1";
    for row in tx.all(public, &args![&account.id]).await? {
        keys.push(format!("identity/key/{}", row.text("id")?));
    }
    Ok(keys)
}

/// Remove an account and all rows about it.
pub(crate) async fn delete_account(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    for sql in [
        "DELETE FROM grants_of WHERE account = $1 OR team IN (SELECT id FROM teams WHERE organization = $1)",
        "DELETE FROM team_members WHERE account = $1 OR team IN (SELECT id FROM teams WHERE organization = $1)",
        "DELETE FROM teams WHERE organization = $1",
        "DELETE FROM members WHERE organization = $1 OR account = $1",
        "DELETE FROM sessions WHERE account = $1",
        "DELETE FROM access_tokens WHERE account = $1",
        "DELETE FROM public_keys WHERE account = $1",
        "DELETE FROM external_accounts WHERE account = $1",
        "DELETE FROM accounts WHERE id = $1",
    ] {
        tx.execute(sql, &args![&account.id]).await?;
    }
    tx.execute("DELETE FROM grants_of WHERE namespace = $1", &args![&account.name]).await?;
    Ok(())
}

/// The keys of the log that end with a team.
pub(crate) async fn keys_of_team(tx: &mut Tx, team: &Team) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    let members = "SELECT a.name AS member FROM team_members m JOIN accounts a ON a.id = m.account WHERE m.team = $1";
    for row in tx.all(members, &args![&team.id]).await? {
        keys.push(format!("identity/team/{}/{}/{}", team.organization, team.name, row.text("member")?));
    }
    let itself = Grantee::Team { organization: team.organization.clone(), team: team.name.clone() };
    for grant in grants(tx, None).await?.into_iter().filter(|grant| grant.grantee == itself) {
        keys.push(grant.on.state_key(&grant.namespace, grant.name.as_deref(), &grant.grantee));
    }
    Ok(keys)
}

pub(crate) async fn delete_team(tx: &mut Tx, team: &Id<Team>) -> Result<(), Error> {
    for sql in [
        "DELETE FROM grants_of WHERE team = $1",
        "DELETE FROM team_members WHERE team = $1",
        "DELETE FROM teams WHERE id = $1",
    ] {
        tx.execute(sql, &args![team]).await?;
    }
    Ok(())
}

/// Whether an account has any robot.
pub(crate) async fn first_robot(tx: &mut Tx, owner: &Id<Principal>) -> Result<Option<String>, Error> {
    let sql = "SELECT name FROM accounts WHERE owner = $1 ORDER BY name LIMIT 1";
    tx.opt(sql, &args![owner]).await?.map(|row| row.text("name")).transpose()
}

pub(crate) async fn count_robots(tx: &mut Tx, owner: &Id<Principal>) -> Result<i64, Error> {
    tx.one("SELECT COUNT(*) AS n FROM accounts WHERE owner = $1", &args![owner]).await?.int("n")
}
