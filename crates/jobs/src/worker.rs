//! The worker: claims jobs, runs their handlers, renews their leases.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use base::{Clock, Ctx, Entropy, Timestamp};
use db::{Db, Error};

use crate::{Failure, Job, NewJob, Tasks, enqueue, store};

/// Handlers that run at the same time in one process.
const PARALLEL: usize = 4;
/// How long a claimed job belongs to its worker, and how often the worker says that it lives.
const LEASE: Duration = Duration::from_secs(30);
const RENEW: Duration = Duration::from_secs(10);
/// How long a worker sleeps at most when nobody wakes it: another replica may have written a job.
const POLL: Duration = Duration::from_secs(2);
/// Tries before a job is given up, and the longest pause between two.
const ATTEMPTS_MAX: i64 = 12;
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// What runs jobs of one kind.
pub type Handler = Arc<dyn Fn(Ctx, Job) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>> + Send + Sync>;

/// Runs the jobs of one process.
#[derive(Clone)]
pub struct Worker {
    db: Db,
    clock: Clock,
    entropy: Entropy,
    handlers: BTreeMap<&'static str, Handler>,
    schedule: Vec<(&'static str, Duration)>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Worker").field("kinds", &self.handlers.keys()).finish_non_exhaustive()
    }
}

impl Worker {
    pub fn new(db: Db, clock: Clock, entropy: Entropy) -> Worker {
        Worker { db, clock, entropy, handlers: BTreeMap::new(), schedule: Vec::new() }
    }

    /// Say what runs jobs of this kind.
    #[must_use]
    pub fn on<F>(mut self, kind: &'static str, handler: impl Fn(Ctx, Job) -> F + Send + Sync + 'static) -> Worker
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |ctx, job| Box::pin(handler(ctx, job)));
        assert!(self.handlers.insert(kind, handler).is_none(), "two handlers for {kind}");
        self
    }

    /// Write a job of this kind every `period`, as a timer beside the events that wake the same reconciler.
    #[must_use]
    pub fn every(mut self, period: Duration, kind: &'static str) -> Worker {
        self.schedule.push((kind, period));
        self
    }

    /// Give back the jobs a dead process held. Only for a database that one process alone uses.
    pub async fn release_all(&self) -> Result<u64, Error> {
        db::write!(self.db, &self.ctx(), |tx| store::release_all(tx).await)
    }

    /// Start the worker's tasks; they end when `tasks` stop.
    pub fn start(self, tasks: &Tasks) {
        let worker = Arc::new(self);
        for _ in 0..PARALLEL {
            let (worker, owner) = (Arc::clone(&worker), tasks.clone());
            tasks.spawn(async move { worker.run(&owner).await });
        }
        for (kind, period) in worker.schedule.clone() {
            let (worker, owner) = (Arc::clone(&worker), tasks.clone());
            tasks.spawn(async move {
                loop {
                    tokio::select! {
                        () = tokio::time::sleep(period) => {}
                        () = owner.stopped() => return,
                    }
                    let ctx = worker.ctx();
                    let lane = format!("schedule {kind}");
                    let job = NewJob::new(kind, serde_json::Value::Null).in_lane(&lane);
                    if let Err(error) = db::write!(worker.db, &ctx, |tx| enqueue(tx, &ctx, job.clone()).await) {
                        tracing::warn!(kind, %error, "a scheduled job could not be written");
                    }
                }
            });
        }
    }

    /// Run jobs until none is due: for tests and for commands that must see the queue empty.
    pub async fn run_until_idle(&self) -> Result<(), Error> {
        while let Some(job) = self.claim().await? {
            self.run_one(job).await;
        }
        Ok(())
    }

    async fn run(&self, tasks: &Tasks) {
        let mut woken = self.db.woken();
        while !tasks.is_stopping() {
            woken.mark_unchanged();
            match self.claim().await {
                Ok(Some(job)) => {
                    self.run_one(job).await;
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "no job could be claimed"),
            }
            tokio::select! {
                _ = woken.changed() => {}
                () = tokio::time::sleep(self.pause().await) => {}
                () = tasks.stopped() => {}
            }
        }
    }

    async fn pause(&self) -> Duration {
        let due = async { store::next_due(&mut self.db.read().await?).await };
        match due.await {
            Ok(Some(at)) => at
                .duration_since(self.clock.now())
                .try_into()
                .unwrap_or(Duration::ZERO)
                .clamp(Duration::from_millis(20), POLL),
            _ => POLL,
        }
    }

    async fn claim(&self) -> Result<Option<Job>, Error> {
        let ctx = self.ctx();
        // A look without the writer first: an idle worker must not make the writers wait.
        if !store::any_due(&mut self.db.read().await?, ctx.now).await? {
            return Ok(None);
        }
        let lease = later(ctx.now, LEASE);
        db::write!(self.db, &ctx, |tx| store::claim(tx, ctx.now, lease).await)
    }

    async fn run_one(&self, job: Job) {
        let ctx = self.ctx().caused_by(job.cause.clone());
        let Some(handler) = self.handlers.get(job.kind.as_str()) else {
            self.end(&job, Err(Failure::Final(format!("this program knows no job {:?}", job.kind)))).await;
            return;
        };
        let work = handler(ctx, job.clone());
        tokio::pin!(work);
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                () = tokio::time::sleep(RENEW) => self.renew(&job).await,
            }
        };
        self.end(&job, outcome).await;
    }

    async fn renew(&self, job: &Job) {
        let ctx = self.ctx();
        let lease = later(ctx.now, LEASE);
        if let Err(error) = db::write!(self.db, &ctx, |tx| store::renew(tx, &job.id, lease).await) {
            tracing::warn!(job.id = %job.id, %error, "the lease of a job could not be renewed");
        }
    }

    async fn end(&self, job: &Job, outcome: Result<(), Failure>) {
        let ctx = self.ctx();
        let written = db::write!(self.db, &ctx, |tx| {
            tx.wake();
            match &outcome {
                Ok(()) => store::remove(tx, &job.id).await,
                Err(Failure::Retry(error)) if job.attempt < ATTEMPTS_MAX => {
                    store::retry_at(tx, &job.id, later(ctx.now, pause_before(job.attempt)), error).await
                }
                Err(error) => store::fail(tx, &job.id, &error.to_string()).await,
            }
        });
        if let Err(error) = &outcome {
            tracing::warn!(job.kind, job.id = %job.id, attempt = job.attempt, %error, "a job did not succeed");
        }
        if let Err(error) = written {
            tracing::warn!(job.id = %job.id, %error, "the end of a job could not be written; it will run again");
        }
    }

    fn ctx(&self) -> Ctx {
        Ctx::system("jobs", &self.clock, &self.entropy)
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// The pause after the n-th failed try: half a second, doubled each time, ten minutes at most.
fn pause_before(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 20) - 1).unwrap_or(20);
    Duration::from_millis(500).saturating_mul(2_u32.saturating_pow(doublings)).min(PAUSE_MAX)
}
