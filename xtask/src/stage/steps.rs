//! Progress lines: what happens, since when, and how long it took.
//!
//! ```text
//! [  0.0s] start the build engine                                       ok    0.4 s
//! [  0.4s] push the base image                                          FAILED
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::command;

/// Lines of each log that a failed step shows.
const LOG_LINES: usize = 25;

/// The steps of one story.
pub struct Steps {
    started: Instant,
    logs: Vec<(String, PathBuf)>,
    done: usize,
}

impl Steps {
    /// Starts the clock.
    pub fn new() -> Steps {
        Steps { started: Instant::now(), logs: Vec::new(), done: 0 }
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
        let result = work();
        match &result {
            Ok(_) => println!("ok  {:6.1} s", begun.elapsed().as_secs_f64()),
            Err(_) => println!("FAILED"),
        }
        if result.is_err() {
            self.show_logs();
        } else {
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

fn flush() {
    // A closed pipe is the reader's wish, not a failure of the story.
    let _closed = io::stdout().flush();
}
