//! The rounds: start, check, load, kill, sometimes cut the power, look at what is on disk.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use tokio::runtime::Runtime;

use crate::{
    api::Api,
    chance::Chance,
    check, damage,
    disk::Disk,
    load::{self, Book, World},
    mount::{Mounted, Shared, Trap},
    plan::Plan,
    report::{Broken, Figures},
    server::{Recipe, Server, Started},
    site::Site,
    store::{self, Verified},
};

/// How many rounds a server lives before everything is looked at and a new one begins: short lives for what only a first start does,
/// a long one for the database to grow.
const LIVES: [u64; 4] = [2, 5, 8, 35];
/// In every so-many-th round the log is verified and something is damaged.
const LOG_EVERY: u64 = 5;
const DAMAGE_EVERY: u64 = 3;

/// What a run is told.
#[derive(Debug)]
pub struct Options {
    pub program: PathBuf,
    pub mount: PathBuf,
    pub rounds: u64,
    pub seed: u64,
    pub ignored: BTreeSet<Site>,
}

/// One server's life: its disk and what is known about it.
struct Life {
    disk: Shared,
    book: Arc<Mutex<Book>>,
    verified: Verified,
    keys: check::Keys,
}

pub struct Run<'a> {
    options: &'a Options,
    runtime: Runtime,
    http: reqwest::Client,
    recipe: Recipe,
    life: Life,
    pub figures: Figures,
}

/// A server that serves and what it works on.
struct Serving {
    server: Server,
    world: Arc<World>,
}

impl Life {
    fn new(ignored: &BTreeSet<Site>) -> Life {
        Life {
            disk: Shared::new(Disk::new(base::Clock::System.now().into()), ignored.clone()),
            book: Arc::default(),
            verified: Verified::new(),
            keys: check::Keys::default(),
        }
    }
}

/// Whether a life begins with this round.
fn is_first(round: u64) -> bool {
    let mut rest = round % LIVES.iter().sum::<u64>();
    LIVES.iter().any(|length| {
        let first = rest == 0;
        rest = rest.wrapping_sub(*length);
        first
    })
}

impl<'a> Run<'a> {
    pub fn new(options: &'a Options) -> Result<Run<'a>> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let recipe = Recipe { program: options.program.clone(), data: options.mount.join("data") };
        let life = Life::new(&options.ignored);
        Ok(Run { options, runtime, http: Api::http()?, recipe, life, figures: Figures::default() })
    }

    /// All rounds; gives what broke, if something did.
    pub fn all(&mut self, tell: impl Fn(&str)) -> Result<Option<Broken>> {
        let begun = Instant::now();
        for round in 0..self.options.rounds {
            let problems = self.round(round)?;
            self.figures.rounds += 1;
            if !problems.is_empty() {
                self.figures.end(begun, &self.life.disk);
                return Ok(Some(Broken { round, problems }));
            }
            let last = round + 1 == self.options.rounds;
            if last || is_first(round + 1) {
                let problems = self.last_look(round)?;
                if !problems.is_empty() {
                    self.figures.end(begun, &self.life.disk);
                    return Ok(Some(Broken { round, problems }));
                }
                self.figures.take(&self.life.disk);
                self.life = Life::new(&self.options.ignored);
            }
            if last || (round + 1) % 10 == 0 {
                tell(&self.figures.progress(begun));
            }
        }
        self.figures.end(begun, &self.life.disk);
        Ok(None)
    }

    fn round(&mut self, round: u64) -> Result<Vec<String>> {
        let mut chance = Chance::of(self.options.seed, round);
        let plan = Plan::draw(&mut chance, is_first(round));
        let mounted = self.begin(plan.at_start)?;
        let problems = match self.recipe.start(&self.life.disk)? {
            Started::Died(_) if self.life.disk.lock().is_frozen() => {
                self.figures.killed_at_start += 1;
                Vec::new()
            }
            Started::Died(log) => vec![format!("the server does not start:\n{log}")],
            Started::Serves(server) => {
                self.life.disk.lock().disarm();
                self.serve(server, round, &plan, &mut chance)?
            }
        };
        mounted.unmount().context("cannot unmount")?;
        if !problems.is_empty() {
            return Ok(problems);
        }
        self.figures.kills += 1;
        let mut state = self.life.disk.lock();
        if plan.cut {
            self.figures.cuts += 1;
            let losses = state.disk.cut(&mut chance);
            self.figures.lose(losses);
        } else {
            state.disk.sweep();
        }
        if plan.cut {
            let mut book = self.life.book.lock().map_err(|_| anyhow!("a client panicked"))?;
            book.resume.iter_mut().for_each(|resume| resume.cut = true);
        }
        self.runtime.block_on(store::problems(&state.disk, &mut self.life.verified))
    }

