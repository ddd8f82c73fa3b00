//! The SQL of accounts.

mod grants;

use base::{AccountName, Credential, Id, Principal, Timestamp};
use db::{Error, Row, Schema, Tx, args};

pub(crate) use self::grants::{delete_grants, granted_to, grants, grants_for, set_grant};
use crate::{AccessToken, Account, Member, PublicKey, Team};

pub const SCHEMA: Schema = Schema {
    context: "identity",
    steps: &[
        "CREATE TABLE accounts (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, full_name TEXT NOT NULL,
        admin BOOLEAN NOT NULL, active BOOLEAN NOT NULL, password TEXT, created_at BIGINT NOT NULL);
      CREATE TABLE members (
        organization TEXT NOT NULL REFERENCES accounts (id), account TEXT NOT NULL REFERENCES accounts (id),
        owner BOOLEAN NOT NULL, PRIMARY KEY (organization, account));
      CREATE TABLE teams (
        id TEXT PRIMARY KEY, organization TEXT NOT NULL REFERENCES accounts (id), name TEXT NOT NULL,
        description TEXT NOT NULL, UNIQUE (organization, name));
      CREATE TABLE team_members (
        team TEXT NOT NULL REFERENCES teams (id), account TEXT NOT NULL REFERENCES accounts (id),
        PRIMARY KEY (team, account));
      CREATE TABLE grants (
        namespace TEXT NOT NULL, repository TEXT NOT NULL, account TEXT NOT NULL, team TEXT NOT NULL,
        level TEXT NOT NULL, PRIMARY KEY (namespace, repository, account, team));
      CREATE TABLE access_tokens (
        id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id), label TEXT NOT NULL,
        hash TEXT NOT NULL UNIQUE, active BOOLEAN NOT NULL, created_at BIGINT NOT NULL,
        parent TEXT REFERENCES access_tokens (id), job BIGINT);
      CREATE INDEX access_tokens_job ON access_tokens (job);
      CREATE TABLE sessions (
        hash TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id), expires_at BIGINT NOT NULL);
      CREATE TABLE public_keys (
        id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id), label TEXT NOT NULL,
        public_key TEXT NOT NULL, certificate TEXT, created_at BIGINT NOT NULL, revoked_at BIGINT)",
        // Grants without a kind counted for repositories and projects alike; the lesser right is kept.
        "CREATE TABLE grants_of (
        kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, account TEXT NOT NULL, team TEXT NOT NULL,
        level TEXT NOT NULL, PRIMARY KEY (kind, namespace, name, account, team));
      INSERT INTO grants_of (kind, namespace, name, account, team, level)
        SELECT 'repository', namespace, repository, account, team, level FROM grants;
      DROP TABLE grants",
        "CREATE INDEX grants_of_account ON grants_of (account);
      CREATE INDEX grants_of_team ON grants_of (team)",
    ],
};

// ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert_account(tx: &mut Tx, account: &Account, password: Option<&String>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO accounts (id, name, kind, full_name, admin, active, password, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &args![
            &account.id,
            &account.name,
            account.kind.to_string(),
            &account.full_name,
            account.admin,
            account.active,
            password,
            account.created_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn account(tx: &mut Tx, name: &AccountName) -> Result<Option<Account>, Error> {
    tx.opt("SELECT * FROM accounts WHERE name = $1", &args![name]).await?.as_ref().map(account_of).transpose()
}

pub(crate) async fn account_by_id(tx: &mut Tx, id: &Id<Principal>) -> Result<Option<Account>, Error> {
    tx.opt("SELECT * FROM accounts WHERE id = $1", &args![id]).await?.as_ref().map(account_of).transpose()
}

