//! One transfer: what is due is done, how far it is can be seen meanwhile, and how it ended is recorded.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use base::{Actor, Ctx, Timestamp, limits};
use jobs::Event;
use serde_json::json;
use tokio::io::{AsyncRead, ReadBuf};

use crate::{Direction, Error, Mirror, MirroringPolicy, Work, policies::entry, store, work::Progress};

/// How often it is written down how far a transfer is.
const NOTED: Duration = Duration::from_secs(2);
/// The pause after a first failure, doubled for each further one.
const PAUSE_SECONDS: i64 = 10;
/// What a person asked for once is not tried for ever, but for some twenty minutes.
const TRIES_OF_ONCE: i64 = 8;

/// How far a transfer is, for whoever asks meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) blobs: AtomicI64,
    pub(crate) blobs_done: AtomicI64,
    pub(crate) bytes: AtomicI64,
    pub(crate) bytes_done: Arc<AtomicI64>,
}

impl Meter {
    pub(crate) fn read(&self) -> Progress {
        let of = |number: &AtomicI64| number.load(Ordering::Relaxed);
        Progress {
            blobs: of(&self.blobs),
            blobs_done: of(&self.blobs_done),
            bytes: of(&self.bytes),
            bytes_done: of(&self.bytes_done),
        }
    }

    /// So much more is known to be needed.
    pub(crate) fn more(&self, blobs: i64, bytes: i64) {
        self.blobs.fetch_add(blobs, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A blob is where it should be; `counted` where its bytes passed a [`Counting`].
    pub(crate) fn done(&self, size: u64, counted: bool) {
        self.blobs_done.fetch_add(1, Ordering::Relaxed);
        if !counted {
            self.bytes_done.fetch_add(i64::try_from(size).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }
}

/// Bytes that are counted as they pass.
pub(crate) struct Counting<R> {
    reader: R,
    count: Arc<AtomicI64>,
}

impl<R> Counting<R> {
    pub(crate) fn new(reader: R, meter: &Meter) -> Counting<R> {
        Counting { reader, count: Arc::clone(&meter.bytes_done) }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Counting<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.reader).poll_read(context, buffer);
        let count = i64::try_from(buffer.filled().len() - before).unwrap_or(i64::MAX);
        self.count.fetch_add(count, Ordering::Relaxed);
        polled
    }
}

impl Mirror {
    /// Push what is due of a policy, or poll. What fails is tried again later, by its row.
    pub(crate) async fn transfer(&self, ctx: &Ctx, policy: &MirroringPolicy) -> Result<(), Error> {
        let ctx = &ctx.clone().with_actor(Actor::System("mirror"));
        match policy.direction {
            Direction::Poll => self.poll(ctx, policy).await,
            Direction::Push | Direction::Once => {
                // What fails is due later, so this ends.
                while let Some(work) = self.next_due(policy).await? {
                    let meter = Meter::default();
                    let outcome = self.metered(ctx, &work, &meter, self.push(ctx, policy, &work, &meter)).await;
                    self.end(&self.now(ctx), policy, &work, &meter, outcome).await?;
                }
                Ok(())
            }
        }
    }

    async fn next_due(&self, policy: &MirroringPolicy) -> Result<Option<Work>, Error> {
        let mut tx = self.db.read().await?;
        // Switched off or removed meanwhile.
        let present = store::policy(&mut tx, &policy.id).await?.filter(|present| present.policy.enabled());
        match present {
            Some(present) if present.state() == policy.state() => {
                Ok(store::due(&mut tx, &policy.id, self.clock.now()).await?)
            }
            _ => Ok(None),
        }
    }

    /// Do it, and write down now and then how far it is.
    pub(crate) async fn metered(
        &self,
        ctx: &Ctx,
        work: &Work,
        meter: &Meter,
        doing: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        let mut doing = pin!(doing);
        loop {
            tokio::select! {
                outcome = &mut doing => return outcome,
                () = tokio::time::sleep(NOTED) => {
                    let (now, progress) = (self.clock.now(), meter.read());
                    // Nobody relies on it.
                    db::write_soon!(self.db, ctx, |tx| store::note(tx, work, &progress, now).await)?;
                }
            }
        }
    }

    /// Record how it ended: a success with its entry and event, a failure with an entry when it is the first in a row.
    pub(crate) async fn end(
        &self,
        ctx: &Ctx,
        policy: &MirroringPolicy,
        work: &Work,
        meter: &Meter,
        outcome: Result<(), Error>,
    ) -> Result<(), Error> {
        match outcome {
            Ok(()) => self.succeeded(ctx, policy, work, &meter.read()).await,
            Err(error) if error.is_ours() => Err(error),
            Err(error) if error.is_gone() => {
                db::write!(self.db, ctx, |tx| Ok(store::drop_work(tx, work).await?))
            }
            Err(error) => self.failed(ctx, policy, (work, &meter.read()), &error).await,
        }
    }

    async fn succeeded(
        &self,
        ctx: &Ctx,
        policy: &MirroringPolicy,
        work: &Work,
        progress: &Progress,
    ) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            // Another image has the tag by now, or the policy is gone.
            if !store::finish(tx, work, progress, ctx.now).await? {
                return Ok(());
            }
            store::set_status(tx, &policy.id, ("SUCCESS", ""), ctx.now, true).await?;
            let remote = format!("{}:{}", policy.remote(), work.remote_tag);
            let entry = entry("image.mirrored", policy)
                .about(&work.digest)
                .about(format!("tag/{}:{}", policy.repository, work.tag))
                .detail("direction", policy.direction.way())
                .detail("tag", &work.tag)
                .detail("digest", &work.digest)
                .detail("remote", remote)
                .detail("policy", &policy.id)
                .detail("bytes", progress.bytes);
            let entry = ended_in(tx, policy, ctx.now, entry).await?;
            let entry = audit::append(tx, ctx, entry).await?;
            let event = Event {
                kind: "image.mirrored".to_owned(),
                subject: format!("{}:{}", policy.repository, work.tag),
                data: json!({
                    "direction": policy.direction.way(),
                    "repository": policy.repository,
                    "tag": work.tag,
                    "digest": work.digest,
                    "remoteRepository": policy.remote(),
                    "remoteTag": work.remote_tag,
                    "policy": policy.id,
                }),
                at: ctx.now,
                entry,
            };
            Ok(jobs::emit(tx, ctx, &event).await?)
        })
    }

