//! The report about an image that was scanned, made from what is stored: no layer is opened.

use bom::Report;
use inventory::ImageInventory;
use oci::RepoName;
use registry::Image;

use crate::{About, Error, Judging, Scan, State, Summary, layers::blocking, report, store};

impl Scan {
    /// What was found in an image, under the name it is asked for by, as every format is written from it; without what was waived. Whoever
    /// asks has shown that they may see the image. The same scan gives the same report: its time is the scan's; of the settings only
    /// that of staleness is in it.
    ///
    /// # Errors
    /// [`Error::NotScanned`]: the image was not scanned to its end, and why. [`Error::Incomplete`]: the repository does not hold all of it.
    pub async fn report(&self, repository: &RepoName, image: &Image, name: &str) -> Result<Report, Error> {
        let mut tx = self.db.read().await?;
        let (summary, stale_days) =
            (self.summary(&mut tx, repository, &image.digest).await?, store::updates(&mut tx).await?.stale_days);
        drop(tx);
        let summary = summary.ok_or_else(|| Error::NotScanned(name.to_owned()))?;
        let (Some(snapshot), State::Done) = (&summary.snapshot, summary.state) else {
            return Err(unfinished(name, &summary));
        };
        let snapshot = self.snapshot_of(snapshot).await?;
        let (about, inventory) = self.stored(repository, image, name, &summary).await?;
        let (profile, made) = (self.profile, summary.finished_at.unwrap_or(base::Timestamp::UNIX_EPOCH));
        let judge = move || {
            let judging = Judging { snapshot: &snapshot, profile, stale_days };
            report::report(&about, &inventory, Some(judging), made)
        };
        blocking(judge).await
    }

    /// The same as a mere bill of materials.
    pub(crate) async fn bill(&self, repository: &RepoName, image: &Image, name: &str) -> Result<Report, Error> {
        let summary = store::summary(&mut self.db.read().await?, &image.digest).await?;
        let summary = summary.ok_or_else(|| Error::NotScanned(name.to_owned()))?;
        let (about, inventory) = self.stored(repository, image, name, &summary).await?;
        let made = summary.finished_at.unwrap_or(base::Timestamp::UNIX_EPOCH);
        blocking(move || report::report(&about, &inventory, None, made)).await
    }

    async fn stored(
        &self,
        repository: &RepoName,
        image: &Image,
        name: &str,
        summary: &Summary,
    ) -> Result<(About, ImageInventory), Error> {
        let inventory = summary.inventory.as_deref().ok_or_else(|| unfinished(name, summary))?;
        let inventory = self.stored_inventory(inventory).await?;
        let about = self.about_itself(&mut self.db.read().await?, (repository, image), name).await?;
        Ok((about, inventory))
    }
}

fn unfinished(name: &str, summary: &Summary) -> Error {
    match (summary.state, &summary.error) {
        (State::Failed, Some(why)) => Error::Unfinished(format!("the scan of {name} failed: {why}")),
        (State::Failed, None) => Error::Unfinished(format!("the scan of {name} failed")),
        _ => Error::Unfinished(format!("the scan of {name} has not ended; ask again")),
    }
}
