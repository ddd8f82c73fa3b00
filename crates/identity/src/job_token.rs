//! What a running job is known by in the registry.

use base::{Ctx, Id, Principal};
use db::Tx;

use crate::{AccessToken, Error, Identity, access_token, store};

impl Identity {
    /// A credential for `job` that acts for `account`: its id stands in bearer tokens of the token service, and dies with
    /// [`Identity::revoke_job_tokens`]. It has no value, so nobody can sign in with it; who may have such a bearer token
    /// is for the caller to decide.
    pub async fn admit_job(
        tx: &mut Tx,
        ctx: &Ctx,
        account: &Id<Principal>,
        job: i64,
    ) -> Result<Id<AccessToken>, Error> {
        let token = AccessToken::of_job(ctx, account.clone(), job, None);
        // The hash of a value that is thrown away here.
        store::insert_token(tx, &token, &access_token::hash(&access_token::generate(ctx))).await?;
        Ok(token.id)
    }
}
