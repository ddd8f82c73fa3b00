//! What of an image goes to another registry, in which order.

use std::collections::BTreeSet;

use base::{Ctx, limits};
use oci::{Descriptor, Digest, Manifest, MediaType, Reference, RepoName, Tag};
use registry::Registry;

use crate::{Error, Mirror, work::Progress};

/// One manifest with the blobs it names.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) blobs: Vec<Descriptor>,
    /// It goes under this tag; the others by their digest.
    pub(crate) tag: Option<Tag>,
}

impl Mirror {
    /// The image, its children and what refers to them: each after all that it names, and the image with its tag last.
    pub(crate) async fn plan(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        (root, tag): (&Digest, &Tag),
        referrers: bool,
    ) -> Result<Vec<Planned>, Error> {
        let mut seen = BTreeSet::from([root.clone()]);
        let mut order = self.with_children(ctx, repository, root, &mut seen).await?;
        let image = order.pop().map(|image| Planned { tag: Some(tag.clone()), ..image });
        if referrers {
            let mut subjects: Vec<Digest> = order.iter().map(|one| one.digest.clone()).chain([root.clone()]).collect();
            while let Some(subject) = subjects.pop() {
                let page = ("", limits::PAGE_MAX);
                let found = self.registry.referrers(ctx, repository, &subject, None, page).await?;
                for digest in found.items.into_iter().map(|one| one.image.digest) {
                    if seen.insert(digest.clone()) {
                        order.extend(self.with_children(ctx, repository, &digest, &mut seen).await?);
                        subjects.push(digest);
                    }
                }
            }
            order.extend(self.cosigned(ctx, repository, root, &mut seen).await?);
        }
        order.extend(image);
        Ok(order)
    }

    /// What cosign keeps of an image in tags beside it.
    async fn cosigned(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        image: &Digest,
        seen: &mut BTreeSet<Digest>,
    ) -> Result<Vec<Planned>, Error> {
        let mut found = Vec::new();
        for end in ["sig", "att", "sbom"] {
            let Ok(tag) = format!("{}.{end}", image.as_str().replacen(':', "-", 1)).parse::<Tag>() else { continue };
            let view = Registry::tagged(&mut self.db.read().await?, repository, &tag).await?;
            let Some(digest) = view.map(|view| view.image.digest).filter(|digest| !seen.contains(digest)) else {
                continue;
            };
            seen.insert(digest.clone());
            let mut whole = self.with_children(ctx, repository, &digest, seen).await?;
            if let Some(last) = whole.last_mut() {
                last.tag = Some(tag);
            }
            found.extend(whole);
        }
        Ok(found)
    }

    /// A manifest after all its children.
    async fn with_children(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        root: &Digest,
        seen: &mut BTreeSet<Digest>,
    ) -> Result<Vec<Planned>, Error> {
        let (mut order, mut waiting) = (Vec::new(), vec![(root.clone(), None::<Planned>)]);
        while let Some((digest, ready)) = waiting.pop() {
            if let Some(planned) = ready {
                order.push(planned);
                continue;
            }
            if seen.len() > limits::IMAGE_MANIFESTS {
                let most = limits::IMAGE_MANIFESTS;
                return Err(Error::Policy(format!("an image with all that is about it has at most {most} manifests")));
            }
            let stored = self.registry.manifest(ctx, repository, &Reference::Digest(digest.clone())).await?;
            let manifest = Manifest::parse(&stored.bytes, Some(stored.media_type.as_str()));
            let manifest = manifest.map_err(registry::Error::from)?;
            let planned = Planned {
                digest: digest.clone(),
                media_type: stored.media_type,
                blobs: manifest.required_blobs().cloned().collect(),
                tag: None,
            };
            waiting.push((digest, Some(planned)));
            let children = manifest.manifests().iter().map(|child| child.digest.clone());
            for child in children.collect::<Vec<_>>().into_iter().rev() {
                if seen.insert(child.clone()) {
                    waiting.push((child, None));
                }
            }
        }
        Ok(order)
    }
}

/// How much a plan is; each blob counts once.
pub(crate) fn total(plan: &[Planned]) -> Progress {
    let mut seen = BTreeSet::new();
    let blobs = plan.iter().flat_map(|one| &one.blobs).filter(|blob| seen.insert(&blob.digest));
    let (mut count, mut bytes) = (0, 0_u64);
    for blob in blobs {
        (count, bytes) = (count + 1, bytes.saturating_add(blob.size));
    }
    Progress { blobs: count, bytes: i64::try_from(bytes).unwrap_or(i64::MAX), ..Progress::default() }
}
