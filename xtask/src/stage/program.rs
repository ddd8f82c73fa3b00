//! A long-lived program of Assay that can be killed and started again, by anybody, at any moment.
//!
//! ```text
//!   start ─► running ── kill_and_restart ─► killed ─► started ─► ready ─► running
//!               └────── paused ─► asked to end ─► something is done ─► started ─► ready ─► running
//! ```
//!
//! Whoever changes it holds its lock, so that nobody kills what was stopped on purpose.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use rustix::process::Signal;

use super::{Cleanup, Process};
use crate::{unrest, wait};

type Make = Box<dyn Fn() -> Command + Send + Sync>;
type Probe = Box<dyn Fn() -> Result<bool> + Send + Sync>;

/// What a program is and how one sees that it is ready. The probe must not wait for the program to come back: it is asked
/// while the program is away.
pub struct Recipe {
    pub name: String,
    pub log: PathBuf,
    pub limit: Duration,
    pub make: Make,
    pub ready: Probe,
}

/// The program; at the latest [`Cleanup`] ends it.
pub struct Program {
    recipe: Recipe,
    cleanup: Cleanup,
    process: Mutex<Process>,
}

impl Program {
    /// Starts it; [`Program::wait`] waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(cleanup: &Cleanup, recipe: Recipe) -> Result<Program> {
        let process = Process::spawn(cleanup, &recipe.name, &(recipe.make)(), &recipe.log)?;
        Ok(Program { recipe, cleanup: cleanup.clone(), process: Mutex::new(process) })
    }

    /// Waits until it is ready, also when somebody kills and restarts it meanwhile.
    ///
    /// # Errors
    /// It ended, or is not ready in time.
    pub fn wait(&self) -> Result<()> {
        let what = format!("an answer of {}", self.recipe.name);
        wait::until(&what, self.recipe.limit, || {
            if (self.recipe.ready)()? {
                return Ok(Some(()));
            }
            let process = self.process();
            let Some(status) = process.ended()? else { return Ok(None) };
            bail!("{} ended with {status} before it was ready; it says:\n{}", self.recipe.name, process.said())
        })
    }

    /// For people.
    pub fn name(&self) -> &str {
        &self.recipe.name
    }

    /// `kill -9`, and a start on what is left.
    ///
    /// # Errors
    /// It does not come up again.
    pub fn kill_and_restart(&self) -> Result<()> {
        let mut process = self.process();
        let _away = unrest::begin();
        process.kill()?;
        *process = Process::spawn(&self.cleanup, &self.recipe.name, &(self.recipe.make)(), &self.recipe.log)?;
        self.wait_for(&process)
    }

    /// Asks it to end, does something while it is down, and starts it again.
    ///
    /// # Errors
    /// It ends with an error, does not come up again, or the work fails.
    pub fn paused<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut process = self.process();
        self.stop_now(&process)?;
        let done = work()?;
        *process = Process::spawn(&self.cleanup, &self.recipe.name, &(self.recipe.make)(), &self.recipe.log)?;
        self.wait_for(&process)?;
        Ok(done)
    }

    /// Asks it to end, and waits for the end.
    ///
    /// # Errors
    /// It ends with an error.
    pub fn stop(&self) -> Result<()> {
        self.stop_now(&self.process())
    }

    fn stop_now(&self, process: &Process) -> Result<()> {
        process.signal(Signal::TERM)?;
        let status = process.end(self.recipe.limit)?;
        ensure!(status.success(), "{} ended with {status} when it was asked to stop", self.recipe.name);
        process.kill()
    }

    fn wait_for(&self, process: &Process) -> Result<()> {
        process.ready("an answer", self.recipe.limit, &self.recipe.ready)
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
