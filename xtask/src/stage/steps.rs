//! Progress lines: what happens, since when, and how long it took.
//!
//! ```text
//! [  0.0s] start the build engine                                       ok    0.4 s
//! [  0.4s] push the base image                                          FAILED
//! ```
//!
//! In a kill round a line below the step says who was killed in it.

use std::fs;
use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use super::killer::{Killed, Plan};
use super::{Durations, Killer, Program};
use crate::{command, unrest};

/// Lines of each log that a failed step shows.
const LOG_LINES: usize = 25;

/// The steps of one story.
pub struct Steps {
    started: Instant,
    logs: Vec<(String, PathBuf)>,
    done: usize,
    durations: Durations,
    killer: Option<Killer>,
    victims: Vec<Arc<Program>>,
}

/// Steps in which one program more may be killed.
pub struct Beside<'a>(&'a mut Steps);

impl Steps {
    /// Starts the clock.
    pub fn new() -> Steps {
        Steps::with(Durations::default(), None)
    }

    /// Starts the clock of steps whose durations are known, and in which somebody may kill.
    pub fn with(durations: Durations, killer: Option<Killer>) -> Steps {
        Steps { started: Instant::now(), logs: Vec::new(), done: 0, durations, killer, victims: Vec::new() }
    }

    /// From now on, this program may be killed in every step.
    pub fn expose(&mut self, program: &Arc<Program>) {
        self.victims.push(Arc::clone(program));
    }

    /// As long as the answer lives, this program may be killed, too.
    pub fn beside(&mut self, program: &Arc<Program>) -> Beside<'_> {
        self.expose(program);
        Beside(self)
    }

    /// The killing is over. Gives what was killed, and keeps the durations of a plain run.
    ///
    /// # Errors
    /// The durations cannot be kept.
    pub fn calm(&mut self) -> Result<Option<String>> {
        self.victims.clear();
        match self.killer.take() {
            Some(killer) => Ok(Some(killer.summary())),
            None => self.durations.save().map(|()| None),
        }
    }

    /// From now on, a failed step also shows the end of this log.
    pub fn watch(&mut self, name: &str, log: &Path) {
        self.logs.push((name.to_owned(), log.to_owned()));
    }

    /// Plays one step, printing its line.
    ///
    /// # Errors
    /// Those of the step, with the step's title before them; the ends of the watched logs are printed.
    pub fn step<T>(&mut self, title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        print!("[{:6.1}s] {title:<72} ", self.started.elapsed().as_secs_f64());
        flush();
        let name = self.durations.name(title);
        let usual = self.durations.usual(&name);
        let plan = self.killer.as_mut().and_then(|killer| killer.plan(&self.victims, usual));
        let (result, killed) = match plan {
            Some(plan) => through(plan, work),
            None => (work(), None),
        };
        match &result {
            Ok(_) => println!("ok  {:6.1} s", begun.elapsed().as_secs_f64()),
            Err(_) => println!("FAILED"),
        }
        if let Some(killed) = &killed {
            self.note(&killed.to_string());
        }
        unrest::remarks().iter().for_each(|remark| self.note(remark));
        if let (Some(killer), Some(killed)) = (&mut self.killer, &killed) {
            killer.note(killed);
        }
        if result.is_err() {
            self.show_logs();
        } else {
            self.durations.note(name, begun.elapsed());
            self.done += 1;
        }
        result.with_context(|| title.to_owned())
    }

    /// Prints something worth knowing below the step it belongs to.
    pub fn note(&self, text: &str) {
        for line in text.lines() {
            println!("           {line}");
        }
        flush();
    }

    /// Seconds since the story began, and how many steps held.
    pub fn summary(&self) -> String {
        format!("{} steps held in {:.1} s", self.done, self.started.elapsed().as_secs_f64())
    }

    fn show_logs(&self) {
        for (name, log) in &self.logs {
            let text = fs::read(log).unwrap_or_default();
            println!("--- the end of {name} ({})", log.display());
            println!("{}", command::tail(&String::from_utf8_lossy(&text), LOG_LINES));
        }
        flush();
    }
}

impl Deref for Beside<'_> {
    type Target = Steps;

    fn deref(&self) -> &Steps {
        self.0
    }
}

impl DerefMut for Beside<'_> {
    fn deref_mut(&mut self) -> &mut Steps {
        self.0
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        self.0.victims.pop();
    }
}

/// Works while somebody kills.
fn through<T>(plan: Plan, work: impl FnOnce() -> Result<T>) -> (Result<T>, Option<Killed>) {
    let (end, ended) = mpsc::channel();
    thread::scope(|scope| {
        let killing = scope.spawn(move || plan.carry_out(&ended));
        let result = work();
        // Nobody listens when the killing is done already.
        let _done = end.send(result.is_ok());
        let killed = killing.join().unwrap_or_else(|_| Err(anyhow!("the thread that kills broke down")));
        match (result, killed) {
            (result, Ok(killed)) => (result, killed),
            (Ok(_), Err(error)) => (Err(error), None),
            (Err(first), Err(second)) => (Err(first.context(format!("{second:#}"))), None),
        }
    })
}

fn flush() {
    // A closed pipe is the reader's wish, not a failure of the story.
    let _closed = io::stdout().flush();
}
