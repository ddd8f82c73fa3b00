//! Statements after another key: signed again, so that whoever trusts the present key alone can verify them all.
//!
//! What was signed is not taken from the bundle: a row that was altered would be signed as it is. It is written anew from the decision, which
//! the audit log guards, and from its policy, which has the decision's digest.

use audit::Entry;
use base::{Actor, Ctx, digest_hex};
use db::Tx;
use jobs::{Failure, NewJob};
use policy::PolicyForm;

use crate::{DecisionRecord, Effect, Error, Promote, attest::ATTEST_JOB, promotion_policy::understood, store};

/// Runs when the process starts with another key, and until all is signed with it.
pub(crate) const RENEW_JOB: &str = "promote.renew";

/// Statements that are signed in one transaction, and named in its entry.
const BATCH: i64 = 100;

impl Promote {
    /// Have signed again what another key signed. Part of each start, also when the one before was not done.
    pub(crate) async fn renew_later(&self, tx: &mut Tx, ctx: &Ctx) -> Result<(), Error> {
        let Some(key) = self.scan.attestation_signer() else { return Ok(()) };
        if !store::statements_of_others(tx, &key.id(), "", 1).await?.is_empty() {
            jobs::enqueue(tx, ctx, NewJob::new(RENEW_JOB, serde_json::Value::Null).in_lane(RENEW_JOB)).await?;
        }
        Ok(())
    }

    /// Handle a job of kind [`RENEW_JOB`].
    pub(crate) async fn run_renew(&self, ctx: &Ctx) -> Result<(), Failure> {
        self.renew(&ctx.clone().with_actor(Actor::System("promote"))).await.map_err(Failure::retry)
    }

    async fn renew(&self, ctx: &Ctx) -> Result<(), Error> {
        let Some(key) = self.scan.attestation_signer() else { return Ok(()) };
        let (public, id) = (key.public_pem(), key.id());
        let mut after = String::new();
        loop {
            let mut tx = self.db.read().await?;
            let batch = store::statements_of_others(&mut tx, &id, &after, BATCH).await?;
            let Some((last, _)) = batch.last() else { return Ok(()) };
            after = last.id.to_string();
            let mut renewed = Vec::new();
            let mut known = Vec::new();
            for (record, bundle) in batch {
                // One that was kept before it was noted whose key signed it.
                if scan::open_bundle(&bundle, &public).is_ok() {
                    known.push(record.id);
                    continue;
                }
                // It is said why, and the others go on.
                match self.signed_again(&mut tx, &record).await? {
                    Some(bundle) => renewed.push((record, bundle)),
                    None => {
                        tracing::warn!(decision = %record.id, "its policy is not as it was; its statement is not signed again");
                    }
                }
            }
            drop(tx);
            db::write!(self.db, ctx, |tx| {
                for decision in &known {
                    store::set_statement_key(tx, decision, &id).await?;
                }
                self.keep_renewed(tx, ctx, &id, &renewed).await
            })?;
        }
    }

    /// The statement of a decision as it is signed now; `None` where its policy's text is not the one that was decided by.
    async fn signed_again(&self, tx: &mut Tx, record: &DecisionRecord) -> Result<Option<Vec<u8>>, Error> {
        let document = store::document(tx, &record.decision.policy_digest).await?;
        let form: Option<PolicyForm> = document.and_then(|document| serde_json::from_slice(&document).ok());
        let policy = form.and_then(|form| understood(form).ok());
        let policy = policy.filter(|(policy, _)| policy.digest() == record.decision.policy_digest);
        Ok(policy.and_then(|(_, target)| self.signed(record, &target)))
    }

    async fn keep_renewed(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        key: &str,
        renewed: &[(DecisionRecord, Vec<u8>)],
    ) -> Result<(), Error> {
        if renewed.is_empty() {
            return Ok(());
        }
        let sums = renewed.iter().map(|(record, bundle)| (record.id.to_string(), digest_hex(bundle)));
        let sums: serde_json::Map<_, _> = sums.map(|(id, sum)| (id, sum.into())).collect();
        let entry = Entry::new("statements.renewed").detail("key", key).detail("statements", sums);
        let entry = audit::append(tx, ctx, entry).await?;
        let mut attached = false;
        for (record, bundle) in renewed {
            // The job sees which of these an image carries.
            let wanted = matches!(record.effect, Effect::Promoted | Effect::Lapsed(_));
            store::renew_statement(tx, &record.id, bundle, key, wanted).await?;
            attached |= wanted;
        }
        if attached {
            let job = NewJob::new(ATTEST_JOB, serde_json::Value::Null).in_lane(ATTEST_JOB);
            jobs::enqueue(tx, ctx, job.caused_by(&entry)).await?;
        }
        Ok(())
    }
}
