//! Promotion by hand: the Promote button of a tag.

use base::{Ctx, Id};
use identity::Level;
use oci::{RepoName, Tag};
use registry::{Registry, Right};

use crate::{Error, Promote, Promotion, evaluate::tell};

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
}
