//! What can be done with accounts, organizations, teams, grants, and what they are granted.

use audit::Entry;
use base::{AccountName, Ctx, Id, Principal, Secret, digest_hex, limits};
use db::{Db, Tx};

use crate::{
    Account, AccountKind, Authority, Error, Grant, Grantee, Level, Member, On, RESERVED, Team, TokenKeys,
    attempts::Attempts, password, store,
};

/// The accounts of one installation.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) db: Db,
    pub(crate) keys: TokenKeys,
    pub(crate) authority: Authority,
    /// The production engine that client bundles point at.
    pub(crate) engine: Option<String>,
    pub(crate) attempts: Attempts,
}

/// An account to be created.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub name: AccountName,
    pub kind: AccountKind,
    pub full_name: String,
    /// Users without a password sign in with tokens only: robots.
    pub password: Option<Secret>,
    pub admin: bool,
}

impl Identity {
    pub fn new(db: Db, keys: TokenKeys, authority: Authority, engine: Option<String>) -> Identity {
        Identity { db, keys, authority, engine, attempts: Attempts::new() }
    }

    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    pub fn token_keys(&self) -> &TokenKeys {
        &self.keys
    }

    // ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Create the first administrator, when there is no account at all. Gives whether it was created.
    pub async fn create_first_admin(&self, ctx: &Ctx, name: AccountName, secret: Secret) -> Result<bool, Error> {
        if store::count_accounts(&mut self.db.read().await?).await? > 0 {
            return Ok(false);
        }
        let full_name = "Administrator".to_owned();
        let password = Some(secret);
        let new = NewAccount { name, kind: AccountKind::User, full_name, password, admin: true };
        self.create_account(ctx, new).await?;
        Ok(true)
    }

