//! Reading: manifests, tags, lists, referrers.

use base::{Ctx, limits};
use oci::{Digest, MediaType, Reference, RepoName, Tag};

use crate::{Error, Image, Page, Referrer, Registry, Right, StoredManifest, TagView, store};

impl Registry {
    /// What a reference names, without its bytes.
    pub async fn image(&self, ctx: &Ctx, name: &RepoName, reference: &Reference) -> Result<Image, Error> {
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        let digest = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(tag) => store::tag_digest(&mut tx, &repository.id, tag).await?,
        };
        let image = match digest {
            Some(digest) => store::image_in(&mut tx, &repository.id, &digest).await?,
            None => None,
        };
        image.ok_or_else(|| Error::ManifestUnknown { repository: name.clone(), reference: reference.to_string() })
    }

    /// A manifest with its bytes, which are checked against the digest.
    pub async fn manifest(&self, ctx: &Ctx, name: &RepoName, reference: &Reference) -> Result<StoredManifest, Error> {
        let image = self.image(ctx, name, reference).await?;
        let bytes = self.read_whole(ctx, &image.digest, image.size).await?;
        Ok(StoredManifest { digest: image.digest, media_type: image.media_type, bytes })
    }

    /// The names of tags after `last`, in byte order.
    pub async fn tags(&self, ctx: &Ctx, name: &RepoName, last: &str, limit: usize) -> Result<Page<Tag>, Error> {
        let limit = limit.min(limits::PAGE_MAX);
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        Ok(Page::of(store::tags(&mut tx, &repository.id, last, one_more(limit)).await?, limit))
    }

    /// Tags after `after` with what they name, who set them, and how they came.
    pub async fn tag_views(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        after: &str,
        limit: usize,
    ) -> Result<Page<TagView>, Error> {
        let limit = limit.min(limits::PAGE_MAX);
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        Ok(Page::of(store::tag_views(&mut tx, &repository.id, after, one_more(limit)).await?, limit))
    }

    pub async fn tag_view(&self, ctx: &Ctx, name: &RepoName, tag: &Tag) -> Result<TagView, Error> {
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        let view = store::tag_view(&mut tx, &repository.id, tag).await?;
        view.ok_or_else(|| Error::ManifestUnknown { repository: name.clone(), reference: tag.to_string() })
    }

    pub async fn count_tags(&self, ctx: &Ctx, name: &RepoName) -> Result<u64, Error> {
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        Ok(store::count_tags(&mut tx, &repository.id).await?)
    }

    /// The tags that name a digest, which has to be there.
    pub async fn tags_with(&self, ctx: &Ctx, name: &RepoName, digest: &Digest) -> Result<Vec<TagView>, Error> {
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        Ok(store::tag_views_of(&mut tx, &repository.id, digest).await?)
    }

    /// The manifests after a digest, by digest, and how many there are in all.
    pub async fn manifests(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        after: &str,
        limit: usize,
    ) -> Result<(Page<Image>, u64), Error> {
        let limit = limit.min(limits::PAGE_MAX);
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        let count = store::count_manifests(&mut tx, &repository.id).await?;
        let items = store::manifests(&mut tx, &repository.id, after, one_more(limit)).await?;
        Ok((Page::of(items, limit), count))
    }

    /// The names of the repositories the actor may see, after `last`.
    pub async fn catalog(&self, ctx: &Ctx, last: &str, limit: usize) -> Result<Page<RepoName>, Error> {
        let page = self.repositories(ctx, None, last, limit).await?;
        Ok(Page { items: page.items.into_iter().map(|repository| repository.name).collect(), more: page.more })
    }

    /// The manifests about `subject`, which need not be there itself; after the digest `after`. A repository that a push
    /// would make has none.
    pub async fn referrers(
        &self,
        ctx: &Ctx,
        name: &RepoName,
        subject: &Digest,
        artifact_type: Option<&MediaType>,
        (after, limit): (&str, usize),
    ) -> Result<Page<Referrer>, Error> {
        let limit = limit.min(limits::PAGE_MAX);
        let mut tx = self.db.read().await?;
        let repository = match Registry::authorize(&mut tx, ctx, name, Right::Pull).await {
            Err(Error::NameUnknown(_)) if self.place(&mut tx, ctx, name).await.is_ok() => {
                return Ok(Page { items: Vec::new(), more: false });
            }
            outcome => outcome?,
        };
        let items = store::referrers(&mut tx, &repository.id, subject, artifact_type, after, one_more(limit)).await?;
        Ok(Page::of(items, limit))
    }
}

pub(crate) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).expect("a page is small") + 1
}
