//! Clients that push, tag, mount and delete at once until the server is gone.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::{
    api::{Api, Reply},
    chance::Chance,
    client::Client,
    content::Manifest,
    ledger::{Asked, Key, Ledger, Value},
    mount::Shared,
};

/// How many clients push at once.
pub const CLIENTS: u64 = 6;

/// The server is gone, or answered that it failed.
#[derive(Debug)]
pub struct Gone;

/// A manifest push that was not answered, to be tried again.
#[derive(Clone, Debug)]
pub struct Again {
    pub repository: String,
    pub manifest: Manifest,
    pub tag: Option<String>,
}

/// An upload that was not finished, to be gone on with.
#[derive(Clone, Debug)]
pub struct Resume {
    pub repository: String,
    pub location: String,
    pub number: u64,
    /// Bytes that were acknowledged.
    pub acknowledged: u64,
    /// The last request was the one that ends it.
    pub finishing: bool,
    /// The power was cut since, so that bytes may be missing.
    pub cut: bool,
}

/// What the clients of a round share, and what outlives the round.
#[derive(Debug)]
pub struct World {
    pub api: Api,
    pub disk: Shared,
    pub round: u64,
    book: Arc<Mutex<Book>>,
}

/// What is kept between rounds.
#[derive(Debug, Default)]
pub struct Book {
    pub ledger: Ledger,
    pub again: Vec<Again>,
    pub resume: Vec<Resume>,
    /// Answers that must not be.
    pub faults: Vec<String>,
}

impl World {
    pub fn new(api: Api, disk: Shared, round: u64, book: Arc<Mutex<Book>>) -> World {
        World { api, disk, round, book }
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no holder of this lock can panic")
    }

    pub fn begin(&self, sets: Vec<(Key, Value)>) -> Asked {
        self.book().ledger.ask(sets)
    }

    /// Write down how a request ended; gives whether it was acknowledged.
    pub fn end(&self, asked: &Asked, reply: Option<&Reply>, what: &str) -> Result<bool, Gone> {
        let good = self.judge(reply, what)?;
        match good {
            true => self.book().ledger.acknowledge(asked),
            false => self.book().ledger.refuse(asked),
        }
        Ok(good)
    }

    /// Whether a request was acknowledged; a server that fails although nobody stopped it is a fault.
    pub fn judge(&self, reply: Option<&Reply>, what: &str) -> Result<bool, Gone> {
        let reply = reply.ok_or(Gone)?;
        let fault = reply.status >= 500 || reply.status == 401 || reply.status == 403;
        if fault {
            if !self.disk.lock().is_frozen() {
                self.book().faults.push(format!("{what} was answered with {}", reply.show()));
            }
            return Err(Gone);
        }
        Ok(reply.is_good())
    }
}

/// Let the clients work until the server is killed: by the trap in the disk, or after this time.
pub async fn run(world: &Arc<World>, seed: u64, limit: Duration) {
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client::new(world.clone(), number, Chance::of(seed ^ world.round, number + 100));
        clients.spawn(client.work());
    }
    let ended = async { while clients.join_next().await.is_some() {} };
    if tokio::time::timeout(limit, ended).await.is_err() {
        world.disk.lock().stop();
    }
    while clients.join_next().await.is_some() {}
    // Also when every client met a fault first.
    world.disk.lock().stop();
}
