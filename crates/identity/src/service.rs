//! What can be done with accounts, organizations, teams, grants, and what they are granted.

use std::collections::{BTreeMap, BTreeSet};

use audit::Entry;
use base::{AccountName, Actor, Credential, Ctx, Id, Principal, Secret, digest_hex, limits};
use db::{Db, Tx};

use crate::{
    Account, AccountChanges, AccountKind, Authority, Counted, Directory, Error, Filter, Grant, Grantee, Level, On,
    Permit, RESERVED, Team, TokenKeys, attempts::Attempts, keys::tell_switched, password, store, uses::Uses,
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
    pub(crate) uses: Uses,
    /// Who knows those that were not made here.
    pub(crate) directory: Option<Directory>,
}

/// An account to be created.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub name: AccountName,
    pub kind: AccountKind,
    pub full_name: String,
    /// Users without a password sign in with tokens only.
    pub password: Option<Secret>,
    pub admin: bool,
}

impl Identity {
    pub fn new(db: Db, keys: TokenKeys, authority: Authority, engine: Option<String>) -> Identity {
        Identity { db, keys, authority, engine, attempts: Attempts::new(), uses: Uses::default(), directory: None }
    }

    /// With a directory that knows more people.
    #[must_use]
    pub fn with_directory(mut self, directory: Directory) -> Identity {
        self.directory = Some(directory);
        self
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
        if new.kind == AccountKind::Robot || new.name.robot_owner().is_some() {
            let why = "the name OWNER+ROBOT is a robot's; an owner makes one with `assay robot create`";
            return Err(Error::Invalid(why.to_owned()));
        }
        let hash = match (&new.password, new.kind) {
            (Some(_), AccountKind::Organization | AccountKind::Robot) => {
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
            imported: false,
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
            store::insert_account(tx, &account, hash.as_ref(), None).await?;
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

    /// The name of the account with this id, if there is one.
    pub async fn name_of(&self, id: &str) -> Result<Option<AccountName>, Error> {
        let Ok(id) = id.parse() else { return Ok(None) };
        Ok(store::account_by_id(&mut self.db.read().await?, &id).await?.map(|account| account.name))
    }

    /// What those of these names are that are accounts: of namespaces of repositories that somebody may see.
    pub async fn kinds(&self, names: &BTreeSet<&str>) -> Result<BTreeMap<String, AccountKind>, Error> {
        Ok(store::kinds(&mut self.db.read().await?, names).await?)
    }

    /// Refuse what would be in a namespace that nobody is: a namespace is an account, and a right to one (an administrator
    /// has it everywhere) makes none.
    pub async fn require_namespace(tx: &mut Tx, namespace: &str) -> Result<(), Error> {
        let missing = || Error::NotFound { what: "account", name: namespace.to_owned() };
        let name: AccountName = namespace.parse().map_err(|_| missing())?;
        match account(tx, &name).await?.kind {
            AccountKind::Robot => Err(missing()),
            AccountKind::User | AccountKind::Organization => Ok(()),
        }
    }

    /// What the account is that a namespace belongs to; none where it is nobody's.
    pub async fn kind_of(tx: &mut Tx, namespace: &str) -> Result<Option<AccountKind>, db::Error> {
        Ok(store::kinds(tx, &BTreeSet::from([namespace])).await?.remove(namespace))
    }

    /// Refuse a name that is no account's.
    pub async fn require_account(&self, name: &AccountName) -> Result<(), Error> {
        account(&mut self.db.read().await?, name).await.map(drop)
    }

    /// The name of the account with this id, as eNZi takes either; what is no account's id is a name.
    pub async fn named(&self, text: &str) -> Result<AccountName, Error> {
        if let Ok(id) = text.parse()
            && let Some(account) = store::account_by_id(&mut self.db.read().await?, &id).await?
        {
            return Ok(account.name);
        }
        text.parse().map_err(|error| Error::Invalid(format!("{error}")))
    }

    /// The same of a team of an organization.
    pub async fn team_named(&self, org: &AccountName, text: &str) -> Result<AccountName, Error> {
        if text.parse::<Id<Team>>().is_ok() {
            let teams = store::teams(&mut self.db.read().await?, org).await?;
            if let Some(team) = teams.into_iter().find(|team| team.id.as_str() == text) {
                return Ok(team.name);
            }
        }
        text.parse().map_err(|error| Error::Invalid(format!("{error}")))
    }

    /// How many users and how many organizations there are.
    pub async fn count_accounts(&self, ctx: &Ctx) -> Result<(u64, u64), Error> {
        signed_in(ctx)?;
        Ok(store::count_kinds(&mut self.db.read().await?).await?)
    }

    /// An account with how many members and teams it has.
    pub async fn counted(&self, ctx: &Ctx, name: &AccountName) -> Result<Counted, Error> {
        signed_in(ctx)?;
        let found = store::counted(&mut self.db.read().await?, name).await?;
        found.ok_or_else(|| Error::NotFound { what: "account", name: name.to_string() })
    }

    /// Accounts in order of name, after `after`.
    pub async fn accounts(&self, ctx: &Ctx, filter: Filter, after: &str, limit: usize) -> Result<Vec<Counted>, Error> {
        signed_in(ctx)?;
        let limit = i64::try_from(limit.min(limits::PAGE_MAX)).expect("a page is small");
        Ok(store::accounts(&mut self.db.read().await?, filter, after, limit).await?)
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
            if account.kind != AccountKind::User || account.imported {
                let why = match account.kind {
                    AccountKind::User => "the password is the directory's or identity provider's; change it there",
                    AccountKind::Organization => "an organization has no password; its owners sign in",
                    AccountKind::Robot => "a robot has no password; rotate its token",
                };
                return Err(Error::Invalid(why.to_owned()));
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
        let changes = AccountChanges { active: Some(active), ..AccountChanges::default() };
        self.update_account(ctx, name, changes).await
    }

    /// Change an account: administrators anything, everybody their own full name, owners that of their organization. The
    /// last administrator stays one.
    pub async fn update_account(&self, ctx: &Ctx, name: &AccountName, changes: AccountChanges) -> Result<(), Error> {
        if changes.full_name.as_ref().is_some_and(|text| text.len() > limits::TEXT_BYTES) {
            return Err(Error::Invalid(format!("a full name has at most {} bytes", limits::TEXT_BYTES)));
        }
        db::write!(self.db, ctx, |tx| {
            if changes.admin.is_some() || changes.active.is_some() {
                Level::require_admin(tx, &ctx.actor).await?;
            } else {
                Level::require_owner(tx, &ctx.actor, name.robot_owner().unwrap_or(name.as_str())).await?;
            }
            let before = account(tx, name).await?;
            let mut after = before.clone();
            after.full_name = changes.full_name.clone().unwrap_or(after.full_name);
            after.active = changes.active.unwrap_or(after.active);
            after.admin = changes.admin.unwrap_or(after.admin);
            if after.admin && after.kind != AccountKind::User {
                return Err(Error::Invalid(format!("{name} is no user; only users are administrators")));
            }
            store::update_account(tx, &after).await?;
            if changes.active.is_some() {
                // From now on it is this decision that counts, and not what a directory knows.
                store::set_gone(tx, &after.id, false).await?;
            }
            refuse_no_admin(tx, &before).await?;
            let kind = match (before.active, after.active) {
                (true, false) => "account.deactivated",
                (false, true) => "account.activated",
                _ => "account.updated",
            };
            let entry = Entry::new(kind)
                .about(format!("account/{name}"))
                .set(format!("identity/account/{name}"), standing(&after));
            let entry = audit::append(tx, ctx, entry).await?;
            if before.active != after.active {
                tell_switched(tx, ctx, &after, entry).await?;
            }
            Ok(())
        })
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
            Identity::require_namespace(tx, namespace.as_str()).await?;
            let (user, team_id) = match grantee {
                Grantee::User(name) => (grantee_account(tx, name).await?.id.to_string(), String::new()),
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

    /// The level that a user or robot has from membership and grants; for itself and for owners of the namespace.
    pub async fn level_of(
        &self,
        ctx: &Ctx,
        user: &AccountName,
        on: On,
        (namespace, name): (&AccountName, &str),
    ) -> Result<(Account, Option<Level>), Error> {
        let mut tx = self.db.read().await?;
        if ctx.principal().is_none_or(|principal| principal.name != *user || principal.is_limited()) {
            Level::require_owner(&mut tx, &ctx.actor, namespace.as_str()).await?;
        }
        let account = grantee_account(&mut tx, user).await?;
        let (id, own) = (account.id.clone(), account.name.clone());
        let as_it = Principal { account: id, name: own, credential: Credential::Password };
        let level = Level::of(&mut tx, &Actor::Account(as_it), on, namespace.as_str(), name).await?;
        let most = if account.kind == AccountKind::Robot { Level::ReadWrite } else { Level::Admin };
        Ok((account, level.map(|level| level.min(most))))
    }

    /// A team and what it was granted; for its members and the organization's owners.
    pub async fn team_grants(
        &self,
        ctx: &Ctx,
        org: &AccountName,
        name: &AccountName,
    ) -> Result<(Team, Vec<Permit>), Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let team = team(&mut tx, org, name).await?;
        let member = match ctx.principal().filter(|principal| !principal.is_limited()) {
            Some(principal) => store::team_membership(&mut tx, &team.id, &principal.account).await?.is_some(),
            None => false,
        };
        if !member {
            Level::require_owner(&mut tx, &ctx.actor, org.as_str()).await?;
        }
        let permits = store::permits_of_team(&mut tx, &team.id).await?;
        Ok((team, permits))
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        Ok(store::state(tx).await?)
    }
}

pub(crate) fn grant_entry(
    on: On,
    (namespace, name): (&AccountName, Option<&str>),
    to: &Grantee,
    level: Option<Level>,
) -> Entry {
    let (place, key) = (name.unwrap_or("*"), on.state_key(namespace, name, to));
    let entry = Entry::new("grant.set").about(format!("{on}/{namespace}/{place}")).about(to);
    match level {
        Some(level) => entry.set(key, level),
        None => entry.unset(key),
    }
}

pub(crate) fn signed_in(ctx: &Ctx) -> Result<(), Error> {
    match ctx.actor {
        Actor::Anonymous => Err(Error::Unauthenticated),
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

pub(crate) async fn organization(tx: &mut Tx, name: &AccountName) -> Result<Account, Error> {
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

/// Who can be granted something by name.
async fn grantee_account(tx: &mut Tx, name: &AccountName) -> Result<Account, Error> {
    match store::account(tx, name).await? {
        Some(account) if account.kind != AccountKind::Organization => Ok(account),
        _ => Err(Error::NotFound { what: "user", name: name.to_string() }),
    }
}

/// Refuse what would leave nobody who can put it right: after a change of an account that was this before.
pub(crate) async fn refuse_no_admin(tx: &mut Tx, before: &Account) -> Result<(), Error> {
    if !(before.admin && before.active) {
        return Ok(());
    }
    match store::count_admins(tx).await? {
        0 => Err(Error::Conflict("this would leave no active administrator; make somebody else one first".to_owned())),
        _ => Ok(()),
    }
}

/// How the log writes an account's standing.
pub(crate) fn standing(account: &Account) -> String {
    store::account_state(&account.kind.to_string(), account.admin, account.active)
}

pub(crate) async fn team(tx: &mut Tx, org: &AccountName, name: &AccountName) -> Result<Team, Error> {
    let missing = || Error::NotFound { what: "team", name: format!("{org}/{name}") };
    store::team(tx, org, name).await?.ok_or_else(missing)
}