    fn begin(&self, trap: Option<Trap>) -> Result<Mounted> {
        self.life.disk.lock().thaw(trap);
        self.life.disk.mount(&self.options.mount).context("cannot mount; FUSE needs root and /dev/fuse")
    }

    /// Check what the last round left, then load until the kill.
    fn serve(&mut self, server: Server, round: u64, plan: &Plan, chance: &mut Chance) -> Result<Vec<String>> {
        if self.life.disk.lock().is_frozen() {
            self.figures.killed_at_start += 1;
            server.reap()?;
            return Ok(Vec::new());
        }
        let serving = match self.sign_in(server, round) {
            Ok(serving) => serving,
            Err(problem) => return Ok(vec![format!("{problem:#}")]),
        };
        let mut problems = self.check(&serving.world, round, chance, false)?;
        if problems.is_empty() {
            if let Some(trap) = plan.in_load {
                self.life.disk.lock().arm(trap);
            }
            self.runtime.block_on(load::run(&serving.world, self.options.seed, Duration::from_millis(plan.load_ms)));
            problems.append(&mut serving.world.book().faults);
        }
        self.end(serving, problems)
    }

    /// Make sure that the server is dead, and add what it said to what is wrong.
    fn end(&mut self, serving: Serving, mut problems: Vec<String>) -> Result<Vec<String>> {
        self.life.disk.lock().stop();
        self.figures.acknowledged += std::mem::take(&mut serving.world.book().ledger.acknowledged);
        let log = serving.server.reap()?;
        if !problems.is_empty() {
            problems.push(format!("the server said last:\n{}", log.text()));
        }
        Ok(problems)
    }

    fn sign_in(&mut self, server: Server, round: u64) -> Result<Serving> {
        let failed = |error| anyhow!("nobody can sign in: {error:#}\n{}", server.log());
        let api = self.runtime.block_on(Api::sign_in(self.http.clone(), server.address)).map_err(failed)?;
        let (disk, book) = (self.life.disk.clone(), self.life.book.clone());
        let world = Arc::new(World::new(api, disk, round, book));
        Ok(Serving { server, world })
    }

    fn check(&mut self, world: &World, round: u64, chance: &mut Chance, all: bool) -> Result<Vec<String>> {
        let (looked, mut problems) = self.runtime.block_on(check::ledger(world, chance, all));
        self.figures.checked += looked as u64;
        problems.extend(self.runtime.block_on(check::keys(&world.api, &mut self.life.keys))?);
        problems.extend(check::leftovers(world));
        if problems.is_empty() && (all || round.is_multiple_of(LOG_EVERY)) {
            problems.extend(self.runtime.block_on(check::log(&world.api))?);
        }
        if problems.is_empty() && !all && round % DAMAGE_EVERY == 1 {
            self.figures.damaged += 1;
            problems.extend(self.runtime.block_on(damage::try_out(world, &self.options.mount, chance))?);
        }
        Ok(problems)
    }

    /// Look at everything that was ever acknowledged.
    fn last_look(&mut self, round: u64) -> Result<Vec<String>> {
        let mounted = self.begin(None)?;
        let problems = match self.recipe.start(&self.life.disk)? {
            Started::Died(log) => vec![format!("the server does not start:\n{log}")],
            Started::Serves(server) => match self.sign_in(server, round) {
                Ok(serving) => {
                    let problems =
                        self.check(&serving.world, round, &mut Chance::of(self.options.seed, round), true)?;
                    self.end(serving, problems)?
                }
                Err(problem) => vec![format!("{problem:#}")],
            },
        };
        mounted.unmount().context("cannot unmount")?;
        Ok(problems)
    }
}
