//! What the program itself says of an image, attached to it as a referrer.
//!
//! ```text
//!   store_attachment: blob, manifest ─► bytes on disk, named by nothing yet
//!   attach:           one transaction ─► links in each repository that holds the image, what it replaces goes, one entry
//! ```
//!
//! An attachment is no push: it makes no event, counts in no quota, and only the newest of its kind stays. It goes with its image: garbage
//! collection takes it once the image is gone and cannot be brought back.
//!
//! It makes way for signatures in the form that cosign had before bundles: from version 2.6 on, cosign looks at bundles alone as soon
//! as there is one, and would call an image unsigned that is signed in the older form.

use std::collections::BTreeMap;

use audit::Entry;
use base::{Ctx, Id, limits};
use db::Tx;
use oci::{Digest, Manifest, MediaType, RepoName};
use serde_json::json;

use crate::{Error, Image, Registry, Repository, collect, push::describe, record, store};

/// Attachments that one run of garbage collection removes in one transaction.
const BATCH: i64 = 250;

/// One document about an image.
#[derive(Clone, Debug)]
pub struct Attachment<'a> {
    pub subject: &'a Image,
    /// Of the document, and of the artifact.
    pub media_type: &'a str,
    pub annotations: BTreeMap<&'a str, &'a str>,
    pub bytes: Vec<u8>,
}

/// An attachment whose bytes are stored.
#[derive(Clone, Debug)]
pub struct Stored {
    image: Image,
    manifest: Manifest,
}

impl Stored {
    /// Of its manifest.
    pub fn digest(&self) -> &Digest {
        &self.image.digest
    }
}

impl Registry {
    /// Put the bytes of an attachment on disk. What is not attached soon after goes with garbage collection.
    pub async fn store_attachment(&self, ctx: &Ctx, attachment: Attachment<'_>) -> Result<Stored, Error> {
        let blob = Digest::sha256_of(&attachment.bytes);
        let manifest = manifest_of(&attachment, &blob);
        let digest = Digest::sha256_of(&manifest);
        let parsed = Manifest::parse(&manifest, None)?;
        let image = describe(&parsed, &digest, manifest.len());
        let mut sizes = Vec::new();
        for (digest, bytes) in [(blob, attachment.bytes), (digest, manifest)] {
            self.keep_bytes(ctx, &digest).await?;
            sizes.push((digest.clone(), bytes.len() as u64));
            self.blobs.put(ctx, &digest, bytes).await?;
        }
        // From here on garbage collection knows of them, whatever becomes of this process.
        let due = collect::after(ctx, limits::BYTES_REVIEW_AFTER);
        db::write_soon!(self.db, ctx, |tx| {
            for (digest, size) in &sizes {
                Registry::note_pushed(tx, ctx, digest, *size).await?;
                store::review_bytes(tx, digest, due).await?;
            }
            Ok::<_, Error>(())
        })?;
        self.wake.notify_one();
        Ok(Stored { image, manifest: parsed })
    }

    /// An attachment that some repository holds, to be attached in others.
    pub async fn stored_attachment(&self, digest: &Digest) -> Result<Option<Stored>, Error> {
        let image = store::image(&mut self.db.read().await?, digest).await?;
        let Some(image) = image else { return Ok(None) };
        let manifest = Manifest::parse(&self.blobs.read(digest, image.size).await?, None)?;
        Ok(Some(Stored { image, manifest }))
    }

    /// Attach it in these repositories, where it replaces what `kind` named before; part of the transaction of whoever says it. Gives
    /// in how many it is new: repositories that lack the image, and those where it makes way for another form, are left out.
    pub async fn attach(
        tx: &mut Tx,
        ctx: &Ctx,
        stored: &Stored,
        kind: &str,
        names: &[RepoName],
    ) -> Result<usize, Error> {
        Registry::require_writable(tx).await?;
        let (Some(subject), digest) = (&stored.image.subject, &stored.image.digest) else { return Ok(0) };
        store::refuse_sweeping(tx, digest).await?;
        store::insert_image(tx, &stored.image, &stored.manifest, ctx.now).await?;
        let mut entry =
            Entry::new("image.attested").about(subject).detail("kind", kind).detail("digest", digest.as_str());
        let mut count = 0;
        for name in names {
            let Some(repository) = store::repository(tx, name).await? else { continue };
            if !can_attach(tx, &repository.id, subject).await? {
                continue;
            }
            for blob in stored.manifest.required_blobs() {
                store::refuse_sweeping(tx, &blob.digest).await?;
                store::attach_blob(tx, &repository.id, &blob.digest, ctx.now).await?;
            }
            if !store::attach_manifest(tx, &repository.id, digest, kind, &ctx.actor.label(), ctx.now).await? {
                continue;
            }
            count += 1;
            entry = entry.about(record::repository_subject(name));
            for older in store::attached(tx, &repository.id, subject, Some(kind)).await? {
                if older != *digest {
                    detach(tx, ctx, &repository.id, &older).await?;
                }
            }
        }
        if count > 0 {
            audit::append(tx, ctx, entry).await?;
        }
        Ok(count)
    }

    /// Whether something could be attached to the image there.
    pub async fn may_attach(tx: &mut Tx, name: &RepoName, image: &Digest) -> Result<bool, Error> {
        match store::repository(tx, name).await? {
            Some(repository) => can_attach(tx, &repository.id, image).await,
            None => Ok(false),
        }
    }

