//! The SQL of organizations: members, teams, and who is in them.

use base::{AccountName, Id, Principal};
use db::{Error, Row, Tx, args};

use super::{account_of, counted_of};
use crate::{Counted, Member, Team, TeamMember};

pub(crate) async fn set_member(
    tx: &mut Tx,
    organization: &Id<Principal>,
    account: &Id<Principal>,
    owner: bool,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO members (organization, account, owner) VALUES ($1, $2, $3)
         ON CONFLICT (organization, account) DO UPDATE SET owner = excluded.owner, mapped = FALSE",
        &args![organization, account, owner],
    )
    .await?;
    Ok(())
}

pub(crate) async fn remove_member(
    tx: &mut Tx,
    organization: &Id<Principal>,
    account: &Id<Principal>,
) -> Result<bool, Error> {
    tx.execute(
        "DELETE FROM team_members WHERE account = $2 AND team IN (SELECT id FROM teams WHERE organization = $1)",
        &args![organization, account],
    )
    .await?;
    let removed = tx
        .execute("DELETE FROM members WHERE organization = $1 AND account = $2", &args![organization, account])
        .await?;
    Ok(removed > 0)
}

pub(crate) async fn members(tx: &mut Tx, organization: &Id<Principal>) -> Result<Vec<Member>, Error> {
    let rows = tx
        .all(
            select_account!(
                ", m.owner AS owns FROM members m JOIN accounts a ON a.id = m.account
                 WHERE m.organization = $1 ORDER BY a.name"
            ),
            &args![organization],
        )
        .await?;
    rows.iter().map(|row| Ok(Member { account: account_of(row)?, owner: row.bool("owns")? })).collect()
}

pub(crate) async fn is_owner(tx: &mut Tx, account: &Id<Principal>, organization: &str) -> Result<bool, Error> {
    let row = tx
        .opt(
            "SELECT 1 AS one FROM members m JOIN accounts o ON o.id = m.organization
             WHERE m.account = $1 AND o.name = $2 AND m.owner",
            &args![account, organization],
        )
        .await?;
    Ok(row.is_some())
}

/// The names of the organizations that an account owns.
pub(crate) async fn owned_by(tx: &mut Tx, account: &Id<Principal>) -> Result<Vec<String>, Error> {
    let sql = "SELECT o.name FROM members m JOIN accounts o ON o.id = m.organization WHERE m.account = $1 AND m.owner";
    tx.all(sql, &args![account]).await?.iter().map(|row| row.text("name")).collect()
}

/// Whether somebody is an owner (`true`) or a member of an organization.
pub(crate) async fn membership(
    tx: &mut Tx,
    account: &Id<Principal>,
    org: &Id<Principal>,
) -> Result<Option<bool>, Error> {
    let sql = "SELECT owner FROM members WHERE account = $1 AND organization = $2";
    tx.opt(sql, &args![account, org]).await?.map(|row| row.bool("owner")).transpose()
}

/// The organizations of a user, and whether it owns each.
pub(crate) async fn organizations_of(tx: &mut Tx, user: &Id<Principal>) -> Result<Vec<(Counted, bool)>, Error> {
    let sql = select_account!(
        ", mine.owner AS owns, (SELECT COUNT(*) FROM members m WHERE m.organization = a.id) AS members_count,
           (SELECT COUNT(*) FROM teams t WHERE t.organization = a.id) AS teams_count
         FROM members mine JOIN accounts a ON a.id = mine.organization WHERE mine.account = $1 ORDER BY a.name"
    );
    let rows = tx.all(sql, &args![user]).await?;
    rows.iter().map(|row| Ok((counted_of(row)?, row.bool("owns")?))).collect()
}

/// The teams of an organization that a user is in, and whether as an admin of each.
pub(crate) async fn teams_of(
    tx: &mut Tx,
    org: &Id<Principal>,
    user: &Id<Principal>,
) -> Result<Vec<(Team, bool)>, Error> {
    let sql = select_team!(
        ", mine.admin AS admin FROM team_members mine JOIN teams t ON t.id = mine.team
         JOIN accounts o ON o.id = t.organization WHERE t.organization = $1 AND mine.account = $2 ORDER BY t.name"
    );
    tx.all(sql, &args![org, user]).await?.iter().map(|row| Ok((team_of(row)?, row.bool("admin")?))).collect()
}

pub(crate) async fn insert_team(tx: &mut Tx, team: &Team) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO teams (id, organization, name, description) VALUES ($1, $2, $3, $4)",
        &args![&team.id, &team.organization_id, &team.name, &team.description],
    )
    .await?;
    Ok(())
}

pub(crate) async fn describe_team(tx: &mut Tx, team: &Id<Team>, description: &str) -> Result<(), Error> {
    tx.execute("UPDATE teams SET description = $2 WHERE id = $1", &args![team, description]).await?;
    Ok(())
}

pub(crate) async fn teams(tx: &mut Tx, organization: &AccountName) -> Result<Vec<Team>, Error> {
    let sql = select_team!("FROM teams t JOIN accounts o ON o.id = t.organization WHERE o.name = $1 ORDER BY t.name");
    tx.all(sql, &args![organization]).await?.iter().map(team_of).collect()
}

pub(crate) async fn team(tx: &mut Tx, organization: &AccountName, name: &AccountName) -> Result<Option<Team>, Error> {
    let sql = select_team!("FROM teams t JOIN accounts o ON o.id = t.organization WHERE o.name = $1 AND t.name = $2");
    tx.opt(sql, &args![organization, name]).await?.as_ref().map(team_of).transpose()
}

fn team_of(row: &Row) -> Result<Team, Error> {
    Ok(Team {
        id: row.parse("id")?,
        organization: row.parse("org")?,
        organization_id: row.parse("organization")?,
        name: row.parse("name")?,
        description: row.text("description")?,
        members: row.int("members_count")?,
    })
}

pub(crate) async fn set_team_member(
    tx: &mut Tx,
    team: &Id<Team>,
    account: &Id<Principal>,
    admin: bool,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO team_members (team, account, admin) VALUES ($1, $2, $3)
         ON CONFLICT (team, account) DO UPDATE SET admin = excluded.admin, mapped = FALSE",
        &args![team, account, admin],
    )
    .await?;
    Ok(())
}

pub(crate) async fn remove_team_member(tx: &mut Tx, team: &Id<Team>, account: &Id<Principal>) -> Result<bool, Error> {
    let sql = "DELETE FROM team_members WHERE team = $1 AND account = $2";
    Ok(tx.execute(sql, &args![team, account]).await? > 0)
}

pub(crate) async fn team_members(tx: &mut Tx, team: &Id<Team>) -> Result<Vec<TeamMember>, Error> {
    let sql = select_account!(
        ", m.admin AS leads FROM team_members m JOIN accounts a ON a.id = m.account WHERE m.team = $1 ORDER BY a.name"
    );
    let rows = tx.all(sql, &args![team]).await?;
    rows.iter().map(|row| Ok(TeamMember { account: account_of(row)?, admin: row.bool("leads")? })).collect()
}

/// Whether somebody is an admin (`true`) or a member of a team.
pub(crate) async fn team_membership(
    tx: &mut Tx,
    team: &Id<Team>,
    account: &Id<Principal>,
) -> Result<Option<bool>, Error> {
    let sql = "SELECT admin FROM team_members WHERE team = $1 AND account = $2";
    tx.opt(sql, &args![team, account]).await?.map(|row| row.bool("admin")).transpose()
}
