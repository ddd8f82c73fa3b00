//! A draft of a policy, tried without consequences: on what is in the source now, and on what was decided there before, with the evidence
//! of that time.
//!
//! A trial is `policy::decide` as always; nothing is kept of it, so that the same draft can be tried as often as one likes.

use base::{Ctx, Timestamp};
use oci::{Digest, RepoName, Tag};
use policy::{Decision, Evidence, PolicyForm, decide};
use registry::{Registry, Right};

use crate::{
    DecisionRecord, Error, Promote, asked::About, evaluate::target_tag_of, facts, promotion_policy::understood, store,
};

/// What a draft says of one image.
#[derive(Clone, Debug)]
pub struct Trial {
    pub tag: Tag,
    pub digest: Digest,
    pub decision: Decision,
    /// The tag it would have in the target, or why none can be made.
    pub target_tag: Result<Tag, String>,
    /// The target's tag names the image already.
    pub present: bool,
    /// When the image was pushed; of a past decision, when that was made.
    pub at: Timestamp,
    /// The past decision whose evidence this is.
    pub past: Option<DecisionRecord>,
}

/// Some of the trials, and where the next ones start.
#[derive(Clone, Debug)]
pub struct Trials {
    pub trials: Vec<Trial>,
    pub next: Option<String>,
}

impl Promote {
    /// Try a draft on the tags that are in the source now, by name after `after`. Needs the right to write such a policy.
    pub async fn try_now(
        &self,
        ctx: &Ctx,
        source: &RepoName,
        form: PolicyForm,
        after: &str,
        limit: usize,
    ) -> Result<Trials, Error> {
        let (draft, target) = understood(form)?;
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, source, Right::Admin).await?;
        let views = Registry::tagged_images(&mut tx, source, after, limit).await?;
        let next = (views.len() == limit).then(|| views.last().map(|view| view.tag.to_string())).flatten();
        let mut trials = Vec::with_capacity(views.len());
        for view in views.into_iter().filter(|view| Registry::companion_of(&view.tag).is_none()) {
            let digest = view.image.digest.clone();
            let facts = match draft.needs_scan() {
                true => Some(self.facts(&mut tx, ctx.now, source, &digest).await?),
                false => None,
            };
            let about = About { holder: source, digest: &digest, repository: source, tag: &view.tag };
            let asked = self.asked(&mut tx, ctx.now, &[&draft], about, &view).await?;
            let evidence = asked.added(&draft, &view, facts::evidence(source, &view, facts.as_ref(), ctx.now));
            let target_tag = target_tag_of(&draft, &view.tag, ctx.now);
            let present = match &target_tag {
                Ok(tag) => Registry::tagged(&mut tx, &target, tag).await?.is_some_and(|at| at.image.digest == digest),
                Err(_) => false,
            };
            let decision = decide(&draft, &evidence);
            let (tag, at) = (view.tag, view.pushed_at);
            trials.push(Trial { tag, digest, decision, target_tag, present, at, past: None });
        }
        Ok(Trials { trials, next })
    }

    /// Try a draft on what was decided about images of the source, before the decision `before`, the newest first.
    pub async fn try_past(
        &self,
        ctx: &Ctx,
        source: &RepoName,
        form: PolicyForm,
        before: &str,
        limit: usize,
    ) -> Result<Trials, Error> {
        let (draft, _) = understood(form)?;
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, source, Right::Admin).await?;
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let records = store::decisions_of_repository(&mut tx, source, before, most).await?;
        let next = (records.len() == limit).then(|| records.last().map(|record| record.id.to_string())).flatten();
        let mut trials = Vec::with_capacity(records.len());
        for record in records {
            let digest = &record.decision.evidence_digest;
            let text = store::document(&mut tx, digest).await?;
            let corrupt = |why: String| db::Error::Corrupt(format!("the evidence {digest}: {why}"));
            let text = text.ok_or_else(|| corrupt("it is not there".to_owned()))?;
            let evidence: Evidence = serde_json::from_slice(&text).map_err(|error| corrupt(error.to_string()))?;
            trials.push(Trial {
                tag: record.tag.clone(),
                digest: record.digest.clone(),
                decision: decide(&draft, &evidence),
                target_tag: target_tag_of(&draft, &record.tag, record.decided_at),
                present: false,
                at: record.decided_at,
                past: Some(record),
            });
        }
        Ok(Trials { trials, next })
    }
}
