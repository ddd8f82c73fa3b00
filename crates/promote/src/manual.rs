//! What a person does by hand with one tag: promote it, and have it decided again.

use audit::Entry;
use base::{Ctx, Id};
use identity::Level;
use jobs::NewJob;
use oci::{RepoName, Tag};
use registry::{Registry, Right};

use crate::{Error, Promote, Promotion, evaluate::tell, jobs::TAG_JOB};

impl Promote {
    /// Copy a tag because a person asks for it, without any policy: read access to the source, write access to the target.
    /// When the target has the image under that tag already, nothing changes and nobody is told.
    pub async fn promote_by_hand(
        &self,
        ctx: &Ctx,
        source: &RepoName,
        source_tag: &Tag,
        target: &RepoName,
        target_tag: &Tag,
    ) -> Result<Promotion, Error> {
        let outcome = db::write!(self.db, ctx, |tx| {
            Level::require_person(&ctx.actor)?;
            Registry::authorize(tx, ctx, source, Right::Pull).await?;
            let unknown =
                || registry::Error::ManifestUnknown { repository: source.clone(), reference: source_tag.to_string() };
            let view = Registry::tagged(tx, source, source_tag).await?.ok_or_else(unknown)?;
            let promotion = Promotion {
                id: Id::new(ctx),
                policy: None,
                policy_digest: None,
                decision: None,
                source: source.clone(),
                source_tag: source_tag.clone(),
                target: target.clone(),
                target_tag: target_tag.clone(),
                digest: view.image.digest,
                source_pushed_at: view.pushed_at,
                promoted_at: ctx.now,
                promoted_by: ctx.actor.label(),
            };
            if self.copy(tx, ctx, &promotion, None).await? {
                tell(tx, ctx, &promotion, true).await?;
            }
            Ok(promotion)
        });
        match outcome {
            Err(Error::Registry(refused)) => Ok(self.registry.tell_refused(ctx, Err(refused)).await?),
            outcome => outcome,
        }
    }

    /// Have all policies look at a tag again: write access to its repository. What they say of the same evidence they have said.
    pub async fn request_evaluation(&self, ctx: &Ctx, name: &RepoName, tag: &Tag) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, name, Right::Push).await?;
            let unknown = || registry::Error::ManifestUnknown { repository: name.clone(), reference: tag.to_string() };
            let view = Registry::tagged(tx, name, tag).await?.ok_or_else(unknown)?;
            let entry = Entry::new("evaluation.requested")
                .about(&view.image.digest)
                .about(format!("tag/{name}:{tag}"))
                .about(format!("repository/{name}"));
            let entry = audit::append(tx, ctx, entry).await?;
            let job = NewJob::new(TAG_JOB, serde_json::json!({"repository": name, "tag": tag}));
            jobs::enqueue(tx, ctx, job.in_lane(&format!("{TAG_JOB} {name}")).caused_by(&entry)).await?;
            Ok(())
        })
    }
}
