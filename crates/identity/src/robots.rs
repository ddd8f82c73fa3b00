//! Robots: programs of a user or an organization, known by a token alone.
//!
//! ```text
//!   ops+deploy ── owner ──► ops            made, rotated and deleted by owners of ops
//!       │
//!       ├── grants ── ops/shop read-write  what it may do: rows as everybody's, shown by `assay grants`
//!       └── tokens ── one in use, and for a while the one before it
//! ```
//!
//! A robot has no password and no session, is a member of nothing, and its tokens are never more than read-write
//! ([`crate::Level`]). With its owner switched off, it is off too.

use std::time::Duration;

use audit::Entry;
use base::{AccountName, Ctx, Id, Secret, Timestamp, limits};
use db::Tx;

use crate::{
    AccessToken, Account, AccountKind, Error, Grantee, Identity, Level, NewToken, Permit, access_token,
    removal::remove_account,
    scope::check_places,
    service::{account, standing},
    store,
};

/// A robot with what it may do and its tokens, the newest first.
#[derive(Clone, Debug)]
pub struct Robot {
    pub account: Account,
    pub grants: Vec<Permit>,
    pub tokens: Vec<AccessToken>,
}

/// A robot to be made.
#[derive(Clone, Debug)]
pub struct NewRobot {
    /// `OWNER+ROBOT`.
    pub name: AccountName,
    /// What it is for.
    pub description: String,
    /// What it is granted; whoever makes it owns the namespaces.
    pub grants: Vec<Permit>,
    /// Its first token's end.
    pub expires_at: Option<Timestamp>,
    pub agent: String,
}

impl Identity {
    /// Make a robot, with its first token, whose value is given this once. For owners of its namespace.
    pub async fn create_robot(&self, ctx: &Ctx, new: NewRobot) -> Result<(Robot, Secret), Error> {
        check_places(&new.grants)?;
        if new.description.len() > limits::TEXT_BYTES {
            return Err(Error::Invalid(format!("a description has at most {} bytes", limits::TEXT_BYTES)));
        }
        let made = Account {
            id: Id::new(ctx),
            name: new.name.clone(),
            kind: AccountKind::Robot,
            full_name: new.description,
            admin: false,
            active: true,
            imported: false,
            created_at: ctx.now,
        };
        let token = NewToken { expires_at: new.expires_at, agent: new.agent, ..NewToken::labelled("first") };
        let token = token.of(ctx, made.id.clone())?;
        let value = access_token::generate(ctx);
        db::write!(self.db, ctx, |tx| {
            let owner = owner_of(tx, ctx, &made.name).await?;
            if store::account(tx, &made.name).await?.is_some() {
                return Err(Error::Conflict(format!("there is a robot {} already", made.name)));
            }
            if store::count_robots(tx, &owner.id).await? >= limits::ROBOTS_OF_NAMESPACE {
                let most = limits::ROBOTS_OF_NAMESPACE;
                return Err(Error::Conflict(format!("{} has {most} robots already; delete some", owner.name)));
            }
            store::insert_account(tx, &made, None, Some(&owner.id)).await?;
            let mut entry = Entry::new("robot.created")
                .about(format!("account/{}", made.name))
                .about(format!("account/{}", owner.name))
                .detail("token", token.id.as_str())
                .detail("expires_at", token.expires_at.map(|at| at.to_string()))
                .set(format!("identity/account/{}", made.name), standing(&made));
            for permit in &new.grants {
                entry = grant(tx, ctx, &made, permit, entry).await?;
            }
            store::insert_token(tx, &token, &access_token::hash(&value)).await?;
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })?;
        Ok((Robot { account: made, grants: new.grants, tokens: vec![token] }, value))
    }

    /// The robots of a namespace; for its owners.
    pub async fn robots(&self, ctx: &Ctx, namespace: &AccountName) -> Result<Vec<Robot>, Error> {
        let mut tx = self.db.read().await?;
        Level::require_owner(&mut tx, &ctx.actor, namespace.as_str()).await?;
        let owner = account(&mut tx, namespace).await?;
        let mut robots = Vec::new();
        for account in store::robots(&mut tx, &owner.id).await? {
            robots.push(self.whole(&mut tx, account).await?);
        }
        Ok(robots)
    }

    /// One robot; for owners of its namespace.
    pub async fn robot(&self, ctx: &Ctx, name: &AccountName) -> Result<Robot, Error> {
        let mut tx = self.db.read().await?;
        owner_of(&mut tx, ctx, name).await?;
        let account = robot(&mut tx, name).await?;
        self.whole(&mut tx, account).await
    }

