//! The SQL of accounts.

#[macro_use]
mod select;

mod external;
mod grants;
mod organizations;
mod removal;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use base::{AccountName, Id, Principal, Timestamp};
use db::{Bulk, Error, Row, Schema, Tx, Val, args};

pub(crate) use self::{external::*, grants::*, organizations::*, removal::*, tokens::*};
use crate::{Account, AccountKind, Counted, Filter, PublicKey};

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
        // Robots, tokens that end and that do less than their account, when they were used; admins of teams; accounts that
        // come from elsewhere, and which memberships do.
        "ALTER TABLE accounts ADD COLUMN owner TEXT REFERENCES accounts (id);
      CREATE INDEX accounts_owner ON accounts (owner);
      ALTER TABLE access_tokens ADD COLUMN expires_at BIGINT;
      ALTER TABLE access_tokens ADD COLUMN scope TEXT;
      ALTER TABLE access_tokens ADD COLUMN last_used_at BIGINT;
      ALTER TABLE access_tokens ADD COLUMN automatic BOOLEAN NOT NULL DEFAULT FALSE;
      ALTER TABLE access_tokens ADD COLUMN agent TEXT NOT NULL DEFAULT '';
      CREATE INDEX access_tokens_account ON access_tokens (account);
      CREATE INDEX access_tokens_parent ON access_tokens (parent);
      CREATE INDEX members_account ON members (account);
      CREATE INDEX team_members_account ON team_members (account);
      ALTER TABLE team_members ADD COLUMN admin BOOLEAN NOT NULL DEFAULT FALSE;
      ALTER TABLE team_members ADD COLUMN mapped BOOLEAN NOT NULL DEFAULT FALSE;
      ALTER TABLE members ADD COLUMN mapped BOOLEAN NOT NULL DEFAULT FALSE;
      CREATE TABLE external_accounts (
        provider TEXT NOT NULL, subject TEXT NOT NULL, account TEXT NOT NULL UNIQUE REFERENCES accounts (id),
        gone BOOLEAN NOT NULL, PRIMARY KEY (provider, subject))",
    ],
};

// ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// `owner` is whose robot it is.
pub(crate) async fn insert_account(
    tx: &mut Tx,
    account: &Account,
    password: Option<&String>,
    owner: Option<&Id<Principal>>,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO accounts (id, name, kind, full_name, admin, active, password, created_at, owner)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &args![
            &account.id,
            &account.name,
            account.kind.to_string(),
            &account.full_name,
            account.admin,
            account.active,
            password,
            account.created_at,
            owner
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn account(tx: &mut Tx, name: &AccountName) -> Result<Option<Account>, Error> {
    let row = tx.opt(select_account!("FROM accounts a WHERE a.name = $1"), &args![name]).await?;
    row.as_ref().map(account_of).transpose()
}

pub(crate) async fn account_by_id(tx: &mut Tx, id: &Id<Principal>) -> Result<Option<Account>, Error> {
    let row = tx.opt(select_account!("FROM accounts a WHERE a.id = $1"), &args![id]).await?;
    row.as_ref().map(account_of).transpose()
}

static KINDS: Bulk<1> =
    Bulk::new("SELECT a.name, a.kind FROM (VALUES {rows}) AS v JOIN accounts a ON a.name = v.column1", 0);

/// What those of these names are that are accounts.
pub(crate) async fn kinds(tx: &mut Tx, names: &BTreeSet<&str>) -> Result<BTreeMap<String, AccountKind>, Error> {
    let rows: Vec<[Val; 1]> = names.iter().map(|name| args![*name]).collect();
    let rows = KINDS.all(tx, &[], &rows).await?;
    rows.iter().map(|row| Ok((row.text("name")?, row.parse("kind")?))).collect()
}

pub(crate) async fn accounts(tx: &mut Tx, filter: Filter, after: &str, limit: i64) -> Result<Vec<Counted>, Error> {
    let sql = select_account!(
        ", (SELECT COUNT(*) FROM members m WHERE m.organization = a.id) AS members_count,
           (SELECT COUNT(*) FROM teams t WHERE t.organization = a.id) AS teams_count
         FROM accounts a WHERE a.name > $1 AND ($3 = 'all'
            OR ($3 = 'users' AND a.kind = 'user') OR ($3 = 'orgs' AND a.kind = 'organization')
            OR ($3 = 'robots' AND a.kind = 'robot') OR ($3 = 'admins' AND a.kind = 'user' AND a.admin)
            OR ($3 = 'non-admins' AND a.kind = 'user' AND NOT a.admin)
            OR ($3 = 'active-users' AND a.kind = 'user' AND a.active)
            OR ($3 = 'inactive-users' AND a.kind = 'user' AND NOT a.active))
         ORDER BY a.name LIMIT $2"
    );
    tx.all(sql, &args![after, limit, filter.word()]).await?.iter().map(counted_of).collect()
}

pub(crate) async fn counted(tx: &mut Tx, name: &AccountName) -> Result<Option<Counted>, Error> {
    let sql = select_account!(
        ", (SELECT COUNT(*) FROM members m WHERE m.organization = a.id) AS members_count,
           (SELECT COUNT(*) FROM teams t WHERE t.organization = a.id) AS teams_count FROM accounts a WHERE a.name = $1"
    );
    tx.opt(sql, &args![name]).await?.as_ref().map(counted_of).transpose()
}

fn counted_of(row: &Row) -> Result<Counted, Error> {
    Ok(Counted { account: account_of(row)?, members: row.int("members_count")?, teams: row.int("teams_count")? })
}

/// The robots of an account.
pub(crate) async fn robots(tx: &mut Tx, owner: &Id<Principal>) -> Result<Vec<Account>, Error> {
    let sql = select_account!("FROM accounts a WHERE a.owner = $1 ORDER BY a.name");
    tx.all(sql, &args![owner]).await?.iter().map(account_of).collect()
}

/// Administrators who can sign in.
pub(crate) async fn count_admins(tx: &mut Tx) -> Result<i64, Error> {
    let sql = "SELECT COUNT(*) AS n FROM accounts WHERE kind = 'user' AND admin AND active";
    tx.one(sql, &[]).await?.int("n")
}

/// Names are ASCII, so that all that begin with a text lie before the text with the last character of ASCII.
pub(crate) async fn accounts_beginning(tx: &mut Tx, text: &str, limit: i64) -> Result<Vec<Account>, Error> {
    let sql = select_account!("FROM accounts a WHERE a.name >= $1 AND a.name < $2 ORDER BY a.name LIMIT $3");
    tx.all(sql, &args![text, format!("{text}\u{7f}"), limit]).await?.iter().map(account_of).collect()
}

pub(crate) async fn count_accounts(tx: &mut Tx) -> Result<i64, Error> {
    tx.one("SELECT COUNT(*) AS n FROM accounts", &[]).await?.int("n")
}

/// Users and organizations.
pub(crate) async fn count_kinds(tx: &mut Tx) -> Result<(u64, u64), Error> {
    let sql = "SELECT COALESCE(SUM(CASE kind WHEN 'user' THEN 1 ELSE 0 END), 0) AS users,
        COALESCE(SUM(CASE kind WHEN 'organization' THEN 1 ELSE 0 END), 0) AS organizations FROM accounts";
    let row = tx.one(sql, &[]).await?;
    Ok((row.int("users")?.unsigned_abs(), row.int("organizations")?.unsigned_abs()))
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

pub(crate) async fn update_account(tx: &mut Tx, account: &Account) -> Result<(), Error> {
    tx.execute(
        "UPDATE accounts SET full_name = $2, admin = $3, active = $4 WHERE id = $1",
        &args![&account.id, &account.full_name, account.admin, account.active],
    )
    .await?;
    Ok(())
}

fn account_of(row: &Row) -> Result<Account, Error> {
    Ok(Account {
        id: row.parse("id")?,
        name: row.parse("name")?,
        kind: row.parse("kind")?,
        full_name: row.text("full_name")?,
        admin: row.bool("admin")?,
        // A robot is off with its owner.
        active: row.bool("active")? && !row.bool("left_alone")?,
        imported: row.bool("imported")?,
        created_at: row.time("created_at")?,
    })
}

// ── sessions, keys ──────────────────────────────────────────────────────────────────────────────────────────

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
            select_account!(
                "FROM sessions s JOIN accounts a ON a.id = s.account
                 WHERE s.hash = $1 AND s.expires_at > $2 AND a.active"
            ),
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

pub(crate) async fn key(tx: &mut Tx, id: &str) -> Result<Option<PublicKey>, Error> {
    tx.opt("SELECT * FROM public_keys WHERE id = $1", &args![id]).await?.as_ref().map(key_of).transpose()
}

pub(crate) async fn label_key(tx: &mut Tx, id: &str, label: &str) -> Result<(), Error> {
    tx.execute("UPDATE public_keys SET label = $2 WHERE id = $1", &args![id, label]).await?;
    Ok(())
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
    let teams = "SELECT o.name AS org, t.name AS team, a.name AS member, m.admin FROM team_members m
        JOIN teams t ON t.id = m.team JOIN accounts o ON o.id = t.organization JOIN accounts a ON a.id = m.account";
    for row in tx.all(teams, &[]).await? {
        let key = format!("identity/team/{}/{}/{}", row.text("org")?, row.text("team")?, row.text("member")?);
        state.push((key, if row.bool("admin")? { "admin" } else { "member" }.to_owned()));
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
