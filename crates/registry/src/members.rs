//! What stands behind a digest in one repository: the images that can run, and what of them is not there.
//!
//! A sparse manifest names what its repository does not hold, and another repository may hold just that. Whatever is read
//! out of an image, its layers, its configuration, what a scan found in them, is therefore asked of a repository.

use std::collections::BTreeSet;

use base::limits;
use db::Tx;
use oci::{Digest, RepoName};

use crate::{Error, Image, Registry, store};

/// The images behind a digest.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// The image itself, or those an index names, in its order, also through other indexes. Attestations and other artifacts
    /// are none.
    pub images: Vec<Image>,
    /// Manifests that an index names and the repository does not hold: nobody knows whether they are images.
    pub absent: Vec<Digest>,
}

impl Registry {
    /// The images behind a digest that the repository holds.
    pub async fn members(tx: &mut Tx, name: &RepoName, digest: &Digest) -> Result<Members, Error> {
        let mut members = Members::default();
        let Some(repository) = store::repository(tx, name).await? else { return Ok(members) };
        let (mut seen, mut waiting) = (BTreeSet::from([digest.clone()]), vec![digest.clone()]);
        while let Some(digest) = waiting.pop() {
            let Some(image) = store::image_in(tx, &repository.id, &digest).await? else {
                members.absent.push(digest);
                continue;
            };
            if !image.is_index() {
                members.images.extend(image.is_runnable().then_some(image));
                continue;
            }
            for child in store::references(tx, &digest, "manifest").await?.into_iter().rev() {
                let manifest = child.media_type.is_manifest() || child.media_type.is_index();
                if manifest && seen.insert(child.digest.clone()) {
                    waiting.push(child.digest);
                }
            }
            if seen.len() > limits::IMAGE_MANIFESTS {
                return Err(Error::TooLarge(format!(
                    "an index has at most {} manifests in it",
                    limits::IMAGE_MANIFESTS
                )));
            }
        }
        Ok(members)
    }

    /// A configuration or layer that the image names and the repository does not hold; `None` when the image is whole, as
    /// all are where sparse manifests are refused. Layers that nobody may distribute are not asked for.
    pub async fn missing_blob(tx: &mut Tx, name: &RepoName, image: &Digest) -> Result<Option<Digest>, Error> {
        match store::repository(tx, name).await? {
            Some(repository) => Ok(store::missing_blob(tx, &repository.id, image).await?),
            None => Ok(Some(image.clone())),
        }
    }
}