pub(crate) async fn accounts(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Account>, Error> {
    let rows = tx.all("SELECT * FROM accounts WHERE name > $1 ORDER BY name LIMIT $2", &args![after, limit]).await?;
    rows.iter().map(account_of).collect()
}

/// Names are ASCII, so that all that begin with a text lie before the text with the last character of ASCII.
pub(crate) async fn accounts_beginning(tx: &mut Tx, text: &str, limit: i64) -> Result<Vec<Account>, Error> {
    let sql = "SELECT * FROM accounts WHERE name >= $1 AND name < $2 ORDER BY name LIMIT $3";
    tx.all(sql, &args![text, format!("{text}\u{7f}"), limit]).await?.iter().map(account_of).collect()
}

pub(crate) async fn count_accounts(tx: &mut Tx) -> Result<i64, Error> {
    tx.one("SELECT COUNT(*) AS n FROM accounts", &[]).await?.int("n")
}

/// The stored hash of an active user's password.
pub(crate) async fn password(tx: &mut Tx, name: &AccountName) -> Result<Option<String>, Error> {
    let row = tx.opt("SELECT password FROM accounts WHERE name = $1 AND active", &args![name]).await?;
    row.map_or(Ok(None), |row| row.opt_text("password"))
}

pub(crate) async fn set_password(tx: &mut Tx, id: &Id<Principal>, hash: &str) -> Result<(), Error> {
    tx.execute("UPDATE accounts SET password = $2 WHERE id = $1", &args![id, hash]).await?;
    Ok(())
}

pub(crate) async fn set_active(tx: &mut Tx, id: &Id<Principal>, active: bool) -> Result<(), Error> {
    tx.execute("UPDATE accounts SET active = $2 WHERE id = $1", &args![id, active]).await?;
    Ok(())
}

fn account_of(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.parse("id")?,
        name: row.parse("name")?,
        kind: row.parse("kind")?,
        full_name: row.text("full_name")?,
        admin: row.bool("admin")?,
        active: row.bool("active")?,
        created_at: row.time("created_at")?,
    })
}

// ── organizations and teams ─────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn set_member(
    tx: &mut Tx,
    organization: &Id<Principal>,
    account: &Id<Principal>,
    owner: bool,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO members (organization, account, owner) VALUES ($1, $2, $3)
         ON CONFLICT (organization, account) DO UPDATE SET owner = excluded.owner",
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
            "SELECT a.*, m.owner FROM members m JOIN accounts a ON a.id = m.account
             WHERE m.organization = $1 ORDER BY a.name",
            &args![organization],
        )
        .await?;
    rows.iter().map(|row| Ok(Member { account: account_of(row)?, owner: row.bool("owner")? })).collect()
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

pub(crate) async fn is_member(tx: &mut Tx, account: &Id<Principal>, org: &Id<Principal>) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM members WHERE account = $1 AND organization = $2";
    Ok(tx.opt(sql, &args![account, org]).await?.is_some())
}

pub(crate) async fn insert_team(tx: &mut Tx, organization: &Id<Principal>, team: &Team) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO teams (id, organization, name, description) VALUES ($1, $2, $3, $4)",
        &args![&team.id, organization, &team.name, &team.description],
    )
    .await?;
    Ok(())
}

pub(crate) async fn teams(tx: &mut Tx, organization: &AccountName) -> Result<Vec<Team>, Error> {
    let rows = tx
        .all(
            "SELECT t.*, o.name AS org FROM teams t JOIN accounts o ON o.id = t.organization
             WHERE o.name = $1 ORDER BY t.name",
            &args![organization],
        )
        .await?;
    rows.iter().map(team_of).collect()
}

pub(crate) async fn team(tx: &mut Tx, organization: &AccountName, name: &AccountName) -> Result<Option<Team>, Error> {
    let row = tx
        .opt(
            "SELECT t.*, o.name AS org FROM teams t JOIN accounts o ON o.id = t.organization
             WHERE o.name = $1 AND t.name = $2",
            &args![organization, name],
        )
        .await?;
    row.as_ref().map(team_of).transpose()
}

fn team_of(row: &Row) -> Result<Team, Error> {
    Ok(Team {
        id: row.parse("id")?,
        organization: row.parse("org")?,
        name: row.parse("name")?,
        description: row.text("description")?,
    })
}

