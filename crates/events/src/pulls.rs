//! Pulls: noted in memory where a webhook asks for them, and told a moment later, many in one transaction.
//!
//! A pull changes nothing, so it waits for nothing, and where nobody asked, one look at an atomic is all it costs. Clients
//! that pull a tag first ask what it names (`HEAD`) and then get that digest: both together are the pull of the tag. A
//! `HEAD` alone is none, as it only looks whether something is new.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use base::{Clock, Ctx, Entropy, Id, Timestamp, limits};
use jobs::{Event, Tasks};
use oci::{RepoName, Tag};
use serde_json::json;

use crate::{Error, EventType, Events, Scope, payload, store};

/// How long pulls are gathered before they are written.
const GATHERED: Duration = Duration::from_millis(300);
/// How many are written in one transaction.
const BATCH: usize = 200;
/// How often the scopes are read where another server may have changed them.
const REFRESH: Duration = Duration::from_secs(2);
/// How long after its `HEAD` a tag is still what a digest was asked for.
const HEAD_COUNTS: Duration = Duration::from_secs(60);

/// A manifest that was sent, or asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    pub repository: RepoName,
    /// What it was asked for by, when that was a tag.
    pub tag: Option<Tag>,
    pub digest: String,
    /// Whether only its head was asked for.
    pub head: bool,
}

/// What somebody wants to know, and what is not yet told. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulls(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    any: AtomicBool,
    scopes: RwLock<Vec<Scope>>,
    noted: Mutex<Noted>,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Noted {
    untold: VecDeque<(Event, Id<Event>)>,
    /// Who asked what a tag names, and when: `who`, repository, digest.
    asked: HashMap<(String, RepoName, String), (Tag, Timestamp)>,
}

impl Events {
    /// Whether a webhook asks for pulls of this repository.
    pub fn wants_pulls(&self, repository: &RepoName) -> bool {
        let inner = &self.pulls.0;
        inner.any.load(Ordering::Acquire) && {
            let scopes = inner.scopes.read().unwrap_or_else(PoisonError::into_inner);
            scopes.iter().any(|scope| scope.covers(repository))
        }
    }

    /// Whether a webhook asks for pulls of anything.
    pub fn wants_any_pulls(&self) -> bool {
        self.pulls.0.any.load(Ordering::Acquire)
    }

    /// Note a pull that was answered. Nothing is written here.
    pub fn note_pull(&self, ctx: &Ctx, pull: Pull) {
        if !self.wants_pulls(&pull.repository) {
            return;
        }
        let who = format!("{} {:?}", ctx.actor.label(), ctx.remote);
        let mut noted = self.pulls.noted();
        if pull.head {
            if let Some(tag) = pull.tag {
                noted.forget_old(ctx.now);
                noted.asked.insert((who, pull.repository, pull.digest), (tag, ctx.now));
            }
            return;
        }
        let tag = pull.tag.or_else(|| {
            let (tag, at) = noted.asked.remove(&(who, pull.repository.clone(), pull.digest.clone()))?;
            at.checked_add(HEAD_COUNTS).is_ok_and(|end| ctx.now <= end).then_some(tag)
        });
        if noted.untold.len() >= limits::PULLS_UNTOLD {
            self.pulls.0.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let data = json!({"repository": pull.repository, "tag": tag, "digest": pull.digest,
            "author": ctx.actor.label()});
        let subject = pull.repository.to_string();
        let event = Event { kind: "image.pulled".to_owned(), subject, data, at: ctx.now, entry: String::new() };
        noted.untold.push_back((event, Id::new(ctx)));
    }

    /// Tell pulls, and learn what is asked for, until the tasks stop.
    pub async fn keep_telling_pulls(self, tasks: Tasks, clock: Clock, entropy: Entropy) {
        // One server of a database of its own is told of each change by itself.
        let alone = self.db.version().is_some();
        let mut rested = Duration::ZERO;
        loop {
            let stopping = tasks.is_stopping();
            let ctx = Ctx::system("webhooks", &clock, &entropy);
            if let Err(error) = self.tell_pulls(&ctx).await {
                tracing::warn!(%error, "pulls could not be told to webhooks");
            }
            if stopping {
                return;
            }
            if !alone && rested >= REFRESH {
                rested = Duration::ZERO;
                if let Err(error) = self.see_pulls().await {
                    tracing::warn!(%error, "who asks for pulls could not be read");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(GATHERED) => rested += GATHERED,
                () = tasks.stopped() => {}
            }
        }
    }

    /// Write the deliveries of what was noted.
    pub async fn tell_pulls(&self, ctx: &Ctx) -> Result<(), Error> {
        loop {
            let batch: Vec<(Event, Id<Event>)> = {
                let mut noted = self.pulls.noted();
                let count = noted.untold.len().min(BATCH);
                noted.untold.drain(..count).collect()
            };
            let lost = self.pulls.0.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                tracing::warn!(lost, "more pulls came than could be told to webhooks");
            }
            if batch.is_empty() {
                return Ok(());
            }
            let written: Result<(), Error> = db::write!(self.db, ctx, |tx| {
                for (event, id) in &batch {
                    for notice in payload::notices(event, &self.host).map_err(Error::Invalid)? {
                        self.fan_out(tx, ctx, &notice, id.as_str(), None).await?;
                    }
                }
                Ok(())
            });
            written?;
        }
    }

    /// Read anew in which scopes somebody asks for pulls.
    pub(crate) async fn see_pulls(&self) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let mut scopes = Vec::new();
        for kind in EventType::ALL.into_iter().filter(|kind| kind.is_pull()) {
            scopes.extend(store::scopes(&mut tx, kind).await?);
        }
        let inner = &self.pulls.0;
        let any = !scopes.is_empty();
        *inner.scopes.write().unwrap_or_else(PoisonError::into_inner) = scopes;
        inner.any.store(any, Ordering::Release);
        Ok(())
    }
}

impl Pulls {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    /// Keep few that only asked.
    fn forget_old(&mut self, now: Timestamp) {
        if self.asked.len() >= limits::PULLS_UNTOLD {
            self.asked.retain(|_, (_, at)| at.checked_add(HEAD_COUNTS).is_ok_and(|end| now <= end));
        }
        if self.asked.len() >= limits::PULLS_UNTOLD {
            self.asked.clear();
        }
    }
}
