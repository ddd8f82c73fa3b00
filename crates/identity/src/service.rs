//! What can be done with accounts, organizations, teams, grants, tokens and bundles.

use audit::Entry;
use base::{AccountName, Ctx, Id, Principal, Secret, digest_hex, limits};
use db::{Db, Tx};

use crate::{
    AccessToken, Account, AccountKind, Authority, Bundle, Error, Grant, Grantee, Level, Member, PublicKey, Team,
    TokenKeys, access_token, password, store,
};

/// The accounts of one installation.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) db: Db,
    pub(crate) keys: TokenKeys,
    authority: Authority,
    /// The production engine that client bundles point at.
    engine: Option<String>,
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
        Identity { db, keys, authority, engine }
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

    /// Accounts in order of name, after `after`.
    pub async fn accounts(&self, ctx: &Ctx, after: &str, limit: usize) -> Result<Vec<Account>, Error> {
        signed_in(ctx)?;
        let limit = i64::try_from(limit.min(limits::PAGE_MAX)).expect("a page is small");
        Ok(store::accounts(&mut self.db.read().await?, after, limit).await?)
    }

    /// Change a user's password: oneself, or an administrator.
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

    /// Grant a level in a namespace or one repository of it, or take the grant away (`None`).
    pub async fn set_grant(
        &self,
        ctx: &Ctx,
        namespace: &AccountName,
        repository: Option<&str>,
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
            store::set_grant(tx, namespace, repository.unwrap_or(""), (&user, &team_id), level).await?;
            let place = repository.unwrap_or("*");
            let key = format!("identity/grant/{namespace}/{place}/{grantee}");
            let entry = Entry::new("grant.set").about(format!("repository/{namespace}/{place}")).about(grantee);
            let entry = match level {
                Some(level) => entry.set(key, level),
                None => entry.unset(key),
            };
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// The grants of a namespace; for its owners.
    pub async fn grants(&self, ctx: &Ctx, namespace: &AccountName) -> Result<Vec<Grant>, Error> {
        let mut tx = self.db.read().await?;
        Level::require_owner(&mut tx, &ctx.actor, namespace.as_str()).await?;
        Ok(store::grants(&mut tx, Some(namespace)).await?)
    }

    // ── access tokens ───────────────────────────────────────────────────────────────────────────────────────────────

    /// A new access token of a user: for oneself, or by an administrator. Its value is given this once.
    pub async fn create_token(
        &self,
        ctx: &Ctx,
        name: &AccountName,
        label: &str,
    ) -> Result<(AccessToken, Secret), Error> {
        if ctx.job().is_some() {
            return Err(Error::Denied("a job's token cannot make tokens".to_owned()));
        }
        let value = access_token::generate(ctx);
        let label: String = label.chars().take(200).collect();
        let token = db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let account = user_account(tx, name).await?.id;
            let token = AccessToken {
                id: Id::new(ctx),
                account,
                label: label.clone(),
                active: true,
                created_at: ctx.now,
                parent: None,
                job: None,
            };
            store::insert_token(tx, &token, &access_token::hash(&value)).await?;
            let entry = Entry::new("token.created").about(format!("account/{name}")).detail("token", token.id.as_str());
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(token)
        })?;
        Ok((token, value))
    }

    pub async fn tokens(&self, ctx: &Ctx, name: &AccountName) -> Result<Vec<AccessToken>, Error> {
        let mut tx = self.db.read().await?;
        require_self_or_admin(&mut tx, ctx, name).await?;
        let account = account(&mut tx, name).await?;
        Ok(store::tokens(&mut tx, &account.id).await?)
    }

    /// Make a token worthless, at once, with every job's token derived from it.
    pub async fn revoke_token(&self, ctx: &Ctx, name: &AccountName, id: &Id<AccessToken>) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let account = account(tx, name).await?;
            if !store::deactivate_token(tx, &account.id, id).await? {
                return Err(Error::NotFound { what: "active token", name: id.to_string() });
            }
            let entry = Entry::new("token.revoked").about(format!("account/{name}")).detail("token", id.as_str());
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// When `value` is an access token: a child of it that is bound to `job`, so that what the job does is known to be
    /// the job's. Any other value gives `None`. The child dies with [`Identity::revoke_job_tokens`] or its parent.
    pub async fn derive_job_token(tx: &mut Tx, ctx: &Ctx, value: &str, job: i64) -> Result<Option<Secret>, Error> {
        if !access_token::looks_like_one(value) {
            return Ok(None);
        }
        let hash = access_token::hash(&Secret::new(value.to_owned()));
        let Some(parent) = store::token_by_hash(tx, &hash).await? else { return Ok(None) };
        let child = access_token::generate(ctx);
        let token = AccessToken {
            id: Id::new(ctx),
            account: parent.account,
            label: format!("job {job}"),
            active: true,
            created_at: ctx.now,
            parent: Some(parent.parent.unwrap_or(parent.id)),
            job: Some(job),
        };
        store::insert_token(tx, &token, &access_token::hash(&child)).await?;
        Ok(Some(child))
    }

    /// Make all tokens of a job worthless. Part of the transaction in which the job ends.
    pub async fn revoke_job_tokens(tx: &mut Tx, job: i64) -> Result<(), Error> {
        store::deactivate_job_tokens(tx, job).await?;
        Ok(())
    }

    // ── bundles and keys ────────────────────────────────────────────────────────────────────────────────────────────

    /// A new client bundle for a user: for oneself, or by an administrator. Each has a new key pair.
    pub async fn create_bundle(&self, ctx: &Ctx, name: &AccountName, label: &str) -> Result<Bundle, Error> {
        if ctx.job().is_some() {
            return Err(Error::Denied("a job's token cannot make client bundles".to_owned()));
        }
        let certified = self.authority.client(name.as_str(), ctx.now)?;
        db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let key = PublicKey {
                id: certified.key_id.clone(),
                account: user_account(tx, name).await?.id,
                label: label.chars().take(200).collect(),
                public_key_pem: certified.public_key_pem.clone(),
                certificate_pem: Some(certified.certificate_pem.clone()),
                created_at: ctx.now,
                revoked_at: None,
            };
            store::insert_key(tx, &key).await?;
            let entry = Entry::new("key.created")
                .about(format!("account/{name}"))
                .about(format!("key/{}", key.id))
                .set(format!("identity/key/{}", key.id), name);
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(())
        })?;
        Ok(Bundle::new(&self.authority, certified, self.engine.clone()))
    }

    /// The public keys of a user. Public, to those who signed in.
    pub async fn keys(&self, ctx: &Ctx, name: &AccountName) -> Result<Vec<PublicKey>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let account = account(&mut tx, name).await?;
        Ok(store::keys(&mut tx, Some(&account.id)).await?)
    }

    /// Whose key each public key is, with the organization teams of its owner: the table that ties a signature to people.
    /// Only active accounts and keys that were not revoked.
    pub async fn signers(tx: &mut Tx) -> Result<Vec<(PublicKey, Account)>, Error> {
        let mut signers = Vec::new();
        for key in store::keys(tx, None).await?.into_iter().filter(|key| key.revoked_at.is_none()) {
            if let Some(account) = store::account_by_id(tx, &key.account).await?.filter(|account| account.active) {
                signers.push((key, account));
            }
        }
        Ok(signers)
    }

    /// The active members of a team, for decisions of the program itself.
    pub async fn team_accounts(tx: &mut Tx, org: &AccountName, name: &AccountName) -> Result<Vec<Account>, Error> {
        let team = team(tx, org, name).await?;
        Ok(store::team_members(tx, &team.id).await?.into_iter().filter(|account| account.active).collect())
    }

    /// Say that a key no longer speaks for its account.
    pub async fn revoke_key(&self, ctx: &Ctx, name: &AccountName, id: &str) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let account = account(tx, name).await?;
            if !store::revoke_key(tx, &account.id, id, ctx.now).await? {
                return Err(Error::NotFound { what: "valid key", name: id.to_owned() });
            }
            let entry = Entry::new("key.revoked")
                .about(format!("account/{name}"))
                .about(format!("key/{id}"))
                .set(format!("identity/key/{id}"), format!("{name} revoked"));
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        Ok(store::state(tx).await?)
    }
}

