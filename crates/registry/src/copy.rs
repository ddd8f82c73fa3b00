//! Promotion: a tag in one repository comes to name what another repository holds, without moving a byte.

use std::collections::BTreeSet;

use audit::Entry;
use base::{Ctx, limits};
use db::Tx;
use oci::{Digest, RepoName, Tag};

use crate::{
    Error, Image, Origin, Registry, Repository, Right, attach, delete, record, store,
    tag::{NewTag, Step, emit_pushed, set},
};

/// What is copied.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    pub repository: &'a RepoName,
    pub digest: &'a Digest,
    /// The tag it was promoted by, if it was by one.
    pub tag: Option<&'a Tag>,
}

/// Where to, and by which policy; `None` when a person asked for it.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    pub repository: &'a RepoName,
    pub tag: &'a Tag,
    pub policy: Option<&'a str>,
}

/// What became of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The audit entry; `None` when everything was there already.
    pub entry: Option<String>,
    /// What the tag named before, when that was something else.
    pub before: Option<Digest>,
}

impl Registry {
    /// Copy by reference, in the caller's transaction: the manifest, its children, all that refers to them (signatures,
    /// attestations, also those that cosign keeps under tags), and their blobs become readable in the target, and the tag names the
    /// digest there. The actor must be able to pull from the source and push to the target; the program itself may. A tag of an
    /// immutable target is refused as a push would be; of signatures that its tags do not take the image goes without.
    pub async fn copy_tag(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        source: Source<'_>,
        target: Target<'_>,
    ) -> Result<Copied, Error> {
        let from = Registry::authorize(tx, ctx, source.repository, Right::Pull).await?;
        let to = Registry::authorize(tx, ctx, target.repository, Right::Push).await?;
        Registry::require_pusher(tx, ctx, &to.name, Some(&to)).await?;
        let unknown = || Error::ManifestUnknown { repository: from.name.clone(), reference: source.digest.to_string() };
        Registry::require_writable(tx).await?;
        let image = store::image_in(tx, &from.id, source.digest).await?.ok_or_else(unknown)?;
        let step = self.gate(tx, &to, target.tag, source.digest).await?;
        let Whole { added, signatures } = copy_whole(tx, ctx, &from, &to, source.digest).await?;
        let origin = |source_tag: Option<&Tag>| Origin::Promoted {
            policy: target.policy.map(str::to_owned),
            source: from.name.clone(),
            source_tag: source_tag.cloned(),
        };
        let mut along = Vec::new();
        for (tag, digest) in signatures {
            match self.gate(tx, &to, &tag, &digest).await {
                Ok(Step::Same) | Err(Error::Immutable { .. } | Error::TagUsed { .. }) => {}
                Ok(Step::New | Step::Moves { .. }) => along.push(NewTag {
                    pushed_by: ctx.actor.label(),
                    pushed_at: ctx.now,
                    job: None,
                    origin: origin(Some(&tag)),
                    tag,
                    digest,
                }),
                Err(error) => return Err(error),
            }
        }
        if step == Step::Same && added.is_empty() && along.is_empty() {
            return Ok(Copied { entry: None, before: None });
        }
        let new = NewTag {
            tag: target.tag.clone(),
            digest: source.digest.clone(),
            pushed_by: ctx.actor.label(),
            pushed_at: ctx.now,
            job: store::job_of(tx, &from.id, source.digest, source.tag).await?,
            origin: origin(source.tag),
        };
        let before = match step.clone() {
            Step::Moves { from } => Some(from),
            Step::New | Step::Same => None,
        };
        let tags = if step == Step::Same { Vec::new() } else { vec![new] };
        let entry = write(tx, ctx, (&from, &to), &image, (&tags, &along), &added).await?;
        if !tags.is_empty() {
            delete::drop_oldest_tags(tx, ctx, &to, self.removal("tag limit")).await?;
        }
        Ok(Copied { entry: Some(entry), before })
    }
}

/// Write the tag (none when only referrers came along), those of signatures, the entry and the events.
async fn write(
    tx: &mut Tx,
    ctx: &Ctx,
    (from, to): (&Repository, &Repository),
    image: &Image,
    (tags, along): (&[NewTag], &[NewTag]),
    added: &[Digest],
) -> Result<String, Error> {
    let mut entry = Entry::new("image.copied")
        .about(&image.digest)
        .about(record::repository_subject(&to.name))
        .about(record::repository_subject(&from.name))
        .detail("repository", &to.name)
        .detail("source", &from.name)
        .detail("digest", &image.digest)
        .detail("manifests", added.len());
    for new in tags {
        entry = entry.detail("tag", &new.tag).detail("origin", new.account());
        if let Some(job) = new.job {
            entry = entry.about(record::job_subject(job));
        }
        entry = set(tx, ctx, to, new, entry).await?;
    }
    for new in along {
        entry = set(tx, ctx, to, new, entry).await?;
    }
    let entry = audit::append(tx, ctx, entry).await?;
    if !tags.is_empty() {
        emit_pushed(tx, ctx, to, image, tags, &entry).await?;
    }
    for new in along {
        if let Some(signature) = store::image_in(tx, &to.id, &new.digest).await? {
            emit_pushed(tx, ctx, to, &signature, std::slice::from_ref(new), &entry).await?;
        }
    }
    Ok(entry)
}

/// What was made readable in another repository.
#[derive(Default)]
struct Whole {
    /// Those manifests that were not.
    added: Vec<Digest>,
    /// Tags by which cosign finds signatures and attestations of them.
    signatures: Vec<(Tag, Digest)>,
}

/// Make a manifest, its children and their referrers readable in another repository.
async fn copy_whole(
    tx: &mut Tx,
    ctx: &Ctx,
    from: &Repository,
    to: &Repository,
    digest: &Digest,
) -> Result<Whole, Error> {
    let mut seen = BTreeSet::from([digest.clone()]);
    let mut waiting = vec![digest.clone()];
    let mut whole = Whole::default();
    let author = ctx.actor.label();
    while let Some(digest) = waiting.pop() {
        if seen.len() > limits::IMAGE_MANIFESTS {
            return Err(Error::TooLarge(format!(
                "an image with its children and referrers has at most {} manifests",
                limits::IMAGE_MANIFESTS
            )));
        }
        let job = store::job_of(tx, &from.id, &digest, None).await?;
        store::link_blobs_of(tx, &from.id, &to.id, &digest, ctx.now).await?;
        if store::add_manifest(tx, &to.id, &digest, &author, ctx.now, job).await? {
            attach::copied(tx, ctx, from, to, &digest).await?;
            whole.added.push(digest.clone());
        }
        store::mark_promoted(tx, &to.id, &digest).await?;
        let mut next = store::children_in(tx, &from.id, &digest).await?;
        next.extend(store::referrer_digests(tx, &from.id, &digest).await?);
        let signatures = store::signature_tags(tx, &from.id, &digest).await?;
        next.extend(signatures.iter().map(|(_, digest)| digest.clone()));
        whole.signatures.extend(signatures);
        waiting.extend(next.into_iter().filter(|digest| seen.insert(digest.clone())));
    }
    Ok(whole)
}
