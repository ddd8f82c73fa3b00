//! Images scanned again: by a newer scanner, or because somebody wants all of them.

use audit::Entry;
use base::{Ctx, Id};
use db::Tx;
use registry::Registry;

use crate::{Error, REMATCH_JOB, RENEW_JOB, Scan, jobs::Renew, store};

/// Images that are looked up at once.
const PAGE: i64 = 100;

impl Scan {
    /// At the start: what an older scanner looked at is looked at again. Until then its results stand.
    pub async fn resume(&self, ctx: &Ctx) -> Result<(), Error> {
        if !self.settings().await?.enabled {
            return Ok(());
        }
        if store::scanned(&mut self.db.read().await?, &Renew::Outdated, "", 1).await?.is_empty() {
            return Ok(());
        }
        db::write!(self.db, ctx, |tx| enqueue(tx, ctx, &Renew::Outdated, None).await)
    }

    /// Scan every image again that was scanned before. Administrators only.
    pub async fn request_all(&self, ctx: &Ctx) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            identity::Level::require_admin(tx, &ctx.actor).await.map_err(|error| Error::Registry(error.into()))?;
            Scan::require_enabled(tx).await?;
            let entry = audit::append(tx, ctx, Entry::new("scan.all_requested")).await?;
            enqueue(tx, ctx, &Renew::All, Some(&entry)).await
        })
    }

    /// Hold the current snapshot against everything that was scanned before. Administrators only.
    pub async fn request_recheck(&self, ctx: &Ctx) -> Result<Id<::jobs::Job>, Error> {
        db::write!(self.db, ctx, |tx| {
            identity::Level::require_admin(tx, &ctx.actor).await.map_err(|error| Error::Registry(error.into()))?;
            Scan::require_enabled(tx).await?;
            let entry = audit::append(tx, ctx, Entry::new("scan.recheck_requested")).await?;
            let job = ::jobs::NewJob::new(REMATCH_JOB, serde_json::json!({})).in_lane(REMATCH_JOB).caused_by(&entry);
            Ok::<_, Error>(::jobs::enqueue(tx, ctx, job).await?)
        })
    }

    pub(crate) async fn renew(&self, ctx: &Ctx, which: Renew) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let page = store::scanned(&mut self.db.read().await?, &which, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.to_string();
            if !self.settings().await?.enabled {
                // Switching it on begins anew.
                return Ok(());
            }
            for image in &page {
                let tags = Registry::tags_of(&mut self.db.read().await?, &[image]).await?;
                for (repository, tag) in tags.values().flatten() {
                    self.scan_pushed(ctx, repository, Some(tag), image, true).await?;
                }
            }
        }
    }
}

pub(crate) async fn enqueue(tx: &mut Tx, ctx: &Ctx, which: &Renew, cause: Option<&str>) -> Result<(), Error> {
    let which = serde_json::to_value(which).expect("a word always serialises");
    let mut job = ::jobs::NewJob::new(RENEW_JOB, which).in_lane(RENEW_JOB);
    if let Some(cause) = cause {
        job = job.caused_by(cause);
    }
    ::jobs::enqueue(tx, ctx, job).await?;
    Ok(())
}
