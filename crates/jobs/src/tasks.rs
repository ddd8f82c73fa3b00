//! Background tasks with an owner.

use std::{future::Future, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The tasks of one process: every one is told to stop at shutdown and waited for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Tasks {
    /// Run `work` in the background. It watches [`Tasks::stopped`] itself when it can take long.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.tracker.spawn(work);
    }

    /// Resolves when the process is asked to stop.
    pub async fn stopped(&self) {
        self.0.stop.cancelled().await;
    }

    pub fn is_stopping(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    /// Ask all tasks to stop, without waiting.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Ask all tasks to stop and wait for them, at most `patience`. Gives whether all ended.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.stop();
        self.0.tracker.close();
        tokio::time::timeout(patience, self.0.tracker.wait()).await.is_ok()
    }
}