    /// Create a user or an organization. Administrators only.
    pub async fn create_account(&self, ctx: &Ctx, new: NewAccount) -> Result<Account, Error> {
        if new.full_name.len() > limits::TEXT_BYTES {
            return Err(Error::Invalid(format!("a full name has at most {} bytes", limits::TEXT_BYTES)));
        }
        if RESERVED.contains(&new.name.as_str()) {
            return Err(Error::Invalid(format!(
                "no account can be named {0}: the server's own addresses begin with /{0}; choose another name",
                new.name
            )));
        }
        let hash = match (&new.password, new.kind) {
            (Some(_), AccountKind::Organization) => {
                return Err(Error::Invalid("an organization has no password; its owners sign in".to_owned()));
            }
            (Some(secret), AccountKind::User) => {
                password::check_form(secret)?;
                Some(password::hash(secret.clone()).await?)
            }
            (None, _) => None,
        };
        let account = Account {
            id: Id::new(ctx),
            name: new.name,
            kind: new.kind,
            full_name: new.full_name,
            admin: new.admin && new.kind == AccountKind::User,
            active: true,
            created_at: ctx.now,
        };
        let rights = store::account_state(&account.kind.to_string(), account.admin, true);
        let mut entry = Entry::new("account.created")
            .about(format!("account/{}", account.name))
            .detail("kind", account.kind.to_string())
            .set(format!("identity/account/{}", account.name), rights);
        if let Some(hash) = &hash {
            entry = entry.set(format!("identity/password/{}", account.name), digest_hex(hash.as_bytes()));
        }
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            if store::account(tx, &account.name).await?.is_some() {
                return Err(Error::Conflict(format!("the name {} is taken", account.name)));
            }
            store::insert_account(tx, &account, hash.as_ref()).await?;
            audit::append(tx, ctx, entry.clone()).await?;
            Ok(())
        })?;
        Ok(account)
    }

    /// An account by name. Names of accounts are no secret to those who signed in.
    pub async fn account(&self, ctx: &Ctx, name: &AccountName) -> Result<Account, Error> {
        signed_in(ctx)?;
        account(&mut self.db.read().await?, name).await
    }

    /// Refuse what would be in a namespace that nobody is: a namespace is an account, and a right to one (an administrator
    /// has it everywhere) makes none.
    pub async fn require_namespace(tx: &mut Tx, namespace: &str) -> Result<(), Error> {
        let missing = || Error::NotFound { what: "account", name: namespace.to_owned() };
        let name: AccountName = namespace.parse().map_err(|_| missing())?;
        account(tx, &name).await.map(drop)
    }

    /// Accounts in order of name, after `after`.
    pub async fn accounts(&self, ctx: &Ctx, after: &str, limit: usize) -> Result<Vec<Account>, Error> {
        signed_in(ctx)?;
        let limit = i64::try_from(limit.min(limits::PAGE_MAX)).expect("a page is small");
        Ok(store::accounts(&mut self.db.read().await?, after, limit).await?)
    }

    /// Accounts whose name begins with this text, in order of name.
    pub async fn accounts_beginning(&self, ctx: &Ctx, text: &str, limit: usize) -> Result<Vec<Account>, Error> {
        signed_in(ctx)?;
        let text = text.trim().to_lowercase();
        let limit = i64::try_from(limit.min(limits::PAGE_MAX)).expect("a page is small");
        Ok(store::accounts_beginning(&mut self.db.read().await?, &text, limit).await?)
    }

    /// Change a user's password: oneself, or an administrator. Sessions end, so that who knew the old one is out; access
    /// tokens are credentials of their own and stay.
    pub async fn set_password(&self, ctx: &Ctx, name: &AccountName, secret: Secret) -> Result<(), Error> {
        password::check_form(&secret)?;
        let hash = password::hash(secret).await?;
        db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let account = account(tx, name).await?;
            if account.kind == AccountKind::Organization {
                return Err(Error::Invalid("an organization has no password; its owners sign in".to_owned()));
            }
            store::set_password(tx, &account.id, &hash).await?;
            store::delete_sessions(tx, &account.id).await?;
            let entry = Entry::new("account.password_set")
                .about(format!("account/{name}"))
                .set(format!("identity/password/{name}"), digest_hex(hash.as_bytes()));
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Switch an account off or on. Administrators only.
    pub async fn set_active(&self, ctx: &Ctx, name: &AccountName, active: bool) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            let account = account(tx, name).await?;
            store::set_active(tx, &account.id, active).await?;
            let rights = store::account_state(&account.kind.to_string(), account.admin, active);
            let entry = Entry::new(if active { "account.activated" } else { "account.deactivated" })
                .about(format!("account/{name}"))
                .set(format!("identity/account/{name}"), rights);
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    // ── organizations and teams ─────────────────────────────────────────────────────────────────────────────────────

    /// Make a user a member or an owner of an organization.
    pub async fn set_member(&self, ctx: &Ctx, org: &AccountName, user: &AccountName, owner: bool) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, org.as_str()).await?;
            let (organization, member) = (organization(tx, org).await?, user_account(tx, user).await?);
            store::set_member(tx, &organization.id, &member.id, owner).await?;
            let entry = Entry::new("organization.member_set")
                .about(format!("account/{org}"))
                .about(format!("account/{user}"))
                .set(format!("identity/member/{org}/{user}"), if owner { "owner" } else { "member" });
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Remove a user from an organization and from its teams.
    pub async fn remove_member(&self, ctx: &Ctx, org: &AccountName, user: &AccountName) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, org.as_str()).await?;
            let (organization, member) = (organization(tx, org).await?, user_account(tx, user).await?);
            let mut entry = Entry::new("organization.member_removed")
                .about(format!("account/{org}"))
                .about(format!("account/{user}"))
                .unset(format!("identity/member/{org}/{user}"));
            for team in store::teams(tx, org).await? {
                if store::team_members(tx, &team.id).await?.iter().any(|account| account.id == member.id) {
                    entry = entry.unset(format!("identity/team/{org}/{}/{user}", team.name));
                }
            }
            if !store::remove_member(tx, &organization.id, &member.id).await? {
                return Err(Error::NotFound { what: "member", name: format!("{user} of {org}") });
            }
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    pub async fn members(&self, ctx: &Ctx, org: &AccountName) -> Result<Vec<Member>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let organization = organization(&mut tx, org).await?;
        Ok(store::members(&mut tx, &organization.id).await?)
    }

    /// Create a team in an organization.
    pub async fn create_team(
        &self,
        ctx: &Ctx,
        org: &AccountName,
        name: &AccountName,
        description: &str,
    ) -> Result<Team, Error> {
        let team = Team {
            id: Id::new(ctx),
            organization: org.clone(),
            name: name.clone(),
            description: description.chars().take(1000).collect(),
        };
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, org.as_str()).await?;
            let organization = organization(tx, org).await?;
            if store::team(tx, org, name).await?.is_some() {
                return Err(Error::Conflict(format!("{org} has a team {name} already")));
            }
            store::insert_team(tx, &organization.id, &team).await?;
            audit::append(tx, ctx, Entry::new("team.created").about(format!("team/{org}/{name}"))).await?;
            Ok(())
        })?;
        Ok(team)
    }

    pub async fn teams(&self, ctx: &Ctx, org: &AccountName) -> Result<Vec<Team>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        organization(&mut tx, org).await?;
        Ok(store::teams(&mut tx, org).await?)
    }

    /// Put a member of the organization into a team, or take it out.
    pub async fn set_team_member(
        &self,
        ctx: &Ctx,
        (org, team_name): (&AccountName, &AccountName),
        user: &AccountName,
        present: bool,
    ) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, org.as_str()).await?;
            let team = team(tx, org, team_name).await?;
            let account = user_account(tx, user).await?;
            let key = format!("identity/team/{org}/{team_name}/{user}");
            let entry = Entry::new(if present { "team.member_added" } else { "team.member_removed" })
                .about(format!("team/{org}/{team_name}"))
                .about(format!("account/{user}"));
            let entry = if present {
                let organization = organization(tx, org).await?;
                if !store::is_member(tx, &account.id, &organization.id).await? {
                    return Err(Error::Conflict(format!("{user} is no member of {org}; add it there first")));
                }
                store::add_team_member(tx, &team.id, &account.id).await?;
                entry.set(key, "member")
            } else {
                store::remove_team_member(tx, &team.id, &account.id).await?;
                entry.unset(key)
            };
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    pub async fn team_members(&self, ctx: &Ctx, org: &AccountName, name: &AccountName) -> Result<Vec<Account>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let team = team(&mut tx, org, name).await?;
        Ok(store::team_members(&mut tx, &team.id).await?)
    }

    // ── grants ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Grant a level on all repositories or projects of a namespace (`None`) or on one, or take the grant away.
    pub async fn set_grant(
        &self,
        ctx: &Ctx,
        on: On,
        (namespace, name): (&AccountName, Option<&str>),
        grantee: &Grantee,
        level: Option<Level>,
    ) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, namespace.as_str()).await?;
            account(tx, namespace).await?;
            let (user, team_id) = match grantee {
                Grantee::User(name) => (user_account(tx, name).await?.id.to_string(), String::new()),
                Grantee::Team { organization, team: name } => {
                    (String::new(), team(tx, organization, name).await?.id.to_string())
                }
            };
            store::set_grant(tx, on, (namespace, name.unwrap_or("")), (&user, &team_id), level).await?;
            audit::append(tx, ctx, grant_entry(on, (namespace, name), grantee, level)).await?;
            Ok(())
        })
    }

    /// Take every grant on one repository or project that goes: the next one of its name is another. Part of the transaction of
    /// whoever removes it.
    pub async fn forget_grants(
        tx: &mut Tx,
        ctx: &Ctx,
        on: On,
        (namespace, name): (&AccountName, &str),
    ) -> Result<(), Error> {
        let grants = store::grants(tx, Some(namespace)).await?.into_iter();
        for grant in grants.filter(|grant| grant.on == on && grant.name.as_deref() == Some(name)) {
            audit::append(tx, ctx, grant_entry(on, (namespace, Some(name)), &grant.grantee, None)).await?;
        }
        Ok(store::delete_grants(tx, on, namespace, name).await?)
    }

    /// The grants of a namespace; for its owners.
    pub async fn grants(&self, ctx: &Ctx, namespace: &AccountName) -> Result<Vec<Grant>, Error> {
        let mut tx = self.db.read().await?;
        Level::require_owner(&mut tx, &ctx.actor, namespace.as_str()).await?;
        Ok(store::grants(&mut tx, Some(namespace)).await?)
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        Ok(store::state(tx).await?)
    }
}

