//! The SQL of access tokens.

use base::{Credential, Id, Principal, Timestamp};
use db::{Error, Row, Tx, args};

use crate::{AccessToken, Account, AccountKind, Scope};

/// A token with the scope and the end that count for it: those of the token it was derived from, if it was.
macro_rules! select_token {
    ($more:literal) => {
        concat!(
            "SELECT t.id, t.account, t.label, t.active, t.created_at, t.last_used_at, t.automatic, t.agent, t.parent, t.job,
                CASE WHEN t.parent IS NULL THEN t.expires_at ELSE p.expires_at END AS expires_at,
                CASE WHEN t.parent IS NULL THEN t.scope ELSE p.scope END AS scope
             FROM access_tokens t LEFT JOIN access_tokens p ON p.id = t.parent ",
            $more
        )
    };
}

pub(crate) async fn insert_token(tx: &mut Tx, token: &AccessToken, hash: &str) -> Result<(), Error> {
    let scope = token.scope.as_ref().map(serde_json::to_string).transpose();
    let scope = scope.map_err(|error| Error::Corrupt(format!("a scope cannot be written: {error}")))?;
    tx.execute(
        "INSERT INTO access_tokens (id, account, label, hash, active, created_at, expires_at, scope, automatic, agent,
            parent, job)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &args![
            &token.id,
            &token.account,
            &token.label,
            hash,
            token.active,
            token.created_at,
            token.expires_at,
            scope,
            token.automatic,
            &token.agent,
            token.parent.as_ref(),
            token.job
        ],
    )
    .await?;
    Ok(())
}

/// The tokens that somebody made; those of jobs come and go by themselves.
pub(crate) async fn tokens(tx: &mut Tx, account: &Id<Principal>) -> Result<Vec<AccessToken>, Error> {
    let sql = select_token!("WHERE t.account = $1 AND t.job IS NULL ORDER BY t.id");
    tx.all(sql, &args![account]).await?.iter().map(token_of).collect()
}

pub(crate) async fn token(tx: &mut Tx, id: &Id<AccessToken>) -> Result<Option<AccessToken>, Error> {
    let row = tx.opt(select_token!("WHERE t.id = $1 AND t.job IS NULL"), &args![id]).await?;
    row.as_ref().map(token_of).transpose()
}

/// The active token with this hash; a job's token only while its parent is active too. It may have expired.
pub(crate) async fn token_by_hash(tx: &mut Tx, hash: &str) -> Result<Option<AccessToken>, Error> {
    let sql = select_token!("WHERE t.hash = $1 AND t.active AND (t.parent IS NULL OR p.active)");
    tx.opt(sql, &args![hash]).await?.as_ref().map(token_of).transpose()
}

/// The same by its id.
pub(crate) async fn active_token(tx: &mut Tx, id: &str) -> Result<Option<AccessToken>, Error> {
    let sql = select_token!("WHERE t.id = $1 AND t.active AND (t.parent IS NULL OR p.active)");
    tx.opt(sql, &args![id]).await?.as_ref().map(token_of).transpose()
}

/// The scope of an active token; none when there is no such token.
pub(crate) async fn scope_of(tx: &mut Tx, id: &str) -> Result<Option<Option<Scope>>, Error> {
    Ok(active_token(tx, id).await?.map(|token| token.scope))
}

pub(crate) async fn deactivate_token(
    tx: &mut Tx,
    account: &Id<Principal>,
    id: &Id<AccessToken>,
) -> Result<bool, Error> {
    let sql = "UPDATE access_tokens SET active = FALSE WHERE id = $1 AND account = $2 AND active";
    Ok(tx.execute(sql, &args![id, account]).await? > 0)
}

pub(crate) async fn deactivate_job_tokens(tx: &mut Tx, job: i64) -> Result<u64, Error> {
    tx.execute("UPDATE access_tokens SET active = FALSE WHERE job = $1 AND active", &args![job]).await
}

pub(crate) async fn update_token(
    tx: &mut Tx,
    id: &Id<AccessToken>,
    label: &str,
    active: bool,
    expires_at: Option<Timestamp>,
) -> Result<(), Error> {
    let sql = "UPDATE access_tokens SET label = $2, active = $3, expires_at = $4 WHERE id = $1";
    tx.execute(sql, &args![id, label, active, expires_at]).await?;
    Ok(())
}

/// Remember a use, unless a later one is known.
pub(crate) async fn set_token_used(tx: &mut Tx, id: &str, at: Timestamp) -> Result<(), Error> {
    let sql =
        "UPDATE access_tokens SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
    tx.execute(sql, &args![id, at]).await?;
    Ok(())
}

fn token_of(row: &Row) -> Result<AccessToken, Error> {
    let scope = row.opt_text("scope")?.map(|text| serde_json::from_str(&text)).transpose();
    Ok(AccessToken {
        id: row.parse("id")?,
        account: row.parse("account")?,
        label: row.text("label")?,
        active: row.bool("active")?,
        created_at: row.time("created_at")?,
        expires_at: row.opt_time("expires_at")?,
        scope: scope.map_err(|error| Error::Corrupt(format!("column scope: {error}")))?,
        last_used_at: row.opt_time("last_used_at")?,
        automatic: row.bool("automatic")?,
        agent: row.text("agent")?,
        parent: row.opt_parse("parent")?,
        job: row.opt_int("job")?,
    })
}

/// What an account's token proves: a plain token, one that does less, or a job's.
pub(crate) fn credential_of(token: &AccessToken, account: &Account) -> Credential {
    let id = token.id.to_string();
    match token.job {
        Some(job) => Credential::JobToken { token: id, job },
        None if token.scope.is_some() || account.kind == AccountKind::Robot => Credential::ScopedToken(id),
        None => Credential::Token(id),
    }
}
