//! The command line of Assay, as one person uses it; every answer is read as JSON.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// What the server says to a second attempt whose first one was done, though an outage took the answer away.
const DONE: &[&str] = &["already"];

/// One person's command line, with a sign-in of its own.
#[derive(Clone)]
pub struct Assay {
    binary: PathBuf,
    sign_in: PathBuf,
    resolve: String,
}

impl Assay {
    /// Nobody yet: the sign-in is made by [`Assay::login`].
    pub fn new(binary: &Path, sign_in: &Path, resolve: &str) -> Assay {
        Assay { binary: binary.to_owned(), sign_in: sign_in.to_owned(), resolve: resolve.to_owned() }
    }

    /// `assay login`, with the password from standard input.
    ///
    /// # Errors
    /// The server says no.
    pub fn login(&self, url: &str, ca: &Path, username: &str, password: &str) -> Result<()> {
        let mut login = self.command(["login", url, "--username", username, "--ca"]);
        login.arg(ca).args(["--resolve", &self.resolve]);
        command::run_with_input(&mut login, password).map(drop)
    }

    /// Runs a command and reads its answer; nothing is `null`, also what was done by an earlier attempt.
    ///
    /// # Errors
    /// The server says no, or this build does not know the command.
    pub fn ask<const N: usize>(&self, words: [&str; N]) -> Result<Value> {
        read(&self.text(words)?)
    }

    /// The same, giving the answer as it was printed.
    ///
    /// # Errors
    /// As [`Assay::ask`].
    pub fn text<const N: usize>(&self, words: [&str; N]) -> Result<String> {
        command::run_once(self.command(words).args(["--format", "json"]), DONE)
    }

    /// The same with a value from standard input.
    ///
    /// # Errors
    /// As [`Assay::ask`].
    pub fn ask_with<const N: usize>(&self, words: [&str; N], input: &str) -> Result<Value> {
        read(&command::run_once_with_input(self.command(words).args(["--format", "json"]), input, DONE)?)
    }

    /// Any API, where the command line has no noun of its own.
    ///
    /// # Errors
    /// As [`Assay::ask`].
    pub fn get(&self, path: &str) -> Result<Value> {
        self.ask(["api", "GET", path])
    }

    /// Any API, with a body.
    ///
    /// # Errors
    /// As [`Assay::ask`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(["api", "POST", path, "--data", &body.to_string()])
    }

    /// The command, ready to run.
    pub fn command<const N: usize>(&self, words: [&str; N]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).env("ASSAY_LOGIN", &self.sign_in);
        command
    }
}

fn read(text: &str) -> Result<Value> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).with_context(|| format!("no JSON: {}", command::tail(text, 3)))
}
