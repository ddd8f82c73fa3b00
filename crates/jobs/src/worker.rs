//! The worker: claims jobs, runs their handlers, renews their leases.
//!
//! It goes in turns. A turn is one transaction that writes how jobs ended and takes as many as may run instead, so that a queue
//! of small jobs costs few commits:
//!
//! ```text
//!   turn: write ends, claim ──► run them side by side ──► one or more ended, or something came ──► turn …
//! ```

use std::{
    collections::BTreeMap,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base::{Clock, Ctx, Entropy, Timestamp, limits};
use db::{Db, Error, Tx};
use futures_util::FutureExt;
use tokio::task::JoinSet;

use crate::{
    Cron, Failure, Job, Tasks,
    store::{self, Claimed},
    timer::{self, Timer},
};

/// Forgets what ended long ago; runs by itself from time to time.
pub const FORGET_JOB: &str = "jobs.forget";

/// Handlers that run at the same time in one process.
const PARALLEL: usize = 4;
/// How long a claimed job belongs to its worker, and how often the worker says that it lives.
const LEASE: Duration = Duration::from_secs(30);
const RENEW: Duration = Duration::from_secs(10);
/// How long a worker sleeps at most when nobody wakes it: another replica may have written a job.
const POLL: Duration = Duration::from_secs(2);
/// Characters of the name of a process: as many as DTR's replicas had.
const WORKER_ID: usize = 12;
/// How many jobs end before those are forgotten that ended long ago.
const FORGET_EACH: usize = 500;
/// Tries before a job is given up, and the longest pause between two.
pub const ATTEMPTS_MAX: i64 = 12;
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// What runs jobs of one kind.
pub type Handler = Arc<dyn Fn(Ctx, Job) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>> + Send + Sync>;

/// Runs the jobs of one process.
#[derive(Clone)]
pub struct Worker {
    pub(crate) db: Db,
    clock: Clock,
    entropy: Entropy,
    /// This process, as the records of its jobs name it.
    id: Arc<str>,
    handlers: BTreeMap<&'static str, Handler>,
    timers: Vec<(&'static str, Timer)>,
    /// Jobs that ended here since some were forgotten.
    ended: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Worker").field("kinds", &self.handlers.keys()).finish_non_exhaustive()
    }
}

impl Worker {
    pub fn new(db: Db, clock: Clock, entropy: Entropy) -> Worker {
        let (id, ended) = (entropy.token(WORKER_ID).to_lowercase().into(), Arc::new(AtomicUsize::new(FORGET_EACH)));
        let forgetting = db.clone();
        let worker = Worker { db, clock, entropy, id, handlers: BTreeMap::new(), timers: Vec::new(), ended };
        worker.on(FORGET_JOB, move |ctx, _| {
            let db = forgetting.clone();
            async move {
                while db::write!(db, &ctx, |tx| store::forget(tx, ctx.now).await).map_err(Failure::retry)? {}
                Ok(())
            }
        })
    }

    /// This process among those of one database.
    pub fn id(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }

    /// How many jobs run here at the same time.
    pub fn capacity() -> usize {
        PARALLEL
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
        self.timers.push((kind, Timer::Every(period)));
        self
    }

    /// Write a job of this kind by the clock, until somebody sets another time ([`crate::Board::set_schedule`]).
    #[must_use]
    pub fn at(mut self, usual: &'static str, kind: &'static str) -> Worker {
        let usual = usual.parse().expect("a schedule that stands in the program can be read");
        self.timers.push((kind, Timer::At(usual)));
        self
    }

    /// What is done by the clock, and when unless somebody set another time.
    pub fn crons(&self) -> Vec<(&'static str, Cron)> {
        let cron = |(kind, timer): &(&'static str, Timer)| match timer {
            Timer::At(usual) => Some((*kind, usual.clone())),
            Timer::Every(_) => None,
        };
        self.timers.iter().filter_map(cron).collect()
    }

    /// Give back the jobs a dead process held. Only for a database that one process alone uses.
    pub async fn release_all(&self) -> Result<u64, Error> {
        let ctx = self.ctx();
        db::write!(self.db, &ctx, |tx| store::release_all(tx, ctx.now).await)
    }

    /// Start the worker's tasks; they end when `tasks` stop.
    pub fn start(self, tasks: &Tasks) {
        let worker = Arc::new(self);
        let (turning, owner) = (Arc::clone(&worker), tasks.clone());
        tasks.spawn(async move { turning.run(&owner).await });
        for (kind, timer) in worker.timers.clone() {
            tasks.spawn(timer::run(Arc::clone(&worker), tasks.clone(), kind, timer));
        }
    }

    /// Run jobs until none is due: for tests and for commands that must see the queue empty.
    pub async fn run_until_idle(&self) -> Result<(), Error> {
        let mut ended = Vec::new();
        loop {
            let jobs = self.turn(&ended, 1).await?;
            ended.clear();
            for job in jobs {
                ended.push(self.run_one(job).await);
            }
            if ended.is_empty() {
                return Ok(());
            }
        }
    }

    /// Take turns until the tasks stop and what runs has ended.
    async fn run(self: Arc<Worker>, tasks: &Tasks) {
        let mut woken = self.db.woken();
        let (mut running, mut ended) = (JoinSet::new(), Vec::new());
        loop {
            woken.mark_unchanged();
            let stopping = tasks.is_stopping();
            let places = if stopping { 0 } else { PARALLEL - running.len() };
            match self.turn(&ended, places).await {
                Ok(jobs) => {
                    for job in jobs {
                        let worker = Arc::clone(&self);
                        running.spawn(async move { worker.run_one(job).await });
                    }
                }
                Err(error) if ended.is_empty() => tracing::warn!(%error, "no job could be claimed"),
                Err(error) => tracing::warn!(%error, "how jobs ended could not be written; they will run again"),
            }
            ended.clear();
            if stopping && running.is_empty() {
                return;
            }
            let waits = running.len() < PARALLEL && !stopping;
            tokio::select! {
                Some(first) = running.join_next() => ended.extend(first.ok()),
                _ = woken.changed(), if waits => {}
                () = self.rest(), if waits => {}
                () = tasks.stopped(), if !stopping => {}
            }
            while let Some(more) = running.try_join_next() {
                ended.extend(more.ok());
            }
        }
    }

    /// Until the next job is due, at most [`POLL`].
    async fn rest(&self) {
        tokio::time::sleep(self.pause().await).await;
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

    /// Write how jobs ended and take at most so many that may run.
    async fn turn(&self, ended: &[Ended], places: usize) -> Result<Vec<Claimed>, Error> {
        let ctx = self.ctx();
        // A look without the writer first: an idle worker must not make the writers wait.
        if ended.is_empty() && (places == 0 || !store::any_due(&mut self.db.read().await?, ctx.now).await?) {
            return Ok(Vec::new());
        }
        let lease = later(ctx.now, LEASE);
        let forgets = self.ended.fetch_add(ended.len(), Ordering::Relaxed) + ended.len() >= FORGET_EACH;
        let claimed = db::write!(self.db, &ctx, |tx| {
            for one in ended {
                one.write(tx, ctx.now).await?;
            }
            if forgets {
                store::forget(tx, ctx.now).await?;
            }
            store::claim(tx, &self.id, (ctx.now, lease), places).await
        })?;
        if forgets {
            self.ended.store(0, Ordering::Relaxed);
        }
        Ok(claimed)
    }

    async fn run_one(&self, claimed: Claimed) -> Ended {
        let job = &claimed.job;
        let ctx = self.ctx().caused_by(job.cause.clone());
        let Some(handler) = self.handlers.get(job.kind.as_str()) else {
            let failure = Failure::Final(format!("this program knows no job {:?}", job.kind));
            return Ended { claimed, outcome: Outcome::Failed(failure) };
        };
        // A job that panics is one that failed; the others go on.
        let mut work = std::pin::pin!(AssertUnwindSafe(handler(ctx, job.clone())).catch_unwind());
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => {
                    break match outcome.unwrap_or_else(|_| Err(Failure::retry("it panicked"))) {
                        Ok(()) => Outcome::Done,
                        Err(failure) => Outcome::Failed(failure),
                    };
                }
                () = tokio::time::sleep(RENEW) => {
                    if self.renew(job).await {
                        break Outcome::Canceled;
                    }
                }
            }
        };
        if let Outcome::Failed(error) = &outcome {
            tracing::warn!(job.kind, job.id = %job.id, attempt = job.attempt, %error, "a job did not succeed");
        }
        Ended { claimed, outcome }
    }

    /// Say that the job's worker lives; gives whether somebody wants it stopped.
    async fn renew(&self, job: &Job) -> bool {
        let ctx = self.ctx();
        let lease = later(ctx.now, LEASE);
        let renewed: Result<bool, Error> = db::write!(self.db, &ctx, |tx| store::renew(tx, &job.id, lease).await);
        renewed.unwrap_or_else(|error| {
            tracing::warn!(job.id = %job.id, %error, "the lease of a job could not be renewed");
            false
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn ctx(&self) -> Ctx {
        Ctx::system("jobs", &self.clock, &self.entropy)
    }
}

/// A job that ran, and what came of it.
struct Ended {
    claimed: Claimed,
    outcome: Outcome,
}

enum Outcome {
    Done,
    Failed(Failure),
    /// It was stopped where it was: what it had committed stands.
    Canceled,
}

impl Ended {
    async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
        let job = &self.claimed.job;
        let failure = match &self.outcome {
            Outcome::Done => return store::done(tx, &self.claimed, now).await,
            Outcome::Canceled => return store::end_canceled(tx, &job.id, now).await,
            Outcome::Failed(failure) => failure,
        };
        let error: String = failure.to_string().chars().take(limits::JOB_ERROR_CHARS).collect();
        let line = format!("{now} try {}: {error}\n", job.attempt);
        match failure {
            Failure::Retry(_) if job.attempt < ATTEMPTS_MAX => {
                let times = (now, later(now, pause_before(job.attempt)));
                store::retry_at(tx, &job.id, times, (&error, &line)).await
            }
            _ => store::fail(tx, &job.id, now, (&error, &line)).await,
        }
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
