//! What other contexts read, in their own transaction. Rights are theirs to ask for, with [`Registry::authorize`].

use std::collections::BTreeMap;

use base::limits;
use db::Tx;
use oci::{Digest, RepoName, Tag};

use crate::{Error, Image, Layer, Place, Registry, Repository, TagView, store};

/// Images that are looked at for each number of layers that a base may have.
const BASE_CANDIDATES: i64 = 20;

impl Registry {
    pub async fn find(tx: &mut Tx, name: &RepoName) -> Result<Option<Repository>, Error> {
        Ok(store::repository(tx, name).await?)
    }

    /// What is known about a manifest that some repository holds or held.
    pub async fn image_of(tx: &mut Tx, digest: &Digest) -> Result<Option<Image>, Error> {
        Ok(store::image(tx, digest).await?)
    }

    /// The layers of an image, lowest first; an index has none.
    pub async fn layers(tx: &mut Tx, digest: &Digest) -> Result<Vec<Layer>, Error> {
        Ok(store::references(tx, digest, "layer").await?)
    }

    /// The images that this one may be built on, those with most layers first, with their numbers of layers: all of theirs are its
    /// lowest. At most twenty for each number.
    pub async fn built_on(tx: &mut Tx, digest: &Digest) -> Result<Vec<(Digest, usize)>, Error> {
        let layers = store::references(tx, digest, "layer").await?;
        let mut bases = Vec::new();
        for count in (1..layers.len()).rev() {
            let last = &layers[count - 1].digest;
            for image in store::images_ending_with(tx, digest, last, count - 1, BASE_CANDIDATES).await? {
                let below = store::references(tx, &image, "layer").await?;
                if below.iter().zip(&layers).all(|(own, layer)| own.digest == layer.digest) && below.len() == count {
                    bases.push((image, count));
                }
            }
        }
        Ok(bases)
    }

    /// Whether repositories of which nobody says otherwise scan on push.
    pub async fn scans_new(tx: &mut Tx) -> Result<bool, Error> {
        Ok(store::scans_new(tx).await?)
    }

    /// Have repositories made from now on scan on push, or not: those that are there stay as they are. Whoever calls it writes the entry.
    pub async fn scan_new(tx: &mut Tx, scan_on_push: bool) -> Result<(), Error> {
        Ok(store::set_scans_new(tx, scan_on_push).await?)
    }

    /// Whether anybody has these bytes: false once garbage collection took them.
    pub async fn has_bytes(tx: &mut Tx, digest: &Digest) -> Result<bool, Error> {
        Ok(store::bytes_size(tx, digest).await?.is_some())
    }

    /// What a tag names.
    pub async fn tagged(tx: &mut Tx, name: &RepoName, tag: &Tag) -> Result<Option<TagView>, Error> {
        match store::repository(tx, name).await? {
            Some(repository) => Ok(store::tag_view(tx, &repository.id, tag).await?),
            None => Ok(None),
        }
    }

    /// The tags of a repository after `after`, by name: for those who go through all of them page by page.
    pub async fn tagged_images(tx: &mut Tx, name: &RepoName, after: &str, limit: usize) -> Result<Vec<TagView>, Error> {
        let limit = i64::try_from(limit.min(base::limits::PAGE_MAX)).expect("a page is small");
        match store::repository(tx, name).await? {
            Some(repository) => Ok(store::tag_views(tx, &repository.id, after, limit).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Whether the repository holds this manifest.
    pub async fn holds_image(tx: &mut Tx, name: &RepoName, digest: &Digest) -> Result<bool, Error> {
        match store::repository(tx, name).await? {
            Some(repository) => Ok(store::manifest_size(tx, &repository.id, digest).await?.is_some()),
            None => Ok(false),
        }
    }

    /// Every repository that holds this manifest, with the tags that name it there.
    pub async fn places(tx: &mut Tx, digest: &Digest) -> Result<Vec<Place>, Error> {
        let mut places = Vec::new();
        for (id, repository) in store::repositories_with_manifest(tx, digest).await? {
            places.push(Place { repository, tags: store::tags_naming(tx, &id, digest).await? });
        }
        Ok(places)
    }

    /// Every tag that names one of these manifests, by digest.
    pub async fn tags_of(tx: &mut Tx, digests: &[&Digest]) -> Result<BTreeMap<Digest, Vec<(RepoName, Tag)>>, Error> {
        Ok(store::tags_of(tx, digests).await?)
    }

    /// The bytes of a manifest, checked.
    pub async fn manifest_bytes(&self, image: &Image) -> Result<Vec<u8>, Error> {
        Ok(self.blobs.read(&image.digest, image.size).await?)
    }

    /// The bytes of an image's configuration, checked; `None` for an index, where the repository does not hold it, and where it is larger
    /// than any configuration: what an artifact has in its place may be anything.
    pub async fn config_bytes(&self, name: &RepoName, image: &Image) -> Result<Option<Vec<u8>>, Error> {
        self.config_bytes_in(&mut self.db.read().await?, name, image).await
    }

    /// The same for whoever reads already.
    pub async fn config_bytes_in(&self, tx: &mut Tx, name: &RepoName, image: &Image) -> Result<Option<Vec<u8>>, Error> {
        let Some(config) = image.config.as_ref().filter(|config| config.size <= limits::MANIFEST_BYTES as u64) else {
            return Ok(None);
        };
        let Some(repository) = store::repository(tx, name).await? else { return Ok(None) };
        let held = store::blob_size(tx, &repository.id, &config.digest).await?;
        match held.filter(|size| *size == config.size) {
            Some(size) => Ok(Some(self.blobs.read(&config.digest, size).await?)),
            None => Ok(None),
        }
    }
}
