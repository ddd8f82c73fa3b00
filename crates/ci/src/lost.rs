//! Jobs that nobody hears of any more.

use std::time::Duration;

use base::{Ctx, Timestamp};

use crate::{Ci, Error, FailureReason, Job, JobEvent, JobStatus, finish::Ending, store};

/// The job that looks for them; it wants to run every few seconds.
pub const LOST_JOB: &str = "ci.lost";

/// What a job may take beyond its time, for its runner to notice and to report.
const GRACE: Duration = Duration::from_secs(300);

/// How long a job may be without a log before it counts as never handed over; stock runners send every three seconds.
const UNHEARD: Duration = Duration::from_secs(20);

impl Ci {
    /// The reconciler: fail jobs whose runner is silent, jobs whose runner may never have got them, and jobs far beyond
    /// their time. Gives how many there were.
    pub async fn reap(&self, ctx: &Ctx) -> Result<usize, Error> {
        let running = store::jobs::with_status(&mut self.0.db.read().await?, JobStatus::Running).await?;
        let mut count = 0;
        for job in running {
            let Some(reason) = self.fate(ctx, &job) else { continue };
            let ended = db::write!(self.0.db, ctx, |tx| {
                // It may have been heard of since.
                let Some(job) = store::jobs::get(tx, job.id).await? else { return Ok(None) };
                if job.status != JobStatus::Running || self.fate(ctx, &job) != Some(reason) {
                    return Ok(None);
                }
                let ending = Ending { event: JobEvent::Fail, reason: Some(reason), exit_code: None };
                Ok::<_, Error>(Some(self.end(tx, ctx, job, ending).await?))
            })?;
            if let Some(advanced) = ended {
                tracing::warn!(job = job.id, %reason, "a job was given up");
                self.after(&advanced).await;
                count += 1;
            }
        }
        Ok(count)
    }

    /// After a start: the time this server was away must not be held against runners.
    pub async fn resume(&self, ctx: &Ctx) -> Result<u64, Error> {
        db::write!(self.0.db, ctx, |tx| Ok(store::jobs::touch_running(tx, ctx.now).await?))
    }

    fn fate(&self, ctx: &Ctx, job: &Job) -> Option<FailureReason> {
        let older = |since: Option<Timestamp>, by: Duration| {
            since.and_then(|since| since.checked_add(by).ok()).is_some_and(|until| until < ctx.now)
        };
        let time = Duration::from_secs(job.timeout_seconds()).saturating_add(GRACE);
        // The answer that hands a job over can be lost, by a crash on either side. A runner begins its log at once.
        let unheard = job.trace.received == 0 && older(job.contact_at, UNHEARD.min(self.0.lost_after));
        if unheard || older(job.contact_at, self.0.lost_after) {
            Some(FailureReason::RunnerSystemFailure)
        } else {
            older(job.started_at, time).then_some(FailureReason::JobExecutionTimeout)
        }
    }
}
