//! Timers: jobs that are written every so often, and jobs that are written by the clock.

use std::{sync::Arc, time::Duration};

use base::Timestamp;
use db::Error;

use crate::{Cron, NewJob, Tasks, Worker, board::WORTH_KEEPING, enqueue, store};

/// When jobs of a kind are written.
#[derive(Clone, Debug)]
pub(crate) enum Timer {
    /// With this pause.
    Every(Duration),
    /// By the clock; somebody may have set another time.
    At(Cron),
}

/// How often a changed schedule is seen, and a clock that was set.
const LOOK: Duration = Duration::from_secs(30);

/// Write jobs of this kind until the tasks stop.
pub(crate) async fn run(worker: Arc<Worker>, tasks: Tasks, kind: &'static str, timer: Timer) {
    let (mut seen, kept) = (worker.now(), timer.is_worth_keeping());
    loop {
        let pause = match &timer {
            Timer::Every(period) => *period,
            Timer::At(usual) => worker.until(kind, usual, seen).await,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = tasks.stopped() => return,
        }
        let now = worker.now();
        let due = match &timer {
            Timer::Every(_) => true,
            Timer::At(usual) => worker.next(kind, usual, seen).await.is_some_and(|next| next <= now),
        };
        seen = now;
        if due && let Err(error) = worker.write_timed(kind, kept).await {
            tracing::warn!(kind, %error, "a scheduled job could not be written");
        }
    }
}

impl Timer {
    fn is_worth_keeping(&self) -> bool {
        match self {
            Timer::Every(period) => *period >= WORTH_KEEPING,
            Timer::At(_) => true,
        }
    }
}

impl Worker {
    /// When the next job of this kind is to be written.
    async fn next(&self, kind: &str, usual: &Cron, after: Timestamp) -> Option<Timestamp> {
        let set = async { store::schedule(&mut self.db.read().await?, kind).await };
        match set.await {
            Ok(Some(None)) => None,
            Ok(Some(Some(other))) => other.next_after(after),
            Ok(None) => usual.next_after(after),
            Err(error) => {
                tracing::warn!(kind, %error, "the schedule of a job could not be read; the usual one holds");
                usual.next_after(after)
            }
        }
    }

    async fn until(&self, kind: &str, usual: &Cron, after: Timestamp) -> Duration {
        let next = self.next(kind, usual, after).await;
        let pause = next.and_then(|next| next.duration_since(self.now()).try_into().ok());
        pause.unwrap_or(LOOK).clamp(Duration::from_millis(10), LOOK)
    }

    async fn write_timed(&self, kind: &'static str, kept: bool) -> Result<(), Error> {
        let ctx = self.ctx();
        let job = NewJob::new(kind, serde_json::Value::Null).in_lane(&format!("schedule {kind}"));
        let job = if kept { job } else { job.not_kept() };
        db::write!(self.db, &ctx, |tx| enqueue(tx, &ctx, job.clone()).await.map(drop))
    }
}