fn signed_in(ctx: &Ctx) -> Result<(), Error> {
    match ctx.actor {
        base::Actor::Anonymous => Err(Error::Unauthenticated),
        _ => Ok(()),
    }
}

async fn require_self_or_admin(tx: &mut Tx, ctx: &Ctx, name: &AccountName) -> Result<(), Error> {
    match ctx.principal() {
        Some(Principal { name: own, .. }) if own == name => Ok(()),
        _ => Level::require_admin(tx, &ctx.actor).await,
    }
}

async fn account(tx: &mut Tx, name: &AccountName) -> Result<Account, Error> {
    store::account(tx, name).await?.ok_or_else(|| Error::NotFound { what: "account", name: name.to_string() })
}

async fn organization(tx: &mut Tx, name: &AccountName) -> Result<Account, Error> {
    match store::account(tx, name).await? {
        Some(account) if account.kind == AccountKind::Organization => Ok(account),
        _ => Err(Error::NotFound { what: "organization", name: name.to_string() }),
    }
}

async fn user_account(tx: &mut Tx, name: &AccountName) -> Result<Account, Error> {
    match store::account(tx, name).await? {
        Some(account) if account.kind == AccountKind::User => Ok(account),
        _ => Err(Error::NotFound { what: "user", name: name.to_string() }),
    }
}

async fn team(tx: &mut Tx, org: &AccountName, name: &AccountName) -> Result<Team, Error> {
    let missing = || Error::NotFound { what: "team", name: format!("{org}/{name}") };
    store::team(tx, org, name).await?.ok_or_else(missing)
}
