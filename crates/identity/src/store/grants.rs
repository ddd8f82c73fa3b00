//! The SQL of grants.

use base::{AccountName, Id, Principal};
use db::{Error, Row, Tx, args};

use crate::{Grant, Grantee, Level, On, Permit, Place, Team};

/// Set or (with `None`) remove a grant. Exactly one of `account` and `team` is not empty.
pub(crate) async fn set_grant(
    tx: &mut Tx,
    on: On,
    (namespace, name): (&AccountName, &str),
    (account, team): (&str, &str),
    level: Option<Level>,
) -> Result<(), Error> {
    let on = on.to_string();
    tx.execute(
        "DELETE FROM grants_of
         WHERE kind = $1 AND namespace = $2 AND name = $3 AND account = $4 AND team = $5",
        &args![&on, namespace, name, account, team],
    )
    .await?;
    if let Some(level) = level {
        tx.execute(
            "INSERT INTO grants_of (kind, namespace, name, account, team, level) VALUES ($1, $2, $3, $4, $5, $6)",
            &args![&on, namespace, name, account, team, level.to_string()],
        )
        .await?;
    }
    Ok(())
}

/// Take all grants on one repository or project.
pub(crate) async fn delete_grants(tx: &mut Tx, on: On, namespace: &AccountName, name: &str) -> Result<(), Error> {
    let of_one = args![on.to_string(), namespace, name];
    tx.execute("DELETE FROM grants_of WHERE kind = $1 AND namespace = $2 AND name = $3", &of_one).await?;
    Ok(())
}

/// The levels granted to an account on a repository or project: its own and its teams', for this one and for all of its kind
/// in the namespace.
pub(crate) async fn grants_for(
    tx: &mut Tx,
    account: &Id<Principal>,
    on: On,
    namespace: &str,
    name: &str,
) -> Result<Vec<Level>, Error> {
    let rows = tx
        .all(
            "SELECT g.level FROM grants_of g JOIN accounts a ON a.id = $1 AND a.active
             WHERE g.kind = $4 AND g.namespace = $2 AND (g.name = $3 OR g.name = '')
               AND (g.account = $1 OR g.team IN (SELECT team FROM team_members WHERE account = $1))",
            &args![account, namespace, name, on.to_string()],
        )
        .await?;
    rows.iter().map(|row| row.parse("level")).collect()
}

/// Where an account was granted something, itself or by its teams: namespaces and names, an empty name for all of a namespace.
pub(crate) async fn granted_to(tx: &mut Tx, account: &Id<Principal>, on: On) -> Result<Vec<(String, String)>, Error> {
    let rows = tx
        .all(
            "SELECT DISTINCT namespace, name FROM grants_of WHERE kind = $2
               AND (account = $1 OR team IN (SELECT team FROM team_members WHERE account = $1))",
            &args![account, on.to_string()],
        )
        .await?;
    rows.iter().map(|row| Ok((row.text("namespace")?, row.text("name")?))).collect()
}

/// All grants of a namespace, or all there are.
pub(crate) async fn grants(tx: &mut Tx, namespace: Option<&AccountName>) -> Result<Vec<Grant>, Error> {
    let rows = tx
        .all(
            "SELECT g.*, a.name AS user_name, t.name AS team_name, o.name AS org_name FROM grants_of g
             LEFT JOIN accounts a ON a.id = g.account LEFT JOIN teams t ON t.id = g.team
             LEFT JOIN accounts o ON o.id = t.organization
             WHERE g.namespace = $1 OR $1 IS NULL ORDER BY g.namespace, g.kind DESC, g.name, g.account, g.team",
            &args![namespace.map(AccountName::as_str)],
        )
        .await?;
    rows.iter().map(grant_of).collect()
}

/// What an account was granted itself.
pub(crate) async fn permits(tx: &mut Tx, account: &Id<Principal>) -> Result<Vec<Permit>, Error> {
    let sql =
        "SELECT kind, namespace, name, level FROM grants_of WHERE account = $1 ORDER BY kind DESC, namespace, name";
    tx.all(sql, &args![account]).await?.iter().map(permit_of).collect()
}

/// What a team was granted.
pub(crate) async fn permits_of_team(tx: &mut Tx, team: &Id<Team>) -> Result<Vec<Permit>, Error> {
    let sql = "SELECT kind, namespace, name, level FROM grants_of WHERE team = $1 ORDER BY kind DESC, namespace, name";
    tx.all(sql, &args![team]).await?.iter().map(permit_of).collect()
}

fn permit_of(row: &Row) -> Result<Permit, Error> {
    let name = Some(row.text("name")?).filter(|name| !name.is_empty());
    let place = Place { namespace: row.parse("namespace")?, name };
    Ok(Permit { on: row.parse("kind")?, place, level: row.parse("level")? })
}

fn grant_of(row: &Row) -> Result<Grant, Error> {
    let grantee = match row.opt_parse("user_name")? {
        Some(user) => Grantee::User(user),
        None => Grantee::Team { organization: row.parse("org_name")?, team: row.parse("team_name")? },
    };
    let name = Some(row.text("name")?).filter(|name| !name.is_empty());
    let (namespace, on) = (row.parse("namespace")?, row.parse("kind")?);
    Ok(Grant { namespace, on, name, grantee, level: row.parse("level")? })
}
