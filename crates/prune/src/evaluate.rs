//! Holding the tags of a repository against its policies: for the dry run, and to prune.

use base::{Actor, Ctx, limits};
use db::Tx;
use oci::{RepoName, Tag};
use policy::{Decision, Verdict};
use promote::Weighed;
use registry::{Kept, Registry, Right, TagView};

use crate::{Error, Prune, PruningForm, PruningPolicy, store};

/// Tags that are looked at together, and of which those that go are deleted in one transaction.
const BATCH: usize = 50;
/// Tags that one page of a dry run looks at.
const LOOKED_AT_MOST: usize = 1_000;

/// What a policy says of one tag.
#[derive(Clone, Debug)]
pub struct Judged {
    pub view: TagView,
    pub decision: Decision,
    /// Why the tag stays although the policy is satisfied.
    pub kept: Option<Kept>,
}

/// A part of a dry run.
#[derive(Clone, Debug)]
pub struct Page {
    pub tags: Vec<Judged>,
    /// The last tag that was looked at, when there may be more.
    pub next: Option<Tag>,
}

impl Judged {
    /// Whether the tag would be deleted.
    pub fn goes(&self) -> bool {
        self.decision.verdict == Verdict::Allowed && self.kept.is_none()
    }
}

impl Prune {
    /// What a policy would do now to the tags after `after`, without doing it: those that would go, or with `all` every tag with what
    /// became of it. For those who may write the policy.
    pub async fn test(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        form: PruningForm,
        (after, limit, all): (&str, usize, bool),
    ) -> Result<Page, Error> {
        let promoted_too = form.promoted_too.unwrap_or(false);
        let policy = form.understood(repository)?;
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, repository, Right::Admin).await?;
        let (mut page, mut last, mut looked) = (Page { tags: Vec::new(), next: None }, after.to_owned(), 0);
        loop {
            let batch = Registry::tagged_images(&mut tx, repository, &last, BATCH).await?;
            let Some(end) = batch.last() else { return Ok(page) };
            (last, looked) = (end.tag.to_string(), looked + batch.len());
            for view in batch {
                let tag = view.tag.clone();
                let weighed = self.promote.weigh(&mut tx, ctx.now, repository, &view, &[&policy]).await?;
                for Weighed { decision, .. } in weighed {
                    let kept = Registry::why_kept(&mut tx, repository, &view, promoted_too).await?;
                    let judged = Judged { view: view.clone(), decision, kept };
                    page.tags.extend((all || judged.goes()).then_some(judged));
                }
                if page.tags.len() >= limit {
                    page.next = Some(tag);
                    return Ok(page);
                }
            }
            if looked >= LOOKED_AT_MOST {
                page.next = last.parse().ok();
                return Ok(page);
            }
        }
    }

    /// Prune a repository by all its policies that are enabled. Run again, it finds what is left.
    pub(crate) async fn prune(&self, ctx: &Ctx, repository: &RepoName) -> Result<(), Error> {
        let ctx = &ctx.clone().with_actor(Actor::System("prune"));
        let mut last = String::new();
        loop {
            let mut tx = self.db.read().await?;
            let mut policies = store::of_repository(&mut tx, repository).await?;
            policies.retain(|policy| policy.policy.enabled());
            let batch = Registry::tagged_images(&mut tx, repository, &last, BATCH).await?;
            let Some(end) = batch.last().filter(|_| !policies.is_empty()) else { return Ok(()) };
            last = end.tag.to_string();
            let mut going = Vec::new();
            for view in batch {
                going.extend(self.first_that_prunes(&mut tx, ctx, &policies, view).await?);
            }
            drop(tx);
            if !going.is_empty() {
                self.delete_all(ctx, repository, &going).await?;
            }
        }
    }

    /// The tag with the first policy that says it goes, if one does.
    async fn first_that_prunes<'a>(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        policies: &'a [PruningPolicy],
        view: TagView,
    ) -> Result<Option<(TagView, &'a PruningPolicy, Weighed)>, Error> {
        let about = policies.iter().filter(|policy| policy.since.is_none_or(|since| view.pushed_at >= since));
        let about: Vec<&PruningPolicy> = about.collect();
        let texts: Vec<&policy::Policy> = about.iter().map(|policy| &policy.policy).collect();
        let Some(first) = about.first() else { return Ok(None) };
        let weighed = self.promote.weigh(tx, ctx.now, &first.repository, &view, &texts).await?;
        for (policy, weighed) in about.into_iter().zip(weighed) {
            if weighed.decision.verdict == Verdict::Allowed
                && Registry::why_kept(tx, &policy.repository, &view, policy.promoted_too).await?.is_none()
            {
                return Ok(Some((view, policy, weighed)));
            }
        }
        Ok(None)
    }

    /// What changed since it was looked at stays; the next run looks again.
    async fn delete_all(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        going: &[(TagView, &PruningPolicy, Weighed)],
    ) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            for (view, policy, weighed) in going {
                let same = store::policy(tx, &policy.id).await?.is_some_and(|now| now.state() == policy.state());
                if !same || !self.promote.still_weighs(tx, ctx.now, (repository, view), weighed).await? {
                    continue;
                }
                let reasons: Vec<String> = weighed
                    .decision
                    .reasons
                    .iter()
                    .take(limits::DECISION_QUOTES)
                    .map(|reason| shortened(&reason.sentence))
                    .collect();
                let because = (policy.id.as_str(), &reasons[..], policy.promoted_too);
                if self.registry.prune_tag(tx, ctx, repository, view, because).await? {
                    store::set_last_pruned(tx, &policy.id, ctx.now).await?;
                }
            }
            Ok(())
        })
    }
}

fn shortened(sentence: &str) -> String {
    sentence.chars().take(limits::DECISION_QUOTE_BYTES / 4).collect()
}
