//! The access tokens of accounts, and those that jobs get of them.

use audit::Entry;
use base::{AccountName, Ctx, Id, Secret, Timestamp};
use db::Tx;

use crate::{
    AccessToken, Account, Error, Identity, Level, NewToken, access_token,
    service::{account, require_self_or_admin, user_account},
    store,
};

/// Tokens whose end fits into one audit entry.
const TOKENS_PER_ENTRY: usize = 100;

impl Identity {
    /// A new access token of a user: for oneself, or by an administrator. Its value is given this once.
    pub async fn create_token(
        &self,
        ctx: &Ctx,
        name: &AccountName,
        new: NewToken,
    ) -> Result<(AccessToken, Secret), Error> {
        let value = access_token::generate(ctx);
        let token = db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let token = new.clone().of(ctx, user_account(tx, name).await?.id)?;
            store::insert_token(tx, &token, &access_token::hash(&value)).await?;
            let entry = Entry::new("token.created")
                .about(format!("account/{name}"))
                .detail("token", token.id.as_str())
                .detail("expires_at", token.expires_at.map(|at| at.to_string()))
                .detail("scope", token.scope.as_ref());
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(token)
        })?;
        Ok((token, value))
    }

    pub async fn tokens(&self, ctx: &Ctx, name: &AccountName) -> Result<Vec<AccessToken>, Error> {
        let mut tx = self.db.read().await?;
        require_self_or_admin(&mut tx, ctx, name).await?;
        let account = account(&mut tx, name).await?;
        let mut tokens = store::tokens(&mut tx, &account.id).await?;
        tokens.iter_mut().for_each(|token| self.uses.fill(token));
        Ok(tokens)
    }

    /// One token, and whose it is: one's own, or anybody's for an administrator.
    pub async fn token(&self, ctx: &Ctx, id: &Id<AccessToken>) -> Result<(AccessToken, AccountName), Error> {
        let mut tx = self.db.read().await?;
        let (mut token, account) = token_of(&mut tx, ctx, id).await?;
        self.uses.fill(&mut token);
        Ok((token, account.name))
    }

    /// Rename a token, or switch it off or on. With it go the tokens of jobs that were derived from it.
    pub async fn update_token(
        &self,
        ctx: &Ctx,
        id: &Id<AccessToken>,
        label: Option<&str>,
        active: Option<bool>,
    ) -> Result<AccessToken, Error> {
        db::write!(self.db, ctx, |tx| {
            let (mut token, account) = token_of(tx, ctx, id).await?;
            token.label = label.map_or(token.label, |label| label.chars().take(200).collect());
            token.active = active.unwrap_or(token.active);
            store::update_token(tx, id, &token.label, token.active, token.expires_at).await?;
            let entry = Entry::new("token.updated")
                .about(format!("account/{}", account.name))
                .detail("token", id.as_str())
                .detail("active", token.active);
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(token)
        })
    }

    /// Make a token worthless, at once, with every job's token derived from it.
    pub async fn revoke_token(&self, ctx: &Ctx, id: &Id<AccessToken>) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let (_, account) = token_of(tx, ctx, id).await?;
            if !store::deactivate_token(tx, &account.id, id).await? {
                return Err(Error::NotFound { what: "active token", name: id.to_string() });
            }
            let entry =
                Entry::new("token.revoked").about(format!("account/{}", account.name)).detail("token", id.as_str());
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Make all tokens of an account worthless that were not used since `before`; with `automatic` only those that programs
    /// made for their own sign-in. Gives how many.
    pub async fn revoke_tokens(
        &self,
        ctx: &Ctx,
        name: &AccountName,
        before: Option<Timestamp>,
        automatic: bool,
    ) -> Result<usize, Error> {
        let tokens = self.tokens(ctx, name).await?;
        let unused = |token: &AccessToken| {
            let last = token.last_used_at.unwrap_or(token.created_at);
            token.active && (!automatic || token.automatic) && before.is_none_or(|before| last < before)
        };
        let ids: Vec<Id<AccessToken>> = tokens.into_iter().filter(unused).map(|token| token.id).collect();
        db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let account = account(tx, name).await?;
            let mut revoked = Vec::new();
            for id in &ids {
                if store::deactivate_token(tx, &account.id, id).await? {
                    revoked.push(id.as_str());
                }
            }
            for some in revoked.chunks(TOKENS_PER_ENTRY) {
                let entry = Entry::new("token.revoked").about(format!("account/{name}")).detail("tokens", some);
                audit::append(tx, ctx, entry).await?;
            }
            Ok::<_, Error>(revoked.len())
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
        if parent.require_valid(ctx.now).is_err() {
            return Ok(None);
        }
        let token = AccessToken::of_job(ctx, parent.account, job, Some(parent.parent.unwrap_or(parent.id)));
        store::insert_token(tx, &token, &access_token::hash(&child)).await?;
        Ok(Some(child))
    }

    /// Make all tokens of a job worthless. Part of the transaction in which the job ends.
    pub async fn revoke_job_tokens(tx: &mut Tx, job: i64) -> Result<(), Error> {
        store::deactivate_job_tokens(tx, job).await?;
        Ok(())
    }
}

/// A token and its account, for that account and for administrators; a token of somebody else is none.
async fn token_of(tx: &mut Tx, ctx: &Ctx, id: &Id<AccessToken>) -> Result<(AccessToken, Account), Error> {
    Level::require_person(&ctx.actor)?;
    let missing = || Error::NotFound { what: "active token", name: id.to_string() };
    let own = ctx.principal().map(|principal| principal.account.clone());
    let Some(token) = store::token(tx, id).await? else { return Err(missing()) };
    if own.as_ref() != Some(&token.account) && !Level::is_admin(tx, &ctx.actor).await? {
        return Err(missing());
    }
    let account = store::account_by_id(tx, &token.account).await?.ok_or_else(missing)?;
    Ok((token, account))
}
