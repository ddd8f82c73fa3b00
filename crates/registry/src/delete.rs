//! Deleting tags and manifests. Bytes go with garbage collection, never here.

use audit::Entry;
use base::{Ctx, Id, limits};
use db::Tx;
use oci::{Digest, RepoName, Tag};

use crate::{
    Deleted, DeletedTag, Error, Hold, Image, Registry, Repository, Right, TagView, collect, prune, record,
    restore::Removal, store, tag,
};

/// Tags whose end fits into one audit entry.
const TAGS_PER_ENTRY: usize = 40;

impl Registry {
    /// Delete a tag; what it named stays. Immutability forbids overwriting, not deletion, but remembers the digest.
    pub async fn delete_tag(&self, ctx: &Ctx, name: &RepoName, tag: &Tag) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let repository = Registry::authorize(tx, ctx, name, Right::Push).await?;
            Registry::require_writable(tx).await?;
            let unknown = || Error::ManifestUnknown { repository: name.clone(), reference: tag.to_string() };
            let view = store::tag_view(tx, &repository.id, tag).await?.ok_or_else(unknown)?;
            refuse_held(tx, &repository, &[Hold::Tag(tag.clone())]).await?;
            remove_tag(tx, ctx, &repository, &view, Because::of(self.removal("request"))).await
        })
    }

    /// Delete a manifest and the tags that name it. Refused while it or one of them is held, or an index names it.
    pub async fn delete_manifest(&self, ctx: &Ctx, name: &RepoName, digest: &Digest) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let repository = Registry::authorize(tx, ctx, name, Right::Push).await?;
            Registry::require_writable(tx).await?;
            let unknown = || Error::ManifestUnknown { repository: name.clone(), reference: digest.to_string() };
            let image = store::image_in(tx, &repository.id, digest).await?.ok_or_else(unknown)?;
            let tags = store::tags_naming(tx, &repository.id, digest).await?;
            let mut holds: Vec<Hold> = tags.iter().cloned().map(Hold::Tag).collect();
            holds.push(Hold::Manifest(digest.clone()));
            refuse_held(tx, &repository, &holds).await?;
            refuse_referenced(tx, &repository.id, digest).await?;
            remove(tx, ctx, &repository, &image, self.removal("request")).await
        })
    }

    /// Take a blob out of a repository. Refused while a manifest there names it.
    pub async fn delete_blob(&self, ctx: &Ctx, name: &RepoName, digest: &Digest) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let repository = Registry::authorize(tx, ctx, name, Right::Push).await?;
            Registry::require_writable(tx).await?;
            if store::blob_size(tx, &repository.id, digest).await?.is_none() {
                return Err(Error::BlobUnknown { repository: name.clone(), digest: digest.clone() });
            }
            refuse_referenced(tx, &repository.id, digest).await?;
            store::unlink_blob(tx, &repository.id, digest).await?;
            store::drop_link_review(tx, &repository.id, digest).await?;
            store::review_bytes(tx, digest, collect::after(ctx, limits::BYTES_REVIEW_AFTER)).await?;
            audit::append(tx, ctx, deletion("blob.deleted", name, digest)).await?;
            Ok(())
        })
    }
}

/// Why a tag is removed, for its entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Because<'a> {
    pub(crate) removal: Removal,
    /// The pruning policy, with what each of its rules came to.
    pub(crate) policy: Option<&'a str>,
    pub(crate) reasons: &'a [String],
}

impl Because<'_> {
    fn of(removal: Removal) -> Because<'static> {
        Because { removal, policy: None, reasons: &[] }
    }
}

/// Keep to the tag limit: the tags that were set the longest ago go, but none that something keeps.
pub(crate) async fn drop_oldest_tags(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &Repository,
    removal: Removal,
) -> Result<(), Error> {
    for beyond in prune::beyond_limit(tx, repository).await? {
        if beyond.kept.is_none() {
            remove_tag(tx, ctx, repository, &beyond.view, Because::of(removal)).await?;
        }
    }
    Ok(())
}

