//! `assay login`.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{
    http::{Client, Remembered, Resolve},
    password,
};
use crate::tell;

/// Sign in to a server and remember it.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// `https://HOST:PORT`
    url: String,
    #[arg(long, short)]
    username: String,
    /// A file with the server's authority, from `https://HOST:PORT/ca`; check it by another way before you trust it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// An address for a name that no resolver knows; remembered with the sign-in.
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Resolve>,
    /// How the access token that is made is labelled.
    #[arg(long, default_value = "assay login")]
    label: String,
}

impl Login {
    /// The password is asked for, or is the first line of standard input: a flag would be visible to every user of the machine.
    pub(crate) async fn run(self) -> Result<()> {
        let ca_pem = match &self.ca {
            Some(path) => {
                Some(std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?)
            }
            None => None,
        };
        let client = Client::new(&self.url, ca_pem.as_deref(), &self.resolve)?;
        let password = password::ask(&format!("Password of {}: ", self.username))?;
        let token = client.new_token(&self.username, &password, &self.label).await?;
        let path = Remembered { url: self.url.clone(), token, ca_pem, resolve: self.resolve }.save()?;
        tell(&format!("Signed in to {} as {}; remembered in {}", self.url, self.username, path.display()));
        Ok(())
    }
}