fn grant_entry(on: On, (namespace, name): (&AccountName, Option<&str>), to: &Grantee, level: Option<Level>) -> Entry {
    let (place, key) = (name.unwrap_or("*"), on.state_key(namespace, name, to));
    let entry = Entry::new("grant.set").about(format!("{on}/{namespace}/{place}")).about(to);
    match level {
        Some(level) => entry.set(key, level),
        None => entry.unset(key),
    }
}

pub(crate) fn signed_in(ctx: &Ctx) -> Result<(), Error> {
    match ctx.actor {
        base::Actor::Anonymous => Err(Error::Unauthenticated),
        _ => Ok(()),
    }
}

pub(crate) async fn require_self_or_admin(tx: &mut Tx, ctx: &Ctx, name: &AccountName) -> Result<(), Error> {
    Level::require_person(&ctx.actor)?;
    match ctx.principal() {
        Some(Principal { name: own, .. }) if own == name => Ok(()),
        _ => Level::require_admin(tx, &ctx.actor).await,
    }
}

pub(crate) async fn account(tx: &mut Tx, name: &AccountName) -> Result<Account, Error> {
    store::account(tx, name).await?.ok_or_else(|| Error::NotFound { what: "account", name: name.to_string() })
}

async fn organization(tx: &mut Tx, name: &AccountName) -> Result<Account, Error> {
    match store::account(tx, name).await? {
        Some(account) if account.kind == AccountKind::Organization => Ok(account),
        _ => Err(Error::NotFound { what: "organization", name: name.to_string() }),
    }
}

pub(crate) async fn user_account(tx: &mut Tx, name: &AccountName) -> Result<Account, Error> {
    match store::account(tx, name).await? {
        Some(account) if account.kind == AccountKind::User => Ok(account),
        _ => Err(Error::NotFound { what: "user", name: name.to_string() }),
    }
}

pub(crate) async fn team(tx: &mut Tx, org: &AccountName, name: &AccountName) -> Result<Team, Error> {
    let missing = || Error::NotFound { what: "team", name: format!("{org}/{name}") };
    store::team(tx, org, name).await?.ok_or_else(missing)
}
