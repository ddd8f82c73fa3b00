//! Asking for a password: hidden where somebody types it, one line where a program sends it.

use std::{
    io::{BufRead, IsTerminal, Read, Stdin, Write},
    os::fd::AsFd,
};

use anyhow::{Result, bail};
use base::{AccountName, Secret};
use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::{Value, json};

use super::Client;

/// More than any password that the server takes.
const LINE_BYTES: u64 = 4096;

/// Set a new password; sessions on the pages end with it, access tokens stay.
#[derive(Debug, Args)]
pub(crate) struct Password {
    /// Whose; oneself when absent.
    #[arg(long)]
    account: Option<AccountName>,
}

impl Password {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let name = match self.account {
            Some(name) => name.to_string(),
            None => client.get("/api/v4/user").await?["username"].as_str().unwrap_or_default().to_owned(),
        };
        let password = ask(&format!("New password of {name}: "))?;
        // Nobody sees what they type; a program does not mistype.
        if std::io::stdin().is_terminal() && ask("The same again: ")? != password {
            bail!("the two passwords are not the same; nothing was changed");
        }
        let path = format!("/enzi/v0/accounts/{name}");
        client.call(axum::http::Method::PATCH, &path, Some(&json!({"password": password.expose()}))).await?;
        Ok(Value::String(format!("{name} has a new password")))
    }
}

/// The first line of standard input, without its end. A terminal does not show it while it is typed.
pub(super) fn ask(prompt: &str) -> Result<Secret> {
    let stdin = std::io::stdin();
    let hidden = if stdin.is_terminal() { Some(Hidden::new(&stdin, prompt)?) } else { None };
    let mut line = String::new();
    stdin.lock().take(LINE_BYTES).read_line(&mut line)?;
    drop(hidden);
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password was given");
    }
    Ok(Secret::new(password.to_owned()))
}

/// A terminal that shows nothing of what is typed but the line's end; as it was, when this is dropped.
struct Hidden<'t> {
    terminal: &'t Stdin,
    before: Termios,
}

impl Hidden<'_> {
    fn new<'t>(terminal: &'t Stdin, prompt: &str) -> Result<Hidden<'t>> {
        let before = tcgetattr(terminal.as_fd())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        quiet.local_modes.insert(LocalModes::ECHONL);
        let hidden = Hidden { terminal, before };
        tcsetattr(terminal.as_fd(), OptionalActions::Flush, &quiet)?;
        // Only now, so that nobody types before it is hidden.
        let mut stderr = std::io::stderr();
        write!(stderr, "{prompt}")?;
        stderr.flush()?;
        Ok(hidden)
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // The terminal may be gone, and then there is nothing to restore.
        let _ = tcsetattr(self.terminal.as_fd(), OptionalActions::Now, &self.before);
    }
}
