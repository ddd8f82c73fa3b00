//! Which layers of an image are those of a base that somebody names.

use anyhow::{Context, Result, bail};
use bom::{Base, KnownBy};
use scan::About;

use super::{Reading, source::Source};

/// The base image by its layers: none of them is read, their digests are compared.
pub(super) async fn of(about: &About, base: &Source, reading: &Reading) -> Result<Base> {
    let found = reading.found(base).await.with_context(|| format!("cannot read the base image {base}"))?;
    let layers = scan::base_below(about, &found.config);
    if layers == 0 {
        bail!("{} is not built on {base}: its lowest layers are others; leave --base out", about.name);
    }
    let digest = found.digest.map(|digest| digest.to_string());
    Ok(Base { name: Some(base.to_string()), digest, layers, known_by: KnownBy::Layers })
}