pub(crate) async fn add_team_member(tx: &mut Tx, team: &Id<Team>, account: &Id<Principal>) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO team_members (team, account) VALUES ($1, $2) ON CONFLICT (team, account) DO NOTHING",
        &args![team, account],
    )
    .await?;
    Ok(())
}

pub(crate) async fn remove_team_member(tx: &mut Tx, team: &Id<Team>, account: &Id<Principal>) -> Result<bool, Error> {
    let sql = "DELETE FROM team_members WHERE team = $1 AND account = $2";
    Ok(tx.execute(sql, &args![team, account]).await? > 0)
}

pub(crate) async fn team_members(tx: &mut Tx, team: &Id<Team>) -> Result<Vec<Account>, Error> {
    let rows = tx
        .all(
            "SELECT a.* FROM team_members m JOIN accounts a ON a.id = m.account WHERE m.team = $1 ORDER BY a.name",
            &args![team],
        )
        .await?;
    rows.iter().map(account_of).collect()
}

// ── tokens, sessions, keys ──────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert_token(tx: &mut Tx, token: &AccessToken, hash: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO access_tokens (id, account, label, hash, active, created_at, parent, job)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &args![
            &token.id,
            &token.account,
            &token.label,
            hash,
            token.active,
            token.created_at,
            token.parent.as_ref(),
            token.job
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn tokens(tx: &mut Tx, account: &Id<Principal>) -> Result<Vec<AccessToken>, Error> {
    let sql = "SELECT * FROM access_tokens WHERE account = $1 AND job IS NULL ORDER BY id";
    tx.all(sql, &args![account]).await?.iter().map(token_of).collect()
}

/// The active token with this hash; a job's token only while its parent is active too.
pub(crate) async fn token_by_hash(tx: &mut Tx, hash: &str) -> Result<Option<AccessToken>, Error> {
    let row = tx
        .opt(
            "SELECT t.* FROM access_tokens t LEFT JOIN access_tokens p ON p.id = t.parent
             WHERE t.hash = $1 AND t.active AND (t.parent IS NULL OR p.active)",
            &args![hash],
        )
        .await?;
    row.as_ref().map(token_of).transpose()
}

pub(crate) async fn token_is_active(tx: &mut Tx, id: &str) -> Result<bool, Error> {
    let row = tx
        .opt(
            "SELECT 1 AS one FROM access_tokens t LEFT JOIN access_tokens p ON p.id = t.parent
             WHERE t.id = $1 AND t.active AND (t.parent IS NULL OR p.active)",
            &args![id],
        )
        .await?;
    Ok(row.is_some())
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

fn token_of(row: &Row) -> Result<AccessToken, Error> {
    Ok(AccessToken {
        id: row.parse("id")?,
        account: row.parse("account")?,
        label: row.text("label")?,
        active: row.bool("active")?,
        created_at: row.time("created_at")?,
        parent: row.opt_parse("parent")?,
        job: row.opt_int("job")?,
    })
}

/// What an account's token proves: a plain token, or a job's.
pub(crate) fn credential_of(token: &AccessToken) -> Credential {
    match token.job {
        Some(job) => Credential::JobToken { token: token.id.to_string(), job },
        None => Credential::Token(token.id.to_string()),
    }
}

pub(crate) async fn insert_session(
    tx: &mut Tx,
    hash: &str,
    account: &Id<Principal>,
    expires_at: Timestamp,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO sessions (hash, account, expires_at) VALUES ($1, $2, $3)",
        &args![hash, account, expires_at],
    )
    .await?;
    Ok(())
}

pub(crate) async fn session(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<Option<Account>, Error> {
    let row = tx
        .opt(
            "SELECT a.* FROM sessions s JOIN accounts a ON a.id = s.account
             WHERE s.hash = $1 AND s.expires_at > $2 AND a.active",
            &args![hash, now],
        )
        .await?;
    row.as_ref().map(account_of).transpose()
}

pub(crate) async fn delete_session(tx: &mut Tx, hash: &str, now: Timestamp) -> Result<(), Error> {
    tx.execute("DELETE FROM sessions WHERE hash = $1 OR expires_at <= $2", &args![hash, now]).await?;
    Ok(())
}

pub(crate) async fn delete_sessions(tx: &mut Tx, account: &Id<Principal>) -> Result<(), Error> {
    tx.execute("DELETE FROM sessions WHERE account = $1", &args![account]).await?;
    Ok(())
}

pub(crate) async fn insert_key(tx: &mut Tx, key: &PublicKey) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO public_keys (id, account, label, public_key, certificate, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &args![&key.id, &key.account, &key.label, &key.public_key_pem, key.certificate_pem.as_ref(), key.created_at],
    )
    .await?;
    Ok(())
}

