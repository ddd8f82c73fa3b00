//! Following the snapshot that another server of the same database took into use.
//!
//! Each server has the snapshot in memory; a row says which one is current. Before an image is scanned the row is looked at, and every
//! [`FOLLOW`] for what people are shown. What was scanned meanwhile with the one before is matched again.

use std::time::Duration;

use base::Ctx;
use db::Tx;
use jobs::{NewJob, Tasks};

use crate::{Error, REMATCH_JOB, Scan, store};

/// How long a server may show the snapshot of before: what somebody who uploads one waits without a thought.
const FOLLOW: Duration = Duration::from_secs(2);

impl Scan {
    /// Use the snapshot that the database says is current, if this server does not yet.
    pub async fn follow(&self) -> Result<(), Error> {
        if self.is_current().await? {
            return Ok(());
        }
        let _one_by_one = self.adopting.lock().await;
        if self.is_current().await? {
            return Ok(());
        }
        self.open_current().await
    }

    /// The same at every [`FOLLOW`], until the tasks are to end.
    pub async fn keep_following(self, tasks: Tasks) {
        let mut stopped = std::pin::pin!(tasks.stopped());
        let mut told = None;
        loop {
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(FOLLOW) => {}
            }
            let failed = self.follow().await.err().map(|error| error.to_string());
            if let Some(error) = failed.as_ref().filter(|_| failed != told) {
                tracing::warn!(%error, "the advisory snapshot that another server took into use cannot be opened here");
            }
            told = failed;
        }
    }

    /// Before a scan: one with the snapshot of before is better than none, and says which it was.
    pub(crate) async fn try_to_follow(&self) {
        if let Err(error) = self.follow().await {
            tracing::warn!(%error, "a scan uses the advisory snapshot that this server has, which is not the current one");
        }
    }

    /// Have matched again what was scanned with a snapshot that is current no more, in the transaction that wrote the result.
    pub(crate) async fn want_rematch_after(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        snapshot: &str,
        entry: &str,
    ) -> Result<(), Error> {
        let current = store::current_snapshot(tx).await?;
        if current.is_some_and(|current| current.digest != snapshot) && store::settings(tx).await?.auto_recheck {
            let job = NewJob::new(REMATCH_JOB, serde_json::json!({})).in_lane(REMATCH_JOB).caused_by(entry);
            ::jobs::enqueue(tx, ctx, job).await?;
        }
        Ok(())
    }

    async fn is_current(&self) -> Result<bool, Error> {
        let row = store::current_snapshot(&mut self.db.read().await?).await?;
        Ok(row.is_none_or(|row| row.digest == self.current.get().digest()))
    }
}