    /// Remove attachments whose image is gone for good.
    pub(crate) async fn collect_attachments(&self, ctx: &Ctx) -> Result<(), Error> {
        loop {
            let lost = store::lost_attachments(&mut self.db.read().await?, BATCH).await?;
            if lost.is_empty() {
                return Ok(());
            }
            db::write!(self.db, ctx, |tx| {
                for (repository, digest) in &lost {
                    detach(tx, ctx, repository, digest).await?;
                }
                let digests: Vec<&Digest> = lost.iter().map(|(_, digest)| digest).collect();
                let entry = Entry::new("attestations.removed").detail("count", lost.len()).detail("digests", digests);
                audit::append(tx, ctx, entry).await.map_err(Error::from)
            })?;
        }
    }
}

impl Registry {
    /// The image that a tag only says something of: cosign keeps signatures, attestations and inventories of `sha256:<hex>` under
    /// `sha256-<hex>.sig`, `.att` and `.sbom`.
    pub fn companion_of(tag: &oci::Tag) -> Option<Digest> {
        let (name, end) = tag.as_str().strip_prefix("sha256-")?.rsplit_once('.')?;
        ["sig", "att", "sbom"].contains(&end).then(|| format!("sha256:{name}").parse().ok()).flatten()
    }
}

async fn can_attach(tx: &mut Tx, repository: &Id<Repository>, image: &Digest) -> Result<bool, Error> {
    let held = store::image_in(tx, repository, image).await?.is_some();
    Ok(held && !store::has_older_signature(tx, repository, image).await?)
}

/// A manifest was copied: it may be an attachment, or what attachments make way for.
pub(crate) async fn copied(
    tx: &mut Tx,
    ctx: &Ctx,
    from: &Repository,
    to: &Repository,
    digest: &Digest,
) -> Result<(), Error> {
    let Some(image) = store::image(tx, digest).await? else { return Ok(()) };
    let Some(subject) = &image.subject else { return Ok(()) };
    if store::mark_attached(tx, &from.id, &to.id, digest).await?
        && store::has_older_signature(tx, &to.id, subject).await?
    {
        return detach(tx, ctx, &to.id, digest).await;
    }
    make_way_for_referrer(tx, ctx, &to.id, &image).await
}

/// Make way where what was just pushed or set is a signature in the older form: of the image that the tag is named after.
pub(crate) async fn make_way_for_tag(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &Id<Repository>,
    tag: &oci::Tag,
) -> Result<(), Error> {
    match Registry::companion_of(tag).filter(|_| !tag.as_str().ends_with(".sbom")) {
        Some(subject) => make_way(tx, ctx, repository, &subject).await,
        None => Ok(()),
    }
}

/// The same for a referrer.
pub(crate) async fn make_way_for_referrer(
    tx: &mut Tx,
    ctx: &Ctx,
    repository: &Id<Repository>,
    image: &Image,
) -> Result<(), Error> {
    let kind = image.artifact_type.as_ref().or_else(|| image.config.as_ref().map(|config| &config.media_type));
    match (&image.subject, kind.map(MediaType::as_str)) {
        (Some(subject), Some(kind)) if store::OLDER_SIGNATURES.contains(&kind) => {
            make_way(tx, ctx, repository, subject).await
        }
        _ => Ok(()),
    }
}

async fn make_way(tx: &mut Tx, ctx: &Ctx, repository: &Id<Repository>, subject: &Digest) -> Result<(), Error> {
    for digest in store::attached(tx, repository, subject, None).await? {
        detach(tx, ctx, repository, &digest).await?;
    }
    Ok(())
}

async fn detach(tx: &mut Tx, ctx: &Ctx, repository: &Id<Repository>, digest: &Digest) -> Result<(), Error> {
    store::remove_manifest(tx, repository, digest).await?;
    store::review_links_of(tx, repository, digest, collect::after(ctx, limits::LINK_REVIEW_AFTER)).await?;
    Ok(store::review_bytes(tx, digest, collect::after(ctx, limits::BYTES_REVIEW_AFTER)).await?)
}

/// Always the same bytes for the same attachment.
/// Configuration and layer are the same blob. The empty `{}` that other artifacts have there would be held in every repository by
/// what we attach, and nobody could delete it.
fn manifest_of(attachment: &Attachment<'_>, blob: &Digest) -> Vec<u8> {
    let subject = attachment.subject;
    let blob = json!({"mediaType": attachment.media_type, "digest": blob, "size": attachment.bytes.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": attachment.media_type,
        "config": blob,
        "layers": [blob],
        "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        "annotations": attachment.annotations,
    });
    manifest.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use crate::Registry;

    #[test]
    fn tags_of_signatures_name_what_is_signed() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let companion_of = |tag: &str| Registry::companion_of(&tag.parse().unwrap());
        for end in ["sig", "att", "sbom"] {
            assert_eq!(companion_of(&format!("sha256-{hex}.{end}")).unwrap().to_string(), format!("sha256:{hex}"));
        }
        for other in [format!("sha256-{hex}"), format!("sha256-{hex}.txt"), "latest.sig".into(), "sha256-1.sig".into()]
        {
            assert_eq!(companion_of(&other), None, "{other}");
        }
    }
}
