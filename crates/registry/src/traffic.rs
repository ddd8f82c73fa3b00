//! How often repositories are pulled from and pushed to: counted in memory, written now and then.
//!
//! ```text
//!   answer of a manifest ─► +1 in memory ─── every ten seconds, and at the end ───► one transaction for all that was counted
//! ```
//!
//! A row for each pull would cost more than the pull. So a pull is an addition to a number that the answer carries, and a crash
//! forgets those of the last seconds. It is no state that the log guards.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use base::{Clock, Ctx, Entropy, Id, limits};
use jobs::Tasks;
use oci::RepoName;

use crate::{Error, Registry, Repository, store};

/// How often manifests of a repository were sent, and taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub pulls: u64,
    pub pushes: u64,
}

/// How many repositories there are, and the traffic of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub public: u64,
    pub private: u64,
    pub traffic: Traffic,
}

/// What was counted of one repository and is not written yet.
#[derive(Debug, Default)]
pub struct Counts {
    pulls: AtomicU64,
    pushes: AtomicU64,
}

/// The counts of this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted(Arc<Mutex<HashMap<RepoName, Arc<Counts>>>>);

impl Counts {
    pub fn pulled(&self) {
        self.pulls.fetch_add(1, Ordering::Relaxed);
    }

    pub fn pushed(&self) {
        self.pushes.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> Traffic {
        Traffic { pulls: self.pulls.load(Ordering::Relaxed), pushes: self.pushes.load(Ordering::Relaxed) }
    }

    fn subtract(&self, written: Traffic) {
        self.pulls.fetch_sub(written.pulls, Ordering::Relaxed);
        self.pushes.fetch_sub(written.pushes, Ordering::Relaxed);
    }
}

impl Traffic {
    fn plus(self, other: Traffic) -> Traffic {
        Traffic { pulls: self.pulls.saturating_add(other.pulls), pushes: self.pushes.saturating_add(other.pushes) }
    }
}

impl Counted {
    fn of(&self, name: &RepoName) -> Arc<Counts> {
        let mut counted = self.lock();
        if let Some(counts) = counted.get(name) {
            return Arc::clone(counts);
        }
        let counts = Arc::new(Counts::default());
        // When there is no room, what happens there is not counted until the next writing.
        if counted.len() < limits::TRAFFIC_REPOSITORIES {
            counted.insert(name.clone(), Arc::clone(&counts));
        }
        counts
    }

    fn unwritten(&self, name: &RepoName) -> Traffic {
        self.lock().get(name).map(|counts| counts.now()).unwrap_or_default()
    }

    /// What is to be written; those that nobody holds and nothing was counted of are forgotten.
    fn all(&self) -> Vec<(RepoName, Arc<Counts>, Traffic)> {
        let mut counted = self.lock();
        counted.retain(|_, counts| Arc::strong_count(counts) > 1 || counts.now() != Traffic::default());
        let some = counted.iter().map(|(name, counts)| (name.clone(), Arc::clone(counts), counts.now()));
        some.filter(|(_, _, traffic)| *traffic != Traffic::default()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RepoName, Arc<Counts>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Where pulls and pushes of this repository are counted, whether it exists or not. May be held for long.
    pub fn counts(&self, name: &RepoName) -> Arc<Counts> {
        self.counted.of(name)
    }

    /// The traffic of these repositories, with what this process has not written yet.
    pub async fn traffic(&self, of: &[Repository]) -> Result<BTreeMap<Id<Repository>, Traffic>, Error> {
        let written = store::traffic(&mut self.db.read().await?, of).await?;
        let whole = |one: &Repository| {
            let written = written.get(&one.id).copied().unwrap_or_default();
            (one.id.clone(), written.plus(self.counted.unwritten(&one.name)))
        };
        Ok(of.iter().map(whole).collect())
    }

    /// How many repositories there are, and what was written of their traffic.
    pub async fn totals(&self) -> Result<Totals, Error> {
        Ok(store::totals(&mut self.db.read().await?).await?)
    }

    /// The repositories that are pulled from the most, at most so many.
    pub async fn busiest(&self, limit: usize) -> Result<Vec<(RepoName, Traffic)>, Error> {
        Ok(store::busiest(&mut self.db.read().await?, limit.min(limits::PAGE_MAX)).await?)
    }

    /// Write what was counted: a timer's work, in each process. What could not be written is tried the next time.
    pub async fn write_traffic(&self, ctx: &Ctx) -> Result<usize, Error> {
        let counted = self.counted.all();
        for some in counted.chunks(500) {
            let rows: Vec<(&RepoName, Traffic)> = some.iter().map(|(name, _, traffic)| (name, *traffic)).collect();
            db::write_soon!(self.db, ctx, |tx| Ok::<_, Error>(store::add_traffic(tx, &rows).await?))?;
            some.iter().for_each(|(_, counts, traffic)| counts.subtract(*traffic));
        }
        Ok(counted.len())
    }

    /// Write every few seconds, and at the end, what was counted.
    pub async fn keep_counting(self, tasks: Tasks, clock: Clock, entropy: Entropy) {
        loop {
            let stopping = tokio::time::timeout(limits::TRAFFIC_GRAIN, tasks.stopped()).await.is_ok();
            if let Err(error) = self.write_traffic(&Ctx::system("registry", &clock, &entropy)).await {
                tracing::warn!(%error, "how often repositories were pulled from could not be written; it is tried again");
            }
            if stopping {
                return;
            }
        }
    }
}