pub(crate) async fn keys(tx: &mut Tx, account: Option<&Id<Principal>>) -> Result<Vec<PublicKey>, Error> {
    let sql = "SELECT * FROM public_keys WHERE account = $1 OR $1 IS NULL ORDER BY created_at, id";
    tx.all(sql, &args![account]).await?.iter().map(key_of).collect()
}

pub(crate) async fn revoke_key(tx: &mut Tx, account: &Id<Principal>, id: &str, now: Timestamp) -> Result<bool, Error> {
    let sql = "UPDATE public_keys SET revoked_at = $3 WHERE id = $1 AND account = $2 AND revoked_at IS NULL";
    Ok(tx.execute(sql, &args![id, account, now]).await? > 0)
}

fn key_of(row: &Row) -> Result<PublicKey, Error> {
    Ok(PublicKey {
        id: row.text("id")?,
        account: row.parse("account")?,
        label: row.text("label")?,
        public_key_pem: row.text("public_key")?,
        certificate_pem: row.opt_text("certificate")?,
        created_at: row.time("created_at")?,
        revoked_at: row.opt_time("revoked_at")?,
    })
}

// ── what the log guards ─────────────────────────────────────────────────────────────────────────────────────────────

/// The present state under the keys that the service's audit entries set.
pub(crate) async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
    let mut state = Vec::new();
    for row in tx.all("SELECT name, kind, admin, active, password FROM accounts", &[]).await? {
        let name = row.text("name")?;
        let rights = account_state(&row.text("kind")?, row.bool("admin")?, row.bool("active")?);
        state.push((format!("identity/account/{name}"), rights));
        if let Some(hash) = row.opt_text("password")? {
            state.push((format!("identity/password/{name}"), base::digest_hex(hash.as_bytes())));
        }
    }
    let members = "SELECT o.name AS org, a.name AS member, m.owner FROM members m
        JOIN accounts o ON o.id = m.organization JOIN accounts a ON a.id = m.account";
    for row in tx.all(members, &[]).await? {
        let key = format!("identity/member/{}/{}", row.text("org")?, row.text("member")?);
        state.push((key, if row.bool("owner")? { "owner" } else { "member" }.to_owned()));
    }
    let teams = "SELECT o.name AS org, t.name AS team, a.name AS member FROM team_members m
        JOIN teams t ON t.id = m.team JOIN accounts o ON o.id = t.organization JOIN accounts a ON a.id = m.account";
    for row in tx.all(teams, &[]).await? {
        let key = format!("identity/team/{}/{}/{}", row.text("org")?, row.text("team")?, row.text("member")?);
        state.push((key, "member".to_owned()));
    }
    for grant in grants(tx, None).await? {
        let key = grant.on.state_key(&grant.namespace, grant.name.as_deref(), &grant.grantee);
        state.push((key, grant.level.to_string()));
    }
    let keys = "SELECT k.id, k.revoked_at, a.name FROM public_keys k JOIN accounts a ON a.id = k.account";
    for row in tx.all(keys, &[]).await? {
        let revoked = if row.opt_int("revoked_at")?.is_some() { " revoked" } else { "" };
        state.push((format!("identity/key/{}", row.text("id")?), format!("{}{revoked}", row.text("name")?)));
    }
    Ok(state)
}

/// How the log writes an account's standing.
pub(crate) fn account_state(kind: &str, admin: bool, active: bool) -> String {
    format!("{kind}{}{}", if admin { " admin" } else { "" }, if active { "" } else { " inactive" })
}
