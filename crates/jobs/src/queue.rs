//! Jobs: writing them, and what became of one that ran.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use base::{Ctx, Id, Timestamp};
use db::{Error, Tx};

use crate::store;

/// A job to be written.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub(crate) kind: String,
    pub(crate) payload: serde_json::Value,
    pub(crate) lane: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) delay: Duration,
    pub(crate) kept: bool,
}

/// A job that was claimed and now runs.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: Id<Job>,
    pub kind: String,
    pub payload: serde_json::Value,
    /// The audit entry it follows from.
    pub cause: Option<String>,
    /// 1 on the first try.
    pub attempt: i64,
    pub created_at: Timestamp,
}

/// Why a job did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something outside was not ready; the job runs again after a growing pause.
    #[error("{0}")]
    Retry(String),
    /// Trying again cannot help; the job is kept as failed for the operator to see.
    #[error("{0}")]
    Final(String),
}

impl Failure {
    /// A failure that may pass.
    pub fn retry(error: impl std::fmt::Display) -> Failure {
        Failure::Retry(error.to_string())
    }

    /// A failure that will not pass.
    pub fn last(error: impl std::fmt::Display) -> Failure {
        Failure::Final(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::retry(error)
    }
}

impl NewJob {
    pub fn new(kind: &str, payload: serde_json::Value) -> NewJob {
        NewJob { kind: kind.to_owned(), payload, lane: None, cause: None, delay: Duration::ZERO, kept: true }
    }

    /// Run after all earlier jobs of this lane have ended.
    #[must_use]
    pub fn in_lane(mut self, lane: &str) -> NewJob {
        self.lane = Some(lane.to_owned());
        self
    }

    /// Remember the audit entry this job follows from.
    #[must_use]
    pub fn caused_by(mut self, entry: &str) -> NewJob {
        self.cause = Some(entry.to_owned());
        self
    }

    /// When it succeeded, nobody wants to know of it.
    #[must_use]
    pub(crate) fn not_kept(mut self) -> NewJob {
        self.kept = false;
        self
    }

    /// Run no earlier than this long from now.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> NewJob {
        self.delay = delay;
        self
    }
}

impl Job {
    /// The event in the payload of a job that [`crate::emit`] wrote.
    pub fn event(&self) -> Result<crate::Event, Failure> {
        serde_json::from_value(self.payload.clone())
            .map_err(|error| Failure::Final(format!("job {} holds no event: {error}", self.id)))
    }
}

/// Orders jobs that were written in the same microsecond by the same process.
static ORDINAL: AtomicI64 = AtomicI64::new(0);

/// Write a job in the caller's transaction; it runs once that is committed.
pub async fn enqueue(tx: &mut Tx, ctx: &Ctx, job: NewJob) -> Result<Id<Job>, Error> {
    let id: Id<Job> = Id::new(ctx);
    enqueue_all(tx, ctx, vec![(id.clone(), job)]).await?;
    Ok(id)
}

/// Write jobs that run in this order where they share a lane.
pub(crate) async fn enqueue_all(tx: &mut Tx, ctx: &Ctx, jobs: Vec<(Id<Job>, NewJob)>) -> Result<(), Error> {
    if jobs.is_empty() {
        return Ok(());
    }
    let numbered = jobs.into_iter().map(|(id, job)| (id, job, ORDINAL.fetch_add(1, Ordering::Relaxed)));
    store::insert(tx, ctx, &numbered.collect::<Vec<_>>()).await?;
    tx.wake();
    Ok(())
}
