//! Reports of what is stored, now and before the last change: what comparisons are made of.

use std::{collections::BTreeMap, sync::Arc};

use advisory::Snapshot;
use base::Ctx;
use bom::Report;
use db::Tx;
use inventory::ImageInventory;
use oci::{ImageConfig, Manifest, RepoName};
use registry::{Image, Registry};

use crate::{About, Error, Judging, Scan, Side, base_told, layers::blocking, report, store};

/// Which result of an image is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Now,
    /// Before the last scan, or the last advisories, that gave something else.
    Before,
}

/// A report with what it was made of.
#[derive(Clone, Debug)]
pub struct Reported {
    pub report: Report,
    pub(crate) image: ImageInventory,
    pub(crate) snapshot: Arc<Snapshot>,
}

impl Reported {
    /// For [`crate::compare`].
    pub fn side(&self) -> Side<'_> {
        Side { report: &self.report, judged: Some((&self.snapshot, &self.image)) }
    }
}

impl Scan {
    /// What was found in an image under the name it is asked for by, without waivers; None where there is no such result. Whoever asks
    /// has shown that they may see the image; the base image is named only where they may pull it.
    pub async fn reported(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        (repository, image): (&RepoName, &Image),
        name: &str,
        moment: Moment,
    ) -> Result<Option<Reported>, Error> {
        let Some(summary) = self.summary(tx, repository, &image.digest).await? else { return Ok(None) };
        let (Some(inventory), Some(snapshot)) = (summary.inventory, summary.snapshot) else { return Ok(None) };
        let inputs = match moment {
            Moment::Now => Some((inventory, snapshot, summary.finished_at)),
            Moment::Before => store::before(tx, &image.digest).await?,
        };
        let Some((inventory, snapshot, at)) = inputs else { return Ok(None) };
        let (inventory, snapshot) = match self.read_inputs(&inventory, &snapshot).await {
            Ok(inputs) => inputs,
            // It is kept as long as it is of use, and not longer.
            Err(error) if moment == Moment::Before => {
                tracing::info!(%error, image = %image.digest, "the result before cannot be told any more");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let about = self.about(tx, ctx, (repository, image), name).await?;
        let (profile, at, stale_days) = (self.profile, at.unwrap_or(ctx.now), store::updates(tx).await?.stale_days);
        let made = blocking(move || {
            let judging = Judging { snapshot: &snapshot, profile, stale_days };
            let report = report(&about, &inventory, Some(judging), at);
            Reported { report, image: inventory, snapshot }
        });
        made.await.map(Some)
    }

    async fn read_inputs(&self, inventory: &str, snapshot: &str) -> Result<(ImageInventory, Arc<Snapshot>), Error> {
        Ok((self.stored_inventory(inventory).await?, self.snapshot_of(snapshot).await?))
    }

    /// What is known of an image beside its inventory, as far as the actor may know it.
    pub async fn about(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        (repository, image): (&RepoName, &Image),
        name: &str,
    ) -> Result<About, Error> {
        let mut about = self.about_itself(tx, (repository, image), name).await?;
        about.base = self.base_of(tx, ctx, repository, &image.digest, &about).await?;
        Ok(about)
    }

    /// The same for everybody: of its base only what the image tells by itself.
    pub(crate) async fn about_itself(
        &self,
        tx: &mut Tx,
        (repository, image): (&RepoName, &Image),
        name: &str,
    ) -> Result<About, Error> {
        let config_json = self.registry.config_bytes_in(tx, repository, image).await?.unwrap_or_default();
        let manifest = self.registry.manifest_bytes(image).await?;
        let manifest = Manifest::parse(&manifest, Some(image.media_type.as_ref())).ok();
        let layers = Registry::layers(tx, &image.digest).await?;
        let mut about = About {
            name: name.to_owned(),
            kind: bom::Subject::Image,
            digest: Some(image.digest.clone()),
            layers: layers.into_iter().map(|layer| (Some(layer.digest), layer.size)).collect(),
            config: ImageConfig::parse(&config_json).ok(),
            annotations: manifest.map_or_else(BTreeMap::new, |manifest| manifest.annotations().clone()),
            config_json,
            base: None,
        };
        about.base = base_told(&about);
        Ok(about)
    }
}