    /// Make a new token, and let those before it end after `grace`. Without an end of its own, the new one lives as long as
    /// the last one did.
    pub async fn rotate_robot(
        &self,
        ctx: &Ctx,
        name: &AccountName,
        expires_at: Option<Option<Timestamp>>,
        grace: Duration,
        agent: &str,
    ) -> Result<(Robot, Secret), Error> {
        if grace > limits::ROTATION_GRACE_MAX {
            let most = limits::ROTATION_GRACE_MAX.as_secs() / 3600;
            return Err(Error::Invalid(format!("the token before is good for at most {most} more hours")));
        }
        let ends = ctx.now.checked_add(grace).unwrap_or(ctx.now);
        let value = access_token::generate(ctx);
        db::write!(self.db, ctx, |tx| {
            owner_of(tx, ctx, name).await?;
            let robot = robot(tx, name).await?;
            let before = store::tokens(tx, &robot.id).await?;
            let life = before.last().and_then(|token| Some(token.expires_at?.duration_since(token.created_at)));
            let as_before = life.and_then(|life| ctx.now.checked_add(life).ok());
            let new = NewToken {
                expires_at: expires_at.unwrap_or(as_before),
                agent: agent.to_owned(),
                ..NewToken::labelled("rotated")
            };
            let token = new.of(ctx, robot.id.clone())?;
            let mut entry = Entry::new("robot.rotated")
                .about(format!("account/{name}"))
                .detail("token", token.id.as_str())
                .detail("expires_at", token.expires_at.map(|at| at.to_string()));
            let mut ending = Vec::new();
            for old in before.iter().filter(|old| old.active && old.expires_at.is_none_or(|at| at > ctx.now)) {
                let end = old.expires_at.map_or(ends, |at| at.min(ends));
                store::update_token(tx, &old.id, &old.label, !grace.is_zero(), Some(end)).await?;
                ending.push(old.id.to_string());
            }
            if !ending.is_empty() {
                entry = entry.detail("ending", ending).detail("ending_at", ends.to_string());
            }
            store::insert_token(tx, &token, &access_token::hash(&value)).await?;
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(())
        })?;
        Ok((self.robot(ctx, name).await?, value))
    }

    /// Delete a robot: its tokens are worthless at once, its grants go.
    pub async fn delete_robot(&self, ctx: &Ctx, name: &AccountName) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            owner_of(tx, ctx, name).await?;
            robot(tx, name).await?;
            remove_account(tx, ctx, "robot.deleted", name).await
        })
    }

    /// Whether whoever acts is no person: a robot, the job of a pipeline, or the program itself.
    pub async fn is_robot(tx: &mut Tx, ctx: &Ctx) -> Result<bool, Error> {
        let Some(principal) = ctx.principal() else { return Ok(matches!(ctx.actor, base::Actor::System(_))) };
        if principal.job().is_some() {
            return Ok(true);
        }
        let account = store::account_by_id(tx, &principal.account).await?;
        Ok(account.is_some_and(|account| account.kind == AccountKind::Robot))
    }

    async fn whole(&self, tx: &mut Tx, account: Account) -> Result<Robot, Error> {
        let grants = store::permits(tx, &account.id).await?;
        let mut tokens = store::tokens(tx, &account.id).await?;
        tokens.reverse();
        tokens.iter_mut().for_each(|token| self.uses.fill(token));
        Ok(Robot { account, grants, tokens })
    }
}

/// The account that a robot of this name is or would be of, if the actor owns it.
async fn owner_of(tx: &mut Tx, ctx: &Ctx, name: &AccountName) -> Result<Account, Error> {
    let missing = || Error::Invalid(format!("{name} is no robot's name; write OWNER+ROBOT"));
    let owner: AccountName = name.robot_owner().ok_or_else(missing)?.parse()?;
    Level::require_owner(tx, &ctx.actor, owner.as_str()).await?;
    account(tx, &owner).await
}

async fn robot(tx: &mut Tx, name: &AccountName) -> Result<Account, Error> {
    match store::account(tx, name).await? {
        Some(account) if account.kind == AccountKind::Robot => Ok(account),
        _ => Err(Error::NotFound { what: "robot", name: name.to_string() }),
    }
}

/// Grant the robot one place, if the actor owns its namespace, and say so in the entry.
async fn grant(tx: &mut Tx, ctx: &Ctx, robot: &Account, permit: &Permit, entry: Entry) -> Result<Entry, Error> {
    let place = &permit.place;
    Level::require_owner(tx, &ctx.actor, place.namespace.as_str()).await?;
    Identity::require_namespace(tx, place.namespace.as_str()).await?;
    let at = (&place.namespace, place.name.as_deref().unwrap_or(""));
    store::set_grant(tx, permit.on, at, (robot.id.as_str(), ""), Some(permit.level)).await?;
    let key = permit.on.state_key(&place.namespace, place.name.as_deref(), &Grantee::User(robot.name.clone()));
    Ok(entry.set(key, permit.level))
}
