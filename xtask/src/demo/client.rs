//! One person's docker client: a home with its own sign-in and trust data.
//!
//! It runs inside an engine's namespaces, where the installation's name is known, but its home is on the host:
//!
//! ```text
//! HOME/.docker/config.json                       who is signed in
//! HOME/.docker/tls/assay.test:8443/ca.crt        whom the client trusts (it speaks to the trust server itself)
//! HOME/.docker/trust/                            keys and cached trust data
//! ```

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::site;
use crate::command;
use crate::engine::Engine;
use crate::stage::Run;

/// One passphrase for all keys of the story; keys are encrypted at rest with it.
const PASSPHRASE: &str = "of a story, not of a secret";

/// A person at a docker client.
pub struct Client {
    home: PathBuf,
}

impl Client {
    /// A new home.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(run: &Run, name: &str, ca: &Path) -> Result<Client> {
        let client = Client { home: run.folder(&format!("home/{name}"))? };
        let trusted = client.folder().join("tls").join(site::REGISTRY);
        fs::create_dir_all(&trusted)?;
        fs::copy(ca, trusted.join("ca.crt"))?;
        Ok(client)
    }

    /// What a job finds as `/root/.docker` when the runner mounts it.
    pub fn folder(&self) -> PathBuf {
        self.home.join(".docker")
    }

    /// `docker …`, against the engine's own socket.
    pub fn docker<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, engine: &Engine, arguments: I) -> Command {
        let mut command = engine.docker_inside(arguments);
        self.dress(&mut command);
        command
    }

    /// `docker …`, over TLS with a client bundle, as a person far from the engine does.
    pub fn docker_over_tls<I, S>(&self, engine: &Engine, bundle: &Path, arguments: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = self.docker(engine, arguments);
        command.env("DOCKER_HOST", site::PRODUCTION_URL).env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", bundle);
        command
    }

    /// Any other program that looks at the same home.
    pub fn program(&self, engine: &Engine, program: &str) -> Command {
        let mut command = engine.inside(program);
        self.dress(&mut command);
        command
    }

    /// `docker login`; the engine checks the name and the password or token.
    ///
    /// # Errors
    /// They are wrong.
    pub fn login(&self, engine: &Engine, username: &str, password: &str) -> Result<String> {
        let mut login = self.docker(engine, ["login", "--username", username, "--password-stdin", site::REGISTRY]);
        command::run_with_input(&mut login, password)
    }

    fn dress(&self, command: &mut Command) {
        command.env("HOME", &self.home).env("DOCKER_CONFIG", self.folder());
        for kind in ["DOCKER_CONTENT_TRUST_ROOT", "DOCKER_CONTENT_TRUST_REPOSITORY"] {
            command.env(format!("{kind}_PASSPHRASE"), PASSPHRASE);
        }
        for kind in ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"] {
            command.env(format!("NOTARY_{kind}_PASSPHRASE"), PASSPHRASE);
        }
    }
}

/// What a job gets as `DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE`.
pub fn passphrase() -> &'static str {
    PASSPHRASE
}
