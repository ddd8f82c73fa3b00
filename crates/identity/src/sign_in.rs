//! Proving who one is: passwords, tokens, sessions, bearer tokens of the token service.

use std::{sync::Arc, time::Duration};

use audit::Entry;
use base::{AccountName, Actor, Credential, Ctx, Principal, Secret, digest_hex};

use crate::{Access, Account, Claims, Error, Identity, Level, access_token, password, store};

/// How long a browser stays signed in without a word from its person.
const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);

impl Identity {
    /// Who has this name and this password or access token. A token must be the named account's own. After too many wrong
    /// passwords even the right one has to wait.
    pub async fn authenticate(&self, ctx: &Ctx, name: &str, secret: &Secret) -> Result<Actor, Error> {
        let Ok(name) = name.parse::<AccountName>() else { return Err(Error::Unauthenticated) };
        if access_token::looks_like_one(secret.expose()) {
            let principal = self.authenticate_token(secret).await?;
            return if principal.name == name { Ok(Actor::Account(principal)) } else { Err(Error::Unauthenticated) };
        }
        self.attempts.check(ctx, &name)?;
        let stored = store::password(&mut self.db.read().await?, &name).await?;
        let right = password::verify(secret.clone(), stored).await?;
        self.attempts.check(ctx, &name)?;
        if !right {
            if self.attempts.wrong(ctx, &name) {
                self.tell_of_guessing(ctx, &name).await?;
            }
            return Err(Error::Unauthenticated);
        }
        let account = store::account(&mut self.db.read().await?, &name).await?;
        let account = account.filter(|account| account.active).ok_or(Error::Unauthenticated)?;
        Ok(Actor::Account(principal(account, Credential::Password)))
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
    pub async fn authenticate_token(&self, secret: &Secret) -> Result<Principal, Error> {
        let mut tx = self.db.read().await?;
        let token = store::token_by_hash(&mut tx, &access_token::hash(secret)).await?.ok_or(Error::Unauthenticated)?;
        let account = store::account_by_id(&mut tx, &token.account).await?;
        let account = account.filter(|account| account.active).ok_or(Error::Unauthenticated)?;
        Ok(principal(account, store::credential_of(&token)))
    }

    /// Who a bearer token of the token service speaks for, with what it may be used for. The account and the access token
    /// behind it are looked at again: a revoked one ends at once, not when the bearer token expires.
    pub async fn authenticate_bearer(&self, ctx: &Ctx, token: &str) -> Result<(Actor, Arc<Claims>), Error> {
        let claims = self.keys.open(token, ctx.now)?;
        let Some(principal) = claims.principal()? else { return Ok((Actor::Anonymous, claims)) };
        let mut tx = self.db.read().await?;
        let account = store::account_by_id(&mut tx, &principal.account).await?;
        if !account.is_some_and(|account| account.active && account.name == principal.name) {
            return Err(Error::Unauthenticated);
        }
        let token = match &principal.credential {
            Credential::Token(id) | Credential::JobToken { token: id, .. } => Some(id),
            _ => None,
        };
        if let Some(id) = token
            && !store::token_is_active(&mut tx, id).await?
        {
            return Err(Error::Unauthenticated);
        }
        Ok((Actor::Account(principal), claims))
    }

    /// A bearer token for the context's actor.
    pub fn issue_bearer(&self, ctx: &Ctx, access: Vec<Access>) -> Result<String, Error> {
        self.keys.issue(ctx, access)
    }

    /// Sign in with a password or an access token: the value of a session cookie. Not with a job's token, which the session
    /// would outlive.
    pub async fn open_session(&self, ctx: &Ctx, name: &str, secret: &Secret) -> Result<Secret, Error> {
        let actor = self.authenticate(ctx, name, secret).await?;
        Level::require_person(&actor)?;
        let Actor::Account(principal) = actor else { return Err(Error::Unauthenticated) };
        let value = Secret::new(ctx.entropy.token(40));
        let hash = digest_hex(value.expose().as_bytes());
        let expires_at = ctx.now.checked_add(SESSION_LIFETIME).unwrap_or(ctx.now);
        db::write!(self.db, ctx, |tx| {
            store::insert_session(tx, &hash, &principal.account, expires_at).await?;
            let entry = Entry::new("session.opened").about(format!("account/{}", principal.name));
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
