//! Pushing a manifest.

use audit::Entry;
use base::{Ctx, limits};
use db::Tx;
use oci::{Algorithm, Descriptor, Digest, ImageConfig, Manifest, Platform, Reference, RepoName, Tag};

use crate::{
    Config, Error, Image, Origin, Registry, Repository, attach, delete, record, store,
    tag::{NewTag, Step, emit_pushed, set},
};

/// A manifest as a client sends it.
#[derive(Clone, Debug)]
pub struct ManifestPush<'a> {
    pub repository: &'a RepoName,
    /// A tag, or the digest the client computed.
    pub reference: &'a Reference,
    pub content_type: Option<&'a str>,
    pub bytes: Vec<u8>,
    /// More tags to set, `?tag=a&tag=b`.
    pub tags: &'a [Tag],
}

/// What became of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    pub digest: Digest,
    /// For `OCI-Subject`: the manifest this one is about.
    pub subject: Option<Digest>,
    /// The audit entry; `None` when nothing changed, for it was all there.
    pub entry: Option<String>,
}

impl Registry {
    /// Take a manifest and set its tags. On disk and in the log when this returns.
    pub async fn push_manifest(&self, ctx: &Ctx, push: ManifestPush<'_>) -> Result<Pushed, Error> {
        let outcome = self.take_manifest(ctx, push).await;
        self.tell_refused(ctx, outcome).await
    }

    async fn take_manifest(&self, ctx: &Ctx, push: ManifestPush<'_>) -> Result<Pushed, Error> {
        let manifest = Manifest::parse(&push.bytes, push.content_type)?;
        let digest = digest_of(&push)?;
        let tags = tags_of(&push)?;
        // Look before anything is stored: the bytes of a refused push shall not stay.
        let mut tx = self.db.read().await?;
        match self.place(&mut tx, ctx, push.repository).await? {
            Some(repository) => {
                self.check_references(&mut tx, &repository, &manifest).await?;
                let mut same = store::image_in(&mut tx, &repository.id, &digest).await?.is_some();
                for tag in &tags {
                    same &= self.gate(&mut tx, &repository, tag, &digest).await? == Step::Same;
                }
                if !same {
                    Registry::require_pusher(&mut tx, ctx, push.repository, Some(&repository)).await?;
                }
            }
            None if self.settings.sparse => {}
            None => refuse_any_reference(push.repository, &manifest)?,
        }
        let readable = config_is_readable(&mut tx, push.repository, &manifest).await?;
        drop(tx);
        let platform = if readable { self.platform_of(push.repository, &manifest).await? } else { None };
        let image = Image { platform, ..describe(&manifest, &digest, push.bytes.len()) };
        self.keep_bytes(ctx, &digest).await?;
        self.blobs.put(ctx, &digest, push.bytes).await?;
        let entry = db::write!(self.db, ctx, |tx| {
            let repository = self.place_to_push(tx, ctx, push.repository).await?;
            Registry::note_pushed(tx, ctx, &digest, image.size).await?;
            self.check_references(tx, &repository, &manifest).await?;
            self.record_push(tx, ctx, &repository, &image, &manifest, &tags).await
        })?;
        self.wake.notify_one();
        Ok(Pushed { digest, subject: image.subject, entry })
    }

    async fn record_push(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        repository: &Repository,
        image: &Image,
        manifest: &Manifest,
        tags: &[Tag],
    ) -> Result<Option<String>, Error> {
        store::insert_image(tx, image, manifest, ctx.now).await?;
        let author = ctx.actor.label();
        let may = Registry::require_pusher(tx, ctx, &repository.name, Some(repository)).await;
        let added = store::add_manifest(tx, &repository.id, &image.digest, &author, ctx.now, ctx.job()).await?;
        let name = &repository.name;
        if added {
            may.clone()?;
            Registry::require_room(tx, repository, 0).await?;
            attach::make_way_for_referrer(tx, ctx, &repository.id, image).await?;
        }
        let mut entry = Entry::new("image.pushed")
            .about(&image.digest)
            .about(record::repository_subject(name))
            .detail("repository", name)
            .detail("digest", &image.digest)
            .detail("media_type", &image.media_type)
            .detail("tag", tags.first());
        if tags.len() > 1 {
            entry = entry.detail("tags", tags);
        }
        if let Some(subject) = &image.subject {
            entry = entry.about(subject);
        }
        if let Some(job) = ctx.job() {
            entry = entry.about(record::job_subject(job));
        }
        let mut written = Vec::new();
        for tag in tags {
            let step = self.gate(tx, repository, tag, &image.digest).await?;
            let stays = repository.immutable || may.is_err() || store::tag_is_promoted(tx, &repository.id, tag).await?;
            if step == Step::Same && stays {
                // How it came first is what the log keeps: a signer pushes the promoted image it signs once more, and it is
                // no less promoted for that.
                continue;
            }
            may.clone()?;
            let new = NewTag {
                tag: tag.clone(),
                digest: image.digest.clone(),
                pushed_by: author.clone(),
                pushed_at: ctx.now,
                job: ctx.job(),
                origin: Origin::Pushed,
            };
            if let Step::Moves { from } = step {
                entry = entry.detail("before", from);
            }
            entry = set(tx, ctx, repository, &new, entry).await?;
            written.push(new);
        }
        if !added && written.is_empty() {
            return Ok(None);
        }
        let entry = audit::append(tx, ctx, entry).await?;
        emit_pushed(tx, ctx, repository, image, &written, &entry).await?;
        if !written.is_empty() {
            delete::drop_oldest_tags(tx, ctx, repository, self.removal("tag limit")).await?;
        }
        Ok(Some(entry))
    }

