//! What an account proves itself with: access tokens, client bundles and their public keys.

use audit::Entry;
use base::{AccountName, Ctx, Id, Secret};
use db::Tx;

use crate::{
    AccessToken, Account, Bundle, Error, Identity, PublicKey, access_token,
    service::{account, require_self_or_admin, signed_in, team, user_account},
    store,
};

impl Identity {
    // ── access tokens ───────────────────────────────────────────────────────────────────────────────────────────────

    /// A new access token of a user: for oneself, or by an administrator. Its value is given this once.
    pub async fn create_token(
        &self,
        ctx: &Ctx,
        name: &AccountName,
        label: &str,
    ) -> Result<(AccessToken, Secret), Error> {
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
}
