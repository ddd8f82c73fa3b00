//! Which programs an engine consists of, and what its configuration says beyond what the harness needs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// Debian's engine.
const DAEMON: &str = "/usr/sbin/dockerd";

/// The programs of one engine.
pub struct Software {
    pub(super) client: PathBuf,
    pub(super) daemon: PathBuf,
    /// Looked through before the machine's path for what the daemon starts.
    folder: Option<PathBuf>,
    /// Members of `daemon.json`.
    pub(super) settings: Map<String, Value>,
}

impl Software {
    /// Debian's client, wherever else on the path another one stands: newer ones no longer sign on push.
    pub const DEBIANS_CLIENT: &str = "/usr/bin/docker";

    /// Docker 20.10 as Debian has it.
    pub fn debian() -> Software {
        Software { client: Software::DEBIANS_CLIENT.into(), daemon: DAEMON.into(), folder: None, settings: Map::new() }
    }

    /// `docker`, `dockerd` and what that starts, from a folder; only what is not there comes from the machine.
    pub fn of(folder: &Path, settings: Map<String, Value>) -> Software {
        let (client, daemon) = (folder.join("docker"), folder.join("dockerd"));
        Software { client, daemon, folder: Some(folder.to_owned()), settings }
    }

    /// The path that its programs are looked for in.
    ///
    /// # Errors
    /// The machine's cannot be joined to a folder.
    pub(super) fn path(&self) -> Result<OsString> {
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let folders = self.folder.iter().cloned().chain(std::env::split_paths(&machine));
        std::env::join_paths(folders).context("a folder of the engine's programs has a colon in its name")
    }
}
