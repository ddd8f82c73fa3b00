//! The queue as an administrator sees it: what waits, runs and ended, what is to be cancelled, and when what is done.

use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc, time::Duration};

use audit::Entry;
use base::{Actor, Ctx, Id, Kind, Timestamp, limits};
use db::{Db, Tx};

use crate::{Cron, FORGET_JOB, History, HistoryChanges, Job, NewJob, Worker, enqueue, store};

/// Refuses whoever is no administrator. The binary gives it: accounts stand above the queue and use it.
pub type RequireAdmin = for<'t> fn(&'t mut Tx, &'t Actor) -> Answer<'t>;
type Answer<'t> = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 't>>;

/// Who it was, and what they may do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub kind: Kind,
    pub message: String,
}

/// The jobs of one installation; cheap to clone.
#[derive(Clone)]
pub struct Board {
    db: Db,
    worker: Arc<str>,
    crons: Arc<[(&'static str, Cron)]>,
    require_admin: RequireAdmin,
}

/// A job with what became of it.
#[derive(Clone, Debug)]
pub struct JobRecord {
    pub id: Id<Job>,
    pub kind: String,
    pub payload: serde_json::Value,
    pub state: State,
    /// The process that ran it last; empty before the first try.
    pub worker: String,
    pub attempts: i64,
    /// The audit entry it follows from.
    pub cause: Option<String>,
    pub created_at: Timestamp,
    /// When it is or was due.
    pub run_at: Timestamp,
    /// When its last try began.
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Why it did not succeed the last time.
    pub last_error: Option<String>,
    /// A line for each try that did not succeed.
    pub log: String,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Waiting,
    Running,
    Done,
    /// Given up.
    Failed,
    Canceled,
}

/// Which jobs to list; all by default.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub kinds: Option<Vec<String>>,
    pub worker: Option<String>,
    pub running: Option<bool>,
}

/// What could not be done with a job or a schedule.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("there is no job {0}; those that ended long ago are not kept")]
    NoSuchJob(String),
    #[error("the job {0} is over; there is nothing to cancel")]
    Over(Id<Job>),
    #[error("{0} is not done by the clock; there is no schedule to change")]
    NotByClock(String),
}

impl BoardError {
    pub fn kind(&self) -> Kind {
        match self {
            BoardError::Refused(refusal) => refusal.kind,
            BoardError::Database(error) => error.kind(),
            BoardError::NoSuchJob(_) => Kind::NotFound,
            BoardError::Over(_) => Kind::Conflict,
            BoardError::NotByClock(_) => Kind::Invalid,
        }
    }
}

impl Board {
    /// Of this worker, once it knows all it does by the clock.
    pub fn of(worker: &Worker, require_admin: RequireAdmin) -> Board {
        Board { db: worker.db.clone(), worker: worker.id(), crons: worker.crons().into(), require_admin }
    }

    /// The process that this is, as the records of its jobs name it.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// What is done by the clock, with its schedule of now; `None` is never.
    pub async fn crons(&self) -> Result<Vec<(&'static str, Option<Cron>)>, BoardError> {
        let set: BTreeMap<_, _> = store::schedules(&mut self.db.read().await?).await?.into_iter().collect();
        let now = |(kind, usual): &(&'static str, Cron)| {
            (*kind, set.get(*kind).cloned().unwrap_or_else(|| Some(usual.clone())))
        };
        Ok(self.crons.iter().map(now).collect())
    }

    /// Jobs, the newest first. Timers that look every few seconds are left out. For administrators, as all here.
    pub async fn list(
        &self,
        ctx: &Ctx,
        wanted: &Wanted,
        start: usize,
        limit: usize,
    ) -> Result<Vec<JobRecord>, BoardError> {
        let mut tx = self.db.read().await?;
        (self.require_admin)(&mut tx, &ctx.actor).await?;
        Ok(store::records(&mut tx, wanted, start, limit.min(limits::PAGE_MAX)).await?)
    }