pub(crate) async fn remove_tag(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &Repository,
    view: &TagView,
    because: Because<'_>,
) -> Result<(), Error> {
    let (name, tag) = (&repository.name, &view.tag);
    store::delete_tag(tx, &repository.id, tag).await?;
    because.removal.note(tx, ctx, repository, Deleted::Tag(DeletedTag::of(view))).await?;
    let mut entry = deletion("tag.deleted", name, &view.image.digest);
    entry = entry.detail("by", because.removal.by).detail("tag", tag);
    if let Some(policy) = because.policy {
        entry = entry.about(format!("policy/{policy}")).detail("policy", policy).detail("reasons", because.reasons);
    }
    let entry = audit::append(tx, ctx, tag::unset(entry, name, tag)).await?;
    emit_deleted(tx, ctx, name, Some(tag), &view.image, &entry).await
}

/// Remove a manifest that nothing keeps, and the tags that name it. Its blobs and bytes are looked at later.
pub(crate) async fn remove(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &Repository,
    image: &Image,
    removal: Removal,
) -> Result<(), Error> {
    let (name, digest) = (&repository.name, &image.digest);
    let tags = store::tags_naming(tx, &repository.id, digest).await?;
    let deleted = store::deleted_manifest(tx, &repository.id, digest, &tags).await?;
    removal.note(tx, ctx, repository, deleted).await?;
    for tag in &tags {
        store::delete_tag(tx, &repository.id, tag).await?;
    }
    store::remove_manifest(tx, &repository.id, digest).await?;
    // All of it is still here as long as it can be brought back.
    let links = collect::after(ctx, limits::LINK_REVIEW_AFTER.max(removal.undo));
    store::review_links_of(tx, &repository.id, digest, links).await?;
    let bytes = collect::after(ctx, limits::BYTES_REVIEW_AFTER.max(removal.undo));
    store::review_bytes(tx, digest, bytes).await?;
    let mut first = None;
    let chunks = tags.chunks(TAGS_PER_ENTRY).chain(tags.is_empty().then_some(&[][..]));
    for chunk in chunks {
        let entry = deletion("manifest.deleted", name, digest).detail("by", removal.by).detail("tags", chunk);
        let entry = chunk.iter().fold(entry, |entry, tag| tag::unset(entry, name, tag));
        let entry = audit::append(tx, ctx, entry).await?;
        for tag in chunk {
            emit_deleted(tx, ctx, name, Some(tag), image, &entry).await?;
        }
        first.get_or_insert(entry);
    }
    let entry = first.expect("there is one chunk at least");
    emit_deleted(tx, ctx, name, None, image, &entry).await
}

fn deletion(kind: &'static str, name: &RepoName, digest: &Digest) -> Entry {
    let entry = Entry::new(kind).about(digest).about(record::repository_subject(name));
    entry.detail("repository", name).detail("digest", digest)
}

async fn refuse_held(tx: &mut Tx, repository: &Repository, holds: &[Hold]) -> Result<(), Error> {
    for hold in holds {
        if let Some(held) = store::held(tx, &repository.id, hold).await? {
            return Err(held.refusal(&repository.name));
        }
    }
    Ok(())
}

async fn refuse_referenced(tx: &mut Tx, repository: &Id<Repository>, digest: &Digest) -> Result<(), Error> {
    match store::referenced_by(tx, repository, digest).await? {
        Some(by) => Err(Error::Referenced { digest: digest.clone(), by }),
        None => Ok(()),
    }
}

/// `tag.deleted` with a tag, `manifest.deleted` without.
async fn emit_deleted(
    tx: &mut Tx,
    ctx: &Ctx,
    name: &RepoName,
    tag: Option<&Tag>,
    image: &Image,
    entry: &str,
) -> Result<(), Error> {
    let kind = if tag.is_some() { "tag.deleted" } else { "manifest.deleted" };
    let data = record::image_data(ctx, name, tag, image, ctx.job());
    let subject = record::image_subject(name, tag, &image.digest);
    Ok(record::emit(tx, ctx, kind, subject, data, entry).await?)
}
