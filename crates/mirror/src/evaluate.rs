//! Which tags a push policy wants elsewhere.

use base::{Actor, Ctx};
use oci::{RepoName, Tag};
use policy::Verdict;
use registry::{Registry, TagView};

use crate::{Direction, Error, Mirror, MirroringPolicy, policies, store};

/// Tags read at once when all of a repository are gone through.
const BATCH: usize = 100;

impl Mirror {
    /// Hold a tag against the push policies of its repository, and note what they want.
    pub(crate) async fn evaluate(&self, ctx: &Ctx, repository: &RepoName, tag: &Tag) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let mut policies = store::of_repository(&mut tx, repository, Some(Direction::Push)).await?;
        policies.retain(|policy| policy.policy.enabled());
        let Some(view) = Registry::tagged(&mut tx, repository, tag).await?.filter(|_| !policies.is_empty()) else {
            return Ok(());
        };
        drop(tx);
        self.want(ctx, &policies, &view).await
    }

    /// The same with one policy for everything that is in the repository.
    pub(crate) async fn evaluate_all(&self, ctx: &Ctx, policy: &MirroringPolicy) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let mut tx = self.db.read().await?;
            let batch = Registry::tagged_images(&mut tx, &policy.repository, &after, BATCH).await?;
            drop(tx);
            let Some(last) = batch.last() else { return Ok(()) };
            after = last.tag.to_string();
            for view in &batch {
                self.want(ctx, std::slice::from_ref(policy), view).await?;
            }
        }
    }

    async fn want(&self, ctx: &Ctx, policies: &[MirroringPolicy], view: &TagView) -> Result<(), Error> {
        let Some(first) = policies.first() else { return Ok(()) };
        let ctx = &ctx.clone().with_actor(Actor::System("mirror"));
        let texts: Vec<&policy::Policy> = policies.iter().map(|policy| &policy.policy).collect();
        let weighed = self.promote.weigh(&mut self.db.read().await?, ctx.now, &first.repository, view, &texts).await?;
        for (policy, weighed) in policies.iter().zip(weighed) {
            if weighed.decision.verdict != Verdict::Allowed {
                continue;
            }
            let remote_tag = match remote_tag(policy, &view.tag, ctx) {
                Ok(tag) => tag,
                // It keeps no other policy back.
                Err(why) => {
                    let status = ("FAILURE", why.as_str());
                    let told: Result<(), Error> = db::write!(self.db, ctx, |tx| {
                        Ok(store::set_status(tx, &policy.id, status, ctx.now, false).await?)
                    });
                    told?;
                    continue;
                }
            };
            let wanted: Result<(), Error> = db::write!(self.db, ctx, |tx| {
                let subject = (&policy.repository, view);
                let same = store::policy(tx, &policy.id).await?.is_some_and(|now| now.state() == policy.state());
                if same
                    && self.promote.still_weighs(tx, ctx.now, subject, &weighed).await?
                    && store::want(tx, policy, (&view.tag, &view.image.digest, &remote_tag), ctx.now).await?
                {
                    policies::transfer_later(tx, ctx, &policy.id, ctx.cause.as_deref()).await?;
                }
                Ok(())
            });
            wanted?;
        }
        Ok(())
    }
}

fn remote_tag(policy: &MirroringPolicy, tag: &Tag, ctx: &Ctx) -> Result<Tag, String> {
    let rendered = policy.policy.tag_template().render(tag.as_str(), ctx.now).map_err(|error| error.to_string())?;
    rendered.parse().map_err(|error: base::InvalidName| error.to_string())
}
