//! What pages, the API and other contexts ask: decisions and promotions.

use std::collections::BTreeSet;

use base::{Ctx, Id, limits};
use db::Tx;
use oci::{Digest, RepoName, Tag};
use registry::{Registry, Right};

use crate::{DecisionRecord, Error, Promote, Promotion, store};

/// Documents that are read at once; some are 100 KB.
const DOCUMENTS: i64 = 100;

/// A decision with its two documents: whoever has them computes it again.
#[derive(Clone, Debug)]
pub struct Explained {
    pub record: DecisionRecord,
    /// The canonical texts, as they were hashed.
    pub policy: Vec<u8>,
    pub evidence: Vec<u8>,
    /// What was signed of it, in its bundle; none was while the server had no key, and of images whose digest is no SHA-256.
    pub statement: Option<Vec<u8>>,
}

impl Promote {
    /// The latest decisions about a tag of a repository, the newest first; for those who may see it.
    pub async fn decisions(&self, ctx: &Ctx, name: &RepoName, tag: &Tag) -> Result<Vec<DecisionRecord>, Error> {
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        Ok(store::decisions_of_tag(&mut tx, name, tag, most()).await?)
    }

    /// One decision, with everything that is needed to make it again.
    pub async fn decision(&self, ctx: &Ctx, id: &Id<DecisionRecord>) -> Result<Explained, Error> {
        let mut tx = self.db.read().await?;
        let missing = || Error::NotFound { what: "decision", name: id.to_string() };
        let record = store::decision(&mut tx, id).await?.ok_or_else(missing)?;
        Registry::authorize(&mut tx, ctx, &record.repository, Right::Pull).await.map_err(|_| missing())?;
        let policy = store::document(&mut tx, &record.decision.policy_digest).await?.ok_or_else(missing)?;
        let evidence = store::document(&mut tx, &record.decision.evidence_digest).await?.ok_or_else(missing)?;
        let statement = store::statement(&mut tx, &record.id).await?;
        Ok(Explained { record, policy, evidence, statement })
    }

    /// The decision about an image that an audit entry tells of, where the actor may see it.
    pub async fn decision_of_entry(
        &self,
        ctx: &Ctx,
        digest: &Digest,
        entry: &str,
    ) -> Result<Option<Id<DecisionRecord>>, Error> {
        let mut tx = self.db.read().await?;
        let Some(found) = store::decision_of_entry(&mut tx, digest, entry).await? else { return Ok(None) };
        let seen = Registry::authorize(&mut tx, ctx, &found.repository, Right::Pull).await.is_ok();
        Ok(seen.then_some(found.id))
    }

    /// The decisions about images of a repository before this one, the newest first; for those who may see it.
    pub async fn decisions_in(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        before: &str,
        limit: usize,
    ) -> Result<Vec<DecisionRecord>, Error> {
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        let limit = i64::try_from(limit.min(limits::PAGE_MAX)).expect("a page is small");
        Ok(store::decisions_of_repository(&mut tx, name, before, limit).await?)
    }

    /// The snapshots of advisories that decisions were made with: who keeps snapshots keeps these.
    pub async fn snapshots_named(&self) -> Result<BTreeSet<String>, Error> {
        #[derive(serde::Deserialize)]
        struct Named {
            snapshot: Option<String>,
        }
        let (mut named, mut after) = (BTreeSet::new(), String::new());
        loop {
            let page = store::documents_after(&mut self.db.read().await?, &after, DOCUMENTS).await?;
            let Some((last, _)) = page.last() else { return Ok(named) };
            after = last.clone();
            let snapshots = page.iter().filter_map(|(_, body)| serde_json::from_slice::<Named>(body).ok()?.snapshot);
            named.extend(snapshots);
        }
    }

    /// The decisions about an image, wherever, the newest first. Whoever asks has shown that they may see it there.
    pub async fn decisions_about(tx: &mut Tx, digest: &Digest) -> Result<Vec<DecisionRecord>, Error> {
        Ok(store::decisions_about(tx, digest, most()).await?)
    }

    /// Where an image was promoted from and to, the newest first.
    pub async fn promotions_of(tx: &mut Tx, digest: &Digest) -> Result<Vec<Promotion>, Error> {
        Ok(store::promotions_of(tx, digest, most()).await?)
    }

    /// The promotion a tag came by last, if it came by one and still names what it brought.
    pub async fn origin(tx: &mut Tx, name: &RepoName, tag: &Tag) -> Result<Option<Promotion>, Error> {
        let Some(view) = Registry::tagged(tx, name, tag).await? else { return Ok(None) };
        let last = store::latest_promotion(tx, name, tag).await?;
        Ok(last.filter(|last| last.digest == view.image.digest))
    }
}

fn most() -> i64 {
    i64::try_from(limits::PAGE_DEFAULT).expect("a page is small")
}
