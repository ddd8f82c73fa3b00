//! One job's line to the server: its log in order, signs of life, the report at the end.
//!
//! ```text
//!  log ──piece──► PATCH ──202 has N──► next piece from N
//!                   │ ──416 has N──► again from N
//!                   │ ──5xx, away──► pause, again
//!                   └ ──403, 404, canceled──► gone: the job is killed
//! ```

use std::{cmp, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    outcome::{Outcome, Reason},
    server::{JobKey, Reply, Server, report},
    trace::Log,
};

/// A job that prints nothing still shows that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// Pauses while the server is away.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(15);
const PAUSE_SHUTDOWN: Duration = Duration::from_millis(400);

/// How often the report of a job's end is tried, as the stock runner.
const REPORTS: u32 = 10;

/// How long a job that has ended waits at least for a server that is away, and how long while the runner shuts down.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_SHUTDOWN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Uplink<'a> {
    server: &'a Server,
    job: JobKey,
    log: &'a Log,
    /// Set here when the server has no use for the job any more.
    pub gone: CancellationToken,
    shutdown: CancellationToken,
    /// The pause between two pieces.
    interval: Duration,
    /// The end of the time the job was given.
    deadline: Instant,
    last: Option<Instant>,
    pause: Duration,
}

impl<'a> Uplink<'a> {
    pub(crate) fn new(
        server: &'a Server,
        job: JobKey,
        log: &'a Log,
        interval: Duration,
        deadline: Instant,
        shutdown: CancellationToken,
    ) -> Uplink<'a> {
        let gone = CancellationToken::new();
        Uplink { server, job, log, gone, shutdown, interval, deadline, last: None, pause: PAUSE_FIRST }
    }

    /// Send the log as it grows, until it is closed and sent, or the job is gone, or the server is away for too long.
    pub(crate) async fn follow(&mut self) {
        let mut until = None::<Instant>;
        while !self.gone.is_cancelled() {
            let closed = self.log.closed();
            if !self.log.waiting() {
                if closed {
                    return;
                }
                if timeout(SIGN_OF_LIFE, self.log.news.notified()).await.is_err() {
                    let reply = self.server.update(&self.job, json!({ "state": "running" })).await;
                    self.heed(reply).await;
                }
            } else if closed {
                // The limit comes nearer when the runner is shut down in the meantime.
                let limit = self.patience();
                let limit = *until.insert(until.map_or(limit, |until| until.min(limit)));
                if timeout_at(limit, self.send_piece()).await.is_err() {
                    tracing::warn!(job = self.job.id, "the end of the log could not be sent");
                    return;
                }
            } else {
                self.wait_for_turn().await;
                self.send_piece().await;
            }
        }
    }

    /// Report how the job ended; `true` when the server knows it or does not want to.
    pub(crate) async fn report(&mut self, outcome: &Outcome, known: &[String]) -> bool {
        if self.gone.is_cancelled() || outcome.as_ref().is_err_and(|failure| failure.reason == Reason::Gone) {
            return true;
        }
        self.pause = PAUSE_FIRST;
        for _ in 0..REPORTS {
            let body: Value = report(outcome.as_ref().copied(), known, self.log.checksum());
            let reply = self.server.update(&self.job, body).await;
            match reply.as_ref().map_or(0, |reply| reply.status) {
                200 => return true,
                // Accepted, but the log is not yet on disk there.
                202 => self.nap(self.interval.min(PAUSE_MAX)).await,
                // The log there is not what was sent: all of it again.
                412 => {
                    self.log.acknowledge(0);
                    self.follow().await;
                }
                400 | 409 | 422 => {
                    tracing::error!(job = self.job.id, "the server does not take the job's report");
                    return true;
                }
                _ => self.heed(reply).await,
            }
            if self.gone.is_cancelled() {
                return true;
            }
        }
        tracing::warn!(job = self.job.id, "the job's end could not be reported; the next start tries again");
        false
    }

    fn patience(&self) -> Instant {
        let now = Instant::now();
        if self.shutdown.is_cancelled() { now + PATIENCE_SHUTDOWN } else { cmp::max(self.deadline, now + PATIENCE) }
    }

    /// Wait until the interval has passed, unless so much waits that it should go at once.
    async fn wait_for_turn(&self) {
        let Some(last) = self.last else { return };
        let due = last + self.interval;
        while !self.log.urgent() && timeout_at(due, self.log.news.notified()).await.is_ok() {}
    }

    async fn send_piece(&mut self) {
        let Some((start, piece)) = self.log.piece() else { return };
        let end = start + piece.len();
        let reply = self.server.append_trace(&self.job, start, piece).await;
        self.last = Some(Instant::now());
        if let Ok(reply) = &reply {
            let believed = match (reply.status, reply.has) {
                (202 | 200, None) => self.log.acknowledge(end),
                (202 | 200 | 416, Some(has)) => self.log.acknowledge(has),
                _ => true,
            };
            if !believed {
                tracing::error!(job = self.job.id, "the server has more of the log than there is");
                self.gone.cancel();
            }
        }
        self.heed(reply).await;
    }

    /// Take what every answer may say; pause when there was none, or one that asks to come again.
    async fn heed(&mut self, reply: Result<Reply, Error>) {
        let pause = match reply {
            Ok(reply) => {
                if let Some(interval) = reply.interval {
                    self.interval = interval;
                }
                if reply.gone() {
                    self.gone.cancel();
                    return;
                }
                if reply.status < 300 {
                    self.pause = PAUSE_FIRST;
                    return;
                }
                reply.retry_after.unwrap_or(self.pause)
            }
            Err(error) => {
                tracing::info!(job = self.job.id, %error, "the log waits");
                self.pause
            }
        };
        self.nap(pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    /// Sleep, shorter while the runner shuts down.
    async fn nap(&self, length: Duration) {
        if self.shutdown.is_cancelled() {
            sleep(length.min(PAUSE_SHUTDOWN)).await;
        } else {
            let slept = timeout(length, self.shutdown.cancelled()).await;
            tracing::trace!(cut_short = slept.is_ok(), "slept");
        }
    }
}

#[cfg(test)]
mod tests;