    /// Whatever a manifest names must be in the same repository, with the size it states; only then can it be pulled whole.
    /// Children of an index are manifests; some build caches put blobs there, which then must be blobs. Where sparse
    /// manifests are taken, what is there must still have the size.
    async fn check_references(&self, tx: &mut Tx, repository: &Repository, manifest: &Manifest) -> Result<(), Error> {
        for blob in manifest.required_blobs() {
            let known = store::blob_size(tx, &repository.id, &blob.digest).await?;
            self.check_size(known, &repository.name, "blob", blob)?;
        }
        for child in manifest.manifests() {
            let known = store::manifest_size(tx, &repository.id, &child.digest).await?;
            if known.is_some() || child.media_type.is_manifest() || child.media_type.is_index() {
                self.check_size(known, &repository.name, "manifest", child)?;
            } else if !child.media_type.is_nondistributable() {
                let known = store::blob_size(tx, &repository.id, &child.digest).await?;
                self.check_size(known, &repository.name, "blob", child)?;
            }
        }
        Ok(())
    }

    fn check_size(
        &self,
        known: Option<u64>,
        name: &RepoName,
        what: &'static str,
        named: &Descriptor,
    ) -> Result<(), Error> {
        match known {
            None if self.settings.sparse => Ok(()),
            None => Err(missing(name, what, named)),
            Some(size) if size == named.size => Ok(()),
            Some(size) => Err(Error::SizeInvalid(format!(
                "the manifest says that the {what} {} has {} bytes, but it has {size}",
                named.digest, named.size
            ))),
        }
    }

    /// The platform of an image that can run, from its configuration. One that cannot be read as such says nothing; one
    /// that the disk lost must be pushed again.
    async fn platform_of(&self, name: &RepoName, manifest: &Manifest) -> Result<Option<Platform>, Error> {
        let Some(config) = manifest.config().filter(|_| manifest.is_runnable()) else { return Ok(None) };
        if config.size > limits::MANIFEST_BYTES as u64 {
            return Ok(None);
        }
        let bytes = match self.blobs.read(&config.digest, config.size).await {
            Ok(bytes) => bytes,
            Err(blob::Error::NotFound(_) | blob::Error::Damaged { .. }) => {
                return Err(missing(name, "configuration", config));
            }
            Err(error) => return Err(error.into()),
        };
        let Ok(read) = ImageConfig::parse(&bytes) else { return Ok(None) };
        let (os, architecture) = (read.os.unwrap_or_default(), read.architecture.unwrap_or_default());
        Ok(Some(Platform { os, architecture, variant: read.variant, ..Platform::default() }))
    }
}

fn digest_of(push: &ManifestPush<'_>) -> Result<Digest, Error> {
    match push.reference {
        Reference::Tag(_) => Ok(Digest::of(Algorithm::Sha256, &push.bytes)),
        Reference::Digest(expected) => {
            let actual = Digest::of(expected.algorithm(), &push.bytes);
            if actual == *expected {
                Ok(actual)
            } else {
                Err(Error::DigestInvalid { expected: expected.clone(), actual })
            }
        }
    }
}

fn tags_of(push: &ManifestPush<'_>) -> Result<Vec<Tag>, Error> {
    let mut tags: Vec<Tag> = push.tags.to_vec();
    if let Reference::Tag(tag) = push.reference {
        tags.push(tag.clone());
    }
    tags.sort();
    tags.dedup();
    if tags.len() > limits::PUSH_TAGS {
        return Err(Error::TooLarge(format!("one push sets at most {} tags", limits::PUSH_TAGS)));
    }
    Ok(tags)
}

pub(crate) fn describe(manifest: &Manifest, digest: &Digest, size: usize) -> Image {
    Image {
        digest: digest.clone(),
        media_type: manifest.media_type().clone(),
        artifact_type: manifest.artifact_type().cloned(),
        subject: manifest.subject().map(|subject| subject.digest.clone()),
        config: manifest.config().map(|config| Config {
            digest: config.digest.clone(),
            media_type: config.media_type.clone(),
            size: config.size,
        }),
        size: size as u64,
        total_bytes: manifest.total_bytes(),
        platform: None,
    }
}

/// Whether the repository holds the configuration, so that its bytes may be read on behalf of whoever pushes.
async fn config_is_readable(tx: &mut Tx, name: &RepoName, manifest: &Manifest) -> Result<bool, Error> {
    let (Some(config), Some(repository)) = (manifest.config(), store::repository(tx, name).await?) else {
        return Ok(false);
    };
    Ok(store::blob_size(tx, &repository.id, &config.digest).await? == Some(config.size))
}

/// A repository that this push would make holds nothing yet.
fn refuse_any_reference(name: &RepoName, manifest: &Manifest) -> Result<(), Error> {
    if let Some(blob) = manifest.required_blobs().next() {
        return Err(missing(name, "blob", blob));
    }
    match manifest.manifests().iter().find(|child| !child.media_type.is_nondistributable()) {
        Some(child) => Err(missing(name, "manifest", child)),
        None => Ok(()),
    }
}

fn missing(name: &RepoName, what: &'static str, named: &Descriptor) -> Error {
    Error::Missing { repository: name.clone(), what, digest: named.digest.clone() }
}
