//! Where the story plays: one run, its network, the compiled program, the images' layers.

use std::fs::{self, File};
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::site;
use crate::command;
use crate::engine::Switch;
use crate::images::Images;
use crate::stage::{Cleanup, Run, Steps};

/// What every act needs and none changes.
pub struct Scene<'a> {
    pub cleanup: &'a Cleanup,
    pub run: &'a Run,
    pub switch: &'a Switch,
    pub images: &'a Images,
    pub binary: &'a Path,
    /// Fixed before anything starts, because certificates and hosts files name them.
    pub build: Ipv4Addr,
    pub production: Ipv4Addr,
}

impl Scene<'_> {
    /// The server's address: the host's on the run's network.
    pub fn server(&self) -> Ipv4Addr {
        self.switch.host_address()
    }

    /// Names for hosts files.
    pub fn hosts(&self) -> Vec<(String, Ipv4Addr)> {
        vec![(site::HOST.to_owned(), self.server()), (site::PRODUCTION.to_owned(), self.production)]
    }

    /// A project of the repository's `demo/` folder.
    pub fn project(&self, name: &str) -> PathBuf {
        crate::repository().join("demo").join(name)
    }
}

/// Compiles the program while the images' layers are made; both take the longest on a fresh machine.
///
/// # Errors
/// Either fails.
pub fn compile(steps: &mut Steps, cache: &Path) -> Result<(PathBuf, Images)> {
    let cache = cache.to_owned();
    let layers = thread::spawn(move || Images::prepare(&cache));
    let binary = steps.step("compile assay", build)?;
    let joined = steps.step("layers of the images, made of Debian packages meanwhile", || {
        layers.join().map_err(|_| anyhow!("the thread that makes the images' layers broke down"))?
    })?;
    Ok((binary, joined))
}

/// In the tests' profile and with the whole workspace's features, as `make test` has compiled it already; the story spends
/// its time in engines, not in Assay.
///
/// # Errors
/// It does not compile.
pub fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--workspace", "--bin", "assay", "--message-format", "json-render-diagnostics"]);
    let said = command::run(cargo.current_dir(crate::repository()))?;
    let messages = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let ours = messages.filter(|message| message["target"]["name"] == "assay");
    let path = ours.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    path.context("cargo named no executable of the package assay")
}

/// A secret of 24 characters from the kernel.
///
/// # Errors
/// There is no /dev/urandom.
pub fn secret() -> Result<String> {
    let mut bytes = [0_u8; 12];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A seed that nobody chose; short, because people type it again.
///
/// # Errors
/// As [`secret`].
pub fn seed() -> Result<u64> {
    Ok(u64::from_str_radix(&secret()?[..5], 16)?)
}

/// Copies a folder with everything in it.
///
/// # Errors
/// Something in it cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    command::run(Command::new("cp").arg("-a").arg(from.join(".")).arg(to)).map(drop)
}
