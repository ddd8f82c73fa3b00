//! The runner's life: prove the token, clear what the last life left, ask for jobs while there is room.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use base::{Clock, Entropy};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error, claim,
    engine::Engine,
    job,
    outcome::Failure,
    payload::Payload,
    server::{Asked, JobKey, Server, report},
};

const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A token the server stopped taking: it may come back when somebody mends the server, so ask on, seldom.
const PAUSE_DENIED: Duration = Duration::from_secs(60);

/// What jobs share.
#[derive(Debug)]
pub(crate) struct Runner {
    pub config: Config,
    pub server: Server,
    pub engine: Engine,
    pub system_id: String,
    pub clock: Clock,
    pub entropy: Entropy,
    pub shutdown: CancellationToken,
}

/// Run jobs until `shutdown`. Fails only when the configuration is wrong or the server refuses the token at the start;
/// a server or an engine that is away is waited for.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    let url = config.check()?;
    let entropy = Entropy::System;
    let system_id = claim::system_id(&config.work_dir, &entropy)?;
    let server = Server::new(&config, &url, system_id.clone())?;
    let engine = Engine::new(config.docker_socket.clone());
    let runner = Runner { config, server, engine, system_id, clock: Clock::System, entropy, shutdown };
    tracing::info!(system_id = runner.system_id, server = %url, "the runner starts");
    let alive = tokio::select! {
        ready = runner.make_ready() => { ready?; true }
        () = runner.shutdown.cancelled() => false,
    };
    if alive {
        Arc::new(runner).dispatch().await;
    }
    tracing::info!("the runner has stopped");
    Ok(())
}

impl Runner {
    async fn make_ready(&self) -> Result<(), Error> {
        let mut pause = PAUSE_FIRST;
        loop {
            match self.server.verify().await {
                Ok(()) => break,
                Err(error @ Error::Unavailable(_)) => self.rest(&mut pause, &error).await,
                Err(error) => return Err(error),
            }
        }
        pause = PAUSE_FIRST;
        loop {
            // The ping agrees on the version that everything after it speaks.
            let cleared = match self.engine.ping().await {
                Ok(()) => self.engine.remove_all(&self.system_id, None).await,
                Err(error) => Err(error),
            };
            match cleared {
                Ok(0) => break,
                Ok(count) => {
                    tracing::info!(count, "containers of the last life were removed");
                    break;
                }
                Err(error) => self.rest(&mut pause, &error).await,
            }
        }
        for (key, claim) in claim::left_over(&self.config.work_dir) {
            let failure = Failure::system("the runner was interrupted");
            if self.report_failed(&key, &failure).await {
                claim.release();
            }
        }
        Ok(())
    }

    async fn dispatch(self: Arc<Self>) {
        let mut jobs = JoinSet::new();
        let mut free: BTreeSet<usize> = (0..self.config.concurrency).collect();
        let mut taken = HashMap::new();
        let mut last_update = None;
        let mut pause = PAUSE_FIRST;
        while !self.shutdown.is_cancelled() {
            while let Some(done) = jobs.try_join_next_with_id() {
                ended(done, &mut taken, &mut free);
            }
            let Some(slot) = free.first().copied() else {
                tokio::select! {
                    () = self.shutdown.cancelled() => {}
                    Some(done) = jobs.join_next_with_id() => ended(done, &mut taken, &mut free),
                }
                continue;
            };
            let payload = tokio::select! {
                () = self.shutdown.cancelled() => break,
                payload = self.ask(&mut last_update, &mut pause) => payload,
            };
            if let Some(payload) = payload {
                free.remove(&slot);
                let runner = Arc::clone(&self);
                let task = jobs.spawn(async move { job::run(&runner, &payload, slot).await });
                taken.insert(task.id(), slot);
            }
        }
        // Jobs see the shutdown themselves, kill their containers and report.
        while jobs.join_next().await.is_some() {}
    }

    /// Ask once, then pause as the answer asks for.
    async fn ask(&self, last_update: &mut Option<String>, pause: &mut Duration) -> Option<Box<Payload>> {
        // A job that is taken while the engine is away could only fail.
        if let Err(error) = self.engine.ping().await {
            self.rest(pause, &error).await;
            return None;
        }
        let began = Instant::now();
        let asked = match self.server.ask(last_update).await {
            Ok(asked) => asked,
            Err(error) => {
                self.rest(pause, &error).await;
                return None;
            }
        };
        *pause = PAUSE_FIRST;
        match asked {
            Asked::Job(payload) => return Some(payload),
            Asked::Unreadable { id, token, why } => {
                tracing::error!(job = id, why, "the server handed over a job that cannot be read");
                let failure = Failure::system(format!("the job cannot be read: {why}"));
                self.report_failed(&JobKey { id, token }, &failure).await;
            }
            Asked::None => {
                let interval = Duration::from_millis(self.config.check_interval_ms);
                sleep(interval.saturating_sub(began.elapsed())).await;
            }
            Asked::Lost => sleep(Duration::from_millis(100)).await,
            Asked::Denied => {
                tracing::error!("the server refuses this runner's token; asking again in a minute");
                sleep(PAUSE_DENIED).await;
            }
            Asked::Wait(wait) => sleep(wait).await,
        }
        None
    }

    /// `true` once the server has answered.
    async fn report_failed(&self, key: &JobKey, failure: &Failure) -> bool {
        let nothing = (0, "crc32:00000000".to_owned());
        let mut body = report(Err(failure), &[], nothing);
        // The log is what the server has of it; a checksum of nothing would contradict it.
        if let Some(body) = body.as_object_mut() {
            body.remove("output");
            body.remove("checksum");
        }
        match self.server.update(key, body).await {
            Ok(reply) => {
                tracing::info!(job = key.id, status = reply.status, "a job was reported failed");
                reply.status < 500
            }
            Err(error) => {
                tracing::warn!(job = key.id, %error, "a job could not be reported failed");
                false
            }
        }
    }

    /// Pause after a failure, longer each time, with a little chance in it so that many runners do not come at once.
    async fn rest(&self, pause: &mut Duration, error: &Error) {
        let [chance] = self.entropy.bytes::<1>();
        let length = *pause + *pause * u32::from(chance) / 1024;
        tracing::warn!(%error, pause_ms = length.as_millis(), "waiting");
        sleep(length).await;
        *pause = (*pause * 2).min(PAUSE_MAX);
    }
}

fn ended(
    done: Result<(tokio::task::Id, ()), tokio::task::JoinError>,
    taken: &mut HashMap<tokio::task::Id, usize>,
    free: &mut BTreeSet<usize>,
) {
    let id = match done {
        Ok((id, ())) => id,
        Err(error) => {
            tracing::error!(%error, "a job's task ended in an unforeseen way");
            error.id()
        }
    };
    free.extend(taken.remove(&id));
}
