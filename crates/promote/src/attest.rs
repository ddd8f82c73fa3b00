//! Statements of decisions, attached to the images they let through.
//!
//! ```text
//!   decision kept ─► statement signed, kept beside it ─┬─ promoted, or lapsed ─► wanted ─► job ─► referrer in the target
//!                                                      └─ else it is only kept
//! ```
//!
//! One policy has one statement at an image in one target, the latest: an image that lapsed carries a failed one. A row is wanted until
//! its statement was attached, so that nothing is lost when the process dies or the registry is read-only.

use std::collections::{BTreeMap, BTreeSet};

use base::{Actor, Ctx};
use db::Tx;
use jobs::{Failure, NewJob};
use oci::RepoName;
use registry::{Attachment, Registry};

use crate::{DecisionRecord, Error, Promote, evaluate::Subject, statement, store};

/// Attaches what is wanted: runs after promotions, and as a timer's job.
pub const ATTEST_JOB: &str = "promote.attest";

/// Statements that are read at once.
const BATCH: i64 = 50;

impl Promote {
    /// The signed statement of a decision about going to a target; `None` where nothing signs.
    pub(crate) fn signed(&self, record: &DecisionRecord, target: &RepoName) -> Option<Vec<u8>> {
        let statement = statement::statement(&self.verifier, target, record)?;
        Some(self.scan.attestation_signer()?.bundle(&statement))
    }

    /// Have the statement of a decision attached to the image where the policy promoted it.
    pub(crate) async fn want_statement(&self, tx: &mut Tx, ctx: &Ctx, record: &DecisionRecord) -> Result<(), Error> {
        if store::want_statement(tx, &record.id, true).await? {
            let job = NewJob::new(ATTEST_JOB, serde_json::Value::Null).in_lane(ATTEST_JOB);
            jobs::enqueue(tx, ctx, job.caused_by(&record.entry)).await?;
        }
        Ok(())
    }

    /// Handle a job of kind [`ATTEST_JOB`].
    pub async fn run_attest(&self, ctx: &Ctx) -> Result<(), Failure> {
        self.attest_wanted(&ctx.clone().with_actor(Actor::System("promote"))).await.map_err(Failure::retry)
    }

    async fn attest_wanted(&self, ctx: &Ctx) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            if self.registry.read_only().await?.is_some() {
                return Ok(());
            }
            let wanted = store::statements_wanted(&mut self.db.read().await?, &after, BATCH).await?;
            let Some((last, _)) = wanted.last() else { return Ok(()) };
            after = last.id.to_string();
            for (record, bundle) in wanted {
                // It is said why, the row stays, and the others go on.
                if let Err(error) = self.attach_statement(ctx, &record, bundle).await {
                    tracing::warn!(decision = %record.id, %error, "a statement could not be attached; it will be tried again");
                }
            }
        }
    }

    async fn attach_statement(&self, ctx: &Ctx, record: &DecisionRecord, bundle: Vec<u8>) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let last = store::latest_decision(&mut tx, &record.policy, &Subject::of(record)).await?;
        let promotions = store::promotions_by(&mut tx, &record.policy, &record.digest).await?;
        let targets: BTreeSet<RepoName> = promotions.into_iter().map(|promotion| promotion.target).collect();
        let mut places = Vec::new();
        for target in targets {
            if Registry::may_attach(&mut tx, &target, &record.digest).await? {
                places.push(target);
            }
        }
        let image = Registry::image_of(&mut tx, &record.digest).await?;
        drop(tx);
        let latest = last.is_some_and(|last| last.id == record.id);
        let stored = match image.filter(|_| latest && !places.is_empty()) {
            Some(image) => {
                let created = record.decided_at.to_string();
                let annotations = BTreeMap::from([
                    ("dev.sigstore.bundle.content", "dsse-envelope"),
                    ("dev.sigstore.bundle.predicateType", statement::PREDICATE_TYPE),
                    ("org.opencontainers.image.created", created.as_str()),
                ]);
                let attachment =
                    Attachment { subject: &image, media_type: scan::BUNDLE_TYPE, annotations, bytes: bundle };
                Some(self.registry.store_attachment(ctx, attachment).await?)
            }
            None => None,
        };
        let kind = format!("decision {}", record.policy);
        db::write!(self.db, ctx, |tx| {
            if let Some(stored) = &stored {
                Registry::attach(tx, ctx, stored, &kind, &places).await?;
            }
            store::want_statement(tx, &record.id, false).await?;
            Ok(())
        })
    }
}
