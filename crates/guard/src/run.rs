//! The guard's life: answer the engine, and beside it keep the set fresh and report.

use std::{sync::Arc, time::Duration};

use base::Clock;
use tlog::VerifierKey;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Error,
    decide::Guard,
    engine::Engine,
    memory::Memory,
    plugin,
    queue::Queue,
    server::{Fetched, Server, open},
    state::Folder,
};

/// Guard one engine until `shutdown`. Fails only when it cannot start; a server that is away is no reason.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    run_with(config, Clock::System, shutdown).await
}

pub(crate) async fn run_with(config: Config, clock: Clock, shutdown: CancellationToken) -> Result<(), Error> {
    let (url, configured) = config.check()?;
    let folder = Folder::open(&config.state_dir)?;
    let pinned = pinned(&folder, configured)?;
    let set = match &pinned {
        Some(key) => folder.set(key)?,
        None => None,
    };
    let server = Server::new(&config, &url)?;
    let guard = Arc::new(Guard {
        memory: Memory::new(&config.server_url, set),
        engine: Engine::new(config.engine_socket.clone()),
        queue: Queue::open(&config.state_dir)?,
        clock,
    });
    let socket = plugin::bind(&config.socket)?;
    tracing::info!(socket = %config.socket.display(), server = config.server_url, "the guard answers");
    let pause = Duration::from_millis(config.refresh_ms);
    let server = Arc::new(server);
    let reporter = Reporter { server: Arc::clone(&server), guard: Arc::clone(&guard) };
    let refresher = Refresher { server, folder, pinned, guard: Arc::clone(&guard) };
    let (outcome, (), ()) = tokio::join!(
        async {
            let outcome = plugin::serve(socket, guard, shutdown.clone()).await;
            shutdown.cancel();
            outcome
        },
        refresher.run(pause, &shutdown),
        reporter.run(pause, &shutdown),
    );
    outcome
}

/// The key to believe: the configured one, else the pinned one. Two that differ are for the operator to look at.
fn pinned(folder: &Folder, configured: Option<VerifierKey>) -> Result<Option<VerifierKey>, Error> {
    let stored = folder.key()?;
    match (configured, stored) {
        (Some(configured), Some(stored)) if configured != stored => Err(Error::Untrusted(format!(
            "the configured verifier key is {configured}, the pinned one {stored}; remove the state folder if the new one is right"
        ))),
        (Some(configured), None) => folder.pin(&configured).map(|()| Some(configured)),
        (_, stored) => Ok(stored),
    }
}

/// Between two questions to a server that holds none of them, and between two changes.
const BREATH: Duration = Duration::from_millis(20);

struct Refresher {
    server: Arc<Server>,
    folder: Folder,
    pinned: Option<VerifierKey>,
    guard: Arc<Guard>,
}

impl Refresher {
    /// Ask again and again. A server that holds its answer is asked at once, any other after a pause.
    async fn run(mut self, pause: Duration, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            let asked_at = Instant::now();
            let turn = tokio::select! {
                turn = self.refresh() => turn,
                () = shutdown.cancelled() => return,
            };
            let rest = match turn {
                Ok(true) => BREATH,
                Ok(false) => pause.saturating_sub(asked_at.elapsed()).max(BREATH),
                // Told to whoever is refused because of it, and logged when it is news.
                Err(error) => {
                    if self.guard.memory.failed(error.to_string()) {
                        tracing::warn!(%error, "the list of signed images was not refreshed");
                    }
                    pause
                }
            };
            nap(rest, shutdown).await;
        }
    }

    /// Ask once; gives whether there was a new set.
    async fn refresh(&mut self) -> Result<bool, Error> {
        let key = match &self.pinned {
            Some(key) => key.clone(),
            None => {
                let key = self.server.key().await?;
                self.folder.pin(&key)?;
                tracing::info!(%key, "the server's admission key is pinned");
                self.pinned.insert(key).clone()
            }
        };
        let memory = &self.guard.memory;
        match self.server.set(memory.etag().as_deref()).await? {
            Fetched::Same => {
                memory.confirm(self.guard.clock.now());
                Ok(false)
            }
            Fetched::New { document, etag } => {
                let set = open(&document, &key)?;
                let (enabled, images) = (set.enabled, set.images.len());
                let counts = memory.take(set, etag, self.guard.clock.now());
                if counts {
                    tracing::info!(enabled, images, "a new list of signed images counts");
                    // A full disk must not keep a revocation from counting now.
                    if let Err(error) = self.folder.keep_set(&document) {
                        tracing::warn!(%error, "the list of signed images is in memory only");
                    }
                } else {
                    tracing::warn!("the server gave a list that was issued before the present one; it does not count");
                }
                Ok(counts)
            }
        }
    }
}

struct Reporter {
    server: Arc<Server>,
    guard: Arc<Guard>,
}

impl Reporter {
    async fn run(self, pause: Duration, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            self.report().await;
            nap(pause, shutdown).await;
        }
        // What was decided last is worth one more try.
        self.report().await;
    }

    /// Send what waits, in messages of a bounded size, until nothing waits or the server does not take it.
    async fn report(&self) {
        let queue = &self.guard.queue;
        loop {
            let (dropped, batch) = (queue.dropped(), queue.batch());
            if batch.is_empty() {
                return;
            }
            match self.server.report(&batch).await {
                Ok(()) => {}
                Err(error @ Error::Refused(_)) => {
                    tracing::error!(%error, verdicts = batch.len(), "verdicts are lost");
                }
                Err(error) => {
                    tracing::debug!(%error, "verdicts wait to be reported");
                    return;
                }
            }
            queue.sent(&batch, dropped);
        }
    }
}

async fn nap(length: Duration, shutdown: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(length) => {}
        () = shutdown.cancelled() => {}
    }
}

#[cfg(test)]
mod tests;
