//! Which layers of an image come with the image it was built on, and how that is known.
//!
//! ```text
//!   another image, that the reader may pull, has exactly the lowest layers ─► its name, and how many: certain
//!   annotation or label of the image ─► a name that nobody checks; history ─► how many layers, a guess
//! ```

use base::Ctx;
use bom::{Base, KnownBy};
use db::Tx;
use oci::{Digest, RepoName};
use registry::{Registry, Right};

use crate::{About, Error, Scan};

/// What an image tells of its base by itself: its annotation or label gives the name, its history lets guess the layers.
pub fn base_told(about: &About) -> Option<Base> {
    let config = posture::Config::parse(&about.config_json)?;
    let (annotated, labelled) = (posture::base_named(&about.annotations), posture::base_named(&config.labels));
    let named = if annotated == posture::Base::default() { labelled } else { annotated };
    let layers = posture::layers_of_history(&config);
    let known_by = match (&named.name, &named.digest) {
        (None, None) if layers == 0 => return None,
        (None, None) => KnownBy::History,
        _ => KnownBy::Label,
    };
    Some(Base { name: named.name, digest: named.digest, layers, known_by })
}

/// How many of an image's lowest layers are those of the image with this configuration; 0 when it was not built on it.
pub fn base_below(about: &About, base: &[u8]) -> usize {
    let diff_ids = |json| posture::Config::parse(json).map(|config| config.diff_ids).unwrap_or_default();
    posture::base_layers(&diff_ids(&about.config_json), &diff_ids(base))
}

impl Scan {
    /// The image that an image of a repository was built on. Images of other repositories count, and only those that the actor may pull: what
    /// lies where somebody may not look is not told to them, neither by its name nor by the number of its layers. Of several the one with
    /// most layers; where there is none, what the image itself tells.
    ///
    /// An image of the same repository with fewer layers is no base: it is what the same Dockerfile made before.
    pub async fn base_of(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        repository: &RepoName,
        digest: &Digest,
        about: &About,
    ) -> Result<Option<Base>, Error> {
        for (base, layers) in Registry::built_on(tx, digest).await? {
            for place in Registry::places(tx, &base).await? {
                if place.repository == *repository
                    || Registry::authorize(tx, ctx, &place.repository, Right::Pull).await.is_err()
                {
                    continue;
                }
                let name = match place.tags.first() {
                    Some(tag) => format!("{}:{tag}", place.repository),
                    None => format!("{}@{base}", place.repository),
                };
                let (name, digest) = (Some(name), Some(base.to_string()));
                return Ok(Some(Base { name, digest, layers, known_by: KnownBy::Layers }));
            }
        }
        Ok(base_told(about))
    }
}
