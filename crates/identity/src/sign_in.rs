//! Proving who one is: passwords, tokens, sessions, bearer tokens of the token service.

use std::{sync::Arc, time::Duration};

use audit::Entry;
use base::{AccountName, Actor, Credential, Ctx, Id, Principal, Secret, digest_hex};

use crate::{
    Access, Account, Claims, Error, Identity, Level, access_token, password, registry_token::LIFETIME_SECONDS, store,
};

/// How long a browser stays signed in without a word from its person.
const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);

impl Identity {
    /// Who has this name and this password or access token. A token must be the named account's own. After too many wrong
    /// passwords even the right one has to wait.
    pub async fn authenticate(&self, ctx: &Ctx, name: &str, secret: &Secret) -> Result<Actor, Error> {
        let Ok(name) = name.parse::<AccountName>() else { return Err(Error::Unauthenticated) };
        if access_token::looks_like_one(secret.expose()) {
            let principal = self.authenticate_token(ctx, secret).await?;
            return if principal.name == name { Ok(Actor::Account(principal)) } else { Err(Error::Unauthenticated) };
        }
        self.attempts.check(ctx, &name)?;
        let stored = store::password(&mut self.db.read().await?, &name).await?;
        let right = password::verify(secret.clone(), stored).await?;
        self.attempts.check(ctx, &name)?;
        let account = store::account(&mut self.db.read().await?, &name).await?;
        let account = match (right, &self.directory) {
            (true, _) => account,
            // An account that was made here is nobody's in the directory.
            (false, Some(directory)) if account.as_ref().is_none_or(|account| account.imported) => {
                self.of_directory(ctx, directory, &name, secret).await?
            }
            (false, _) => None,
        };
        match account.filter(|account| account.active) {
            Some(account) => Ok(Actor::Account(principal(account, Credential::Password))),
            None => {
                if self.attempts.wrong(ctx, &name) {
                    self.tell_of_guessing(ctx, &name).await?;
                }
                Err(Error::Unauthenticated)
            }
        }
    }

    /// That somebody guesses is worth an entry; one for each time it begins, because what goes on tells nothing new.
    async fn tell_of_guessing(&self, ctx: &Ctx, name: &AccountName) -> Result<(), Error> {
        let entry = Entry::new("sign_in.limited")
            .about(format!("account/{name}"))
            .detail("address", ctx.remote.map(|address| address.to_string()));
        db::write!(self.db, ctx, |tx| {
            audit::append(tx, ctx, entry.clone()).await?;
            Ok(())
        })
    }

    /// Whose access token this is.
    pub async fn authenticate_token(&self, ctx: &Ctx, secret: &Secret) -> Result<Principal, Error> {
        let mut tx = self.db.read().await?;
        let token = store::token_by_hash(&mut tx, &access_token::hash(secret)).await?.ok_or(Error::Unauthenticated)?;
        let account = store::account_by_id(&mut tx, &token.account).await?;
        let account = account.filter(|account| account.active).ok_or(Error::Unauthenticated)?;
        token.require_valid(ctx.now)?;
        self.uses.note(token.parent.as_ref().unwrap_or(&token.id).as_str(), ctx.now);
        let credential = store::credential_of(&token, &account);
        Ok(principal(account, credential))
    }

    /// Who a bearer token of the token service speaks for, with what it may be used for. The account and the access token
    /// behind it are looked at again: a revoked one ends at once, not when the bearer token expires.
    pub async fn authenticate_bearer(&self, ctx: &Ctx, token: &str) -> Result<(Actor, Arc<Claims>), Error> {
        let claims = self.keys.open(token, ctx.now)?;
        let Some(claimed) = claims.principal()? else { return Ok((Actor::Anonymous, claims)) };
        let mut tx = self.db.read().await?;
        let account = store::account_by_id(&mut tx, &claimed.account).await?;
        let account = account.filter(|account| account.active && account.name == claimed.name);
        let account = account.ok_or(Error::Unauthenticated)?;
        let credential = match claimed.token() {
            None => claimed.credential,
            Some(id) => {
                let token = store::active_token(&mut tx, id).await?.ok_or(Error::Unauthenticated)?;
                token.require_valid(ctx.now)?;
                self.uses.note(token.parent.as_ref().unwrap_or(&token.id).as_str(), ctx.now);
                store::credential_of(&token, &account)
            }
        };
        Ok((Actor::Account(principal(account, credential)), claims))
    }

    /// A bearer token for the context's actor, and how many seconds it is good for: never longer than the access token that
    /// it is given for.
    pub async fn issue_bearer(&self, ctx: &Ctx, access: Vec<Access>) -> Result<(String, i64), Error> {
        let mut seconds = LIFETIME_SECONDS;
        if let Some(id) = ctx.principal().and_then(Principal::token) {
            let token = store::active_token(&mut self.db.read().await?, id).await?;
            if let Some(at) = token.and_then(|token| token.expires_at) {
                seconds = seconds.min(at.as_second() - ctx.now.as_second()).max(1);
            }
        }
        Ok((self.keys.issue(ctx, access, seconds)?, seconds))
    }

    /// Sign in with a password or an access token: the value of a session cookie. Not with the token of a job or robot, or one
    /// with a scope: the session would outlive and exceed it.
    pub async fn open_session(&self, ctx: &Ctx, name: &str, secret: &Secret) -> Result<Secret, Error> {
        let actor = self.authenticate(ctx, name, secret).await?;
        Level::require_person(&actor)?;
        let Actor::Account(principal) = actor else { return Err(Error::Unauthenticated) };
        self.insert_session(ctx, &principal.account, &principal.name, None).await
    }

    /// A session for an account that proved itself elsewhere, at `provider`.
    pub(crate) async fn begin_session(
        &self,
        ctx: &Ctx,
        account: &Account,
        provider: Option<&str>,
    ) -> Result<Secret, Error> {
        self.insert_session(ctx, &account.id, &account.name, provider).await
    }

    async fn insert_session(
        &self,
        ctx: &Ctx,
        account: &Id<Principal>,
        name: &AccountName,
        provider: Option<&str>,
    ) -> Result<Secret, Error> {
        let value = Secret::new(ctx.entropy.token(40));
        let hash = digest_hex(value.expose().as_bytes());
        let expires_at = ctx.now.checked_add(SESSION_LIFETIME).unwrap_or(ctx.now);
        db::write!(self.db, ctx, |tx| {
            store::insert_session(tx, &hash, account, expires_at).await?;
            let entry = Entry::new("session.opened").about(format!("account/{name}")).detail("provider", provider);
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(())
        })?;
        Ok(value)
    }

    /// Whose session this is.
    pub async fn session(&self, ctx: &Ctx, value: &Secret) -> Result<Actor, Error> {
        let hash = digest_hex(value.expose().as_bytes());
        let account =
            store::session(&mut self.db.read().await?, &hash, ctx.now).await?.ok_or(Error::Unauthenticated)?;
        Ok(Actor::Account(principal(account, Credential::Session)))
    }

    /// Sign out.
    pub async fn close_session(&self, ctx: &Ctx, value: &Secret) -> Result<(), Error> {
        let hash = digest_hex(value.expose().as_bytes());
        db::write!(self.db, ctx, |tx| Ok(store::delete_session(tx, &hash, ctx.now).await?))
    }
}

fn principal(account: Account, credential: Credential) -> Principal {
    Principal { account: account.id, name: account.name, credential }
}