    pub async fn job(&self, ctx: &Ctx, id: &str) -> Result<JobRecord, BoardError> {
        let mut tx = self.db.read().await?;
        (self.require_admin)(&mut tx, &ctx.actor).await?;
        store::record(&mut tx, id).await?.ok_or_else(|| BoardError::NoSuchJob(id.to_owned()))
    }

    /// Have a job not done: one that waits ends now, one that runs is stopped within seconds.
    pub async fn cancel(&self, ctx: &Ctx, id: &str) -> Result<(), BoardError> {
        db::write!(self.db, ctx, |tx| {
            (self.require_admin)(tx, &ctx.actor).await?;
            let found = store::record(tx, id).await?;
            let job = found.ok_or_else(|| BoardError::NoSuchJob(id.to_owned()))?;
            match job.state {
                State::Waiting => store::end_canceled(tx, &job.id, ctx.now).await?,
                State::Running => store::ask_to_cancel(tx, &job.id).await?,
                State::Done | State::Failed | State::Canceled => return Err(BoardError::Over(job.id)),
            }
            let entry = Entry::new("job.canceled").about(format!("queue/{}", job.kind)).detail("job", job.id.as_str());
            audit::append(tx, ctx, entry.detail("kind", &job.kind)).await?;
            Ok(())
        })
    }

    /// How much is kept of jobs that ended.
    pub async fn history(&self) -> Result<History, BoardError> {
        Ok(store::history(&mut self.db.read().await?).await?)
    }

    pub async fn set_history(&self, ctx: &Ctx, changes: HistoryChanges) -> Result<(), BoardError> {
        db::write!(self.db, ctx, |tx| {
            (self.require_admin)(tx, &ctx.actor).await?;
            let old = store::history(tx).await?;
            let new = old.with(changes);
            if new == old {
                return Ok(());
            }
            store::set_history(tx, &new).await?;
            let entry = Entry::new("jobs.history_changed")
                .detail("compaction", new.compaction)
                .detail("keep", new.to_keep)
                .detail("maxAgeSeconds", new.max_age.as_secs())
                .set(store::HISTORY_KEY, new.guard());
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Have what ended long ago forgotten now.
    pub async fn forget_now(&self, ctx: &Ctx) -> Result<Id<Job>, BoardError> {
        db::write!(self.db, ctx, |tx| {
            (self.require_admin)(tx, &ctx.actor).await?;
            let entry = audit::append(tx, ctx, Entry::new("jobs.forgetting_requested")).await?;
            let job = NewJob::new(FORGET_JOB, serde_json::Value::Null).in_lane(&format!("schedule {FORGET_JOB}"));
            Ok(enqueue(tx, ctx, job.caused_by(&entry)).await?)
        })
    }

    /// Set when jobs of this kind are written; `None` is never. It counts within half a minute.
    pub async fn set_schedule(&self, ctx: &Ctx, kind: &str, schedule: Option<&Cron>) -> Result<(), BoardError> {
        if !self.crons.iter().any(|(known, _)| *known == kind) {
            return Err(BoardError::NotByClock(kind.to_owned()));
        }
        db::write!(self.db, ctx, |tx| {
            (self.require_admin)(tx, &ctx.actor).await?;
            store::set_schedule(tx, kind, schedule).await?;
            let entry = Entry::new("jobs.schedule_changed")
                .about(format!("queue/{kind}"))
                .detail("schedule", schedule.map(ToString::to_string))
                .set(store::schedule_key(kind), store::schedule_text(schedule));
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, db::Error> {
        store::state(tx).await
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Board of {}", self.worker)
    }
}

impl State {
    /// As the column has it.
    pub(crate) fn of_column(text: &str) -> Option<State> {
        [State::Waiting, State::Running, State::Done, State::Failed, State::Canceled]
            .into_iter()
            .find(|state| state.column() == text)
    }

    pub(crate) fn column(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running => "running",
            State::Done => "done",
            State::Failed => "failed",
            State::Canceled => "canceled",
        }
    }
}

/// How long a timer's pause is from which on its jobs are worth a line among those that ended.
pub(crate) const WORTH_KEEPING: Duration = Duration::from_secs(10 * 60);