    async fn failed(
        &self,
        ctx: &Ctx,
        policy: &MirroringPolicy,
        (work, progress): (&Work, &Progress),
        error: &Error,
    ) -> Result<(), Error> {
        let why: String = error.to_string().chars().take(limits::MIRROR_ERROR_CHARS).collect();
        db::write!(self.db, ctx, |tx| {
            store::note(tx, work, progress, ctx.now).await?;
            if !store::fail(tx, work, &why, (ctx.now, after_pause(ctx.now, work.failures))).await? {
                return Ok(());
            }
            store::set_status(tx, &policy.id, ("FAILURE", &why), ctx.now, false).await?;
            let gives_up = policy.direction == Direction::Once && work.failures + 1 >= TRIES_OF_ONCE;
            if work.failures == 0 || gives_up {
                let remote = format!("{}:{}", policy.remote(), work.remote_tag);
                let entry = entry("mirroring.failed", policy)
                    .about(&work.digest)
                    .about(format!("tag/{}:{}", policy.repository, work.tag))
                    .detail("direction", policy.direction.way())
                    .detail("remote", remote)
                    .detail("error", &why);
                let entry = if gives_up { ended_in(tx, policy, ctx.now, entry).await? } else { entry };
                audit::append(tx, ctx, entry).await?;
            }
            Ok(())
        })
    }
}

/// What was wanted once is over: the policy goes off, without credentials, and the entry says so.
async fn ended_in(
    tx: &mut db::Tx,
    policy: &MirroringPolicy,
    now: Timestamp,
    entry: audit::Entry,
) -> Result<audit::Entry, Error> {
    if policy.direction != Direction::Once {
        return Ok(entry);
    }
    let ended = policy.clone().ended()?;
    store::update(tx, &ended, now).await?;
    Ok(entry.set(ended.state_key(), ended.state()))
}

/// When it is tried again after so many failures and one more.
pub(crate) fn after_pause(now: Timestamp, failures: i64) -> Timestamp {
    let most = i64::try_from(limits::MIRROR_PAUSE.as_secs()).unwrap_or(i64::MAX);
    let seconds = (PAUSE_SECONDS << failures.clamp(0, 20)).min(most);
    now.checked_add(Duration::from_secs(seconds.unsigned_abs())).unwrap_or(Timestamp::MAX)
}
