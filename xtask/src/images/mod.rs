//! Images made from Debian packages: the base image (Python and Flask) and the job image (git and the docker client).
//!
//! ```text
//! machine's apt sources ─► mmdebstrap minbase ─┬─► + python3-flask ──────► base.tar ─┐
//!                                              └─► + git, docker client ─► job.tar ──┴─► docker import
//!
//! target/demo-cache/bookworm-2026-01-31-1/base.tar, job.tar        one folder per suite, day and recipe
//! ```
//!
//! Mirrors, proxies and suites are the machine's own. The package database stays in, so that a scanner finds what it
//! finds in any Debian image.

pub mod deb;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::engine::Engine;
use crate::{command, packages};

/// Raise when a script changes, so that cached file systems are made anew.
const RECIPE: u32 = 1;
/// Three unpacked file systems, two archives, and as much again for everybody else.
const MEMORY_KIB: u64 = 3 * 1024 * 1024;
const CLIENT: &str = "/usr/bin/docker";

/// The root file systems, made or found.
pub struct Images {
    dir: PathBuf,
}

impl Images {
    /// Makes both file systems unless today's are in the cache; older ones go.
    ///
    /// # Errors
    /// Not root, no Debian sources, or mmdebstrap failed.
    pub fn prepare(cache: &Path) -> Result<Images> {
        fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
        let lock = File::create(cache.join("lock"))?;
        lock.lock().with_context(|| format!("cannot lock {}", cache.display()))?;
        let suite = suite()?;
        let today = command::run(Command::new("date").args(["-u", "+%F"]))?;
        let key = format!("{suite}-{}-{RECIPE}", today.trim());
        let images = Images { dir: cache.join(&key) };
        if images.base().exists() && images.job().exists() {
            return Ok(images);
        }
        ensure!(rustix::process::geteuid().is_root(), "root file systems are made by root: run this as root");
        fs::create_dir_all(&images.dir)?;
        images.make(&suite)?;
        for entry in fs::read_dir(cache)?.flatten() {
            if entry.path().is_dir() && entry.file_name() != *key {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(images)
    }

    /// Root file system of the base image.
    pub fn base(&self) -> PathBuf {
        self.dir.join("base.tar")
    }

    /// Root file system of the job image, standing in for `docker:latest`.
    pub fn job(&self) -> PathBuf {
        self.dir.join("job.tar")
    }

    /// Imports the base image into an engine and gives its id.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn import_base(&self, engine: &Engine, reference: &str) -> Result<String> {
        let title = "org.opencontainers.image.title=Python and Flask on Debian";
        let changes = ["CMD [\"python3\"]".to_owned(), "ENV PYTHONUNBUFFERED=1".to_owned(), label(title)];
        import(engine, &self.base(), reference, &changes)
    }

    /// Imports the job image into an engine and gives its id.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn import_job(&self, engine: &Engine, reference: &str) -> Result<String> {
        let title = "org.opencontainers.image.title=git and the docker client on Debian";
        import(engine, &self.job(), reference, &["CMD [\"sh\"]".to_owned(), label(title)])
    }

    fn make(&self, suite: &str) -> Result<()> {
        let work = self.dir.join("work");
        fs::create_dir_all(&work)?;
        let sources = self.dir.join("sources.list");
        fs::write(&sources, debian_sources(suite)?)?;
        let slim = self.dir.join("slim.sh");
        fs::write(&slim, include_str!("slim.sh"))?;
        let mut make = Command::new("setpriv");
        make.args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "--pid", "--fork", "--kill-child"]);
        make.args(["--mount-proc", "--propagation", "private", "sh", "-c", include_str!("make.sh"), "make.sh"]);
        make.args(apt_options()?.iter().map(|option| format!("--aptopt={option}")));
        make.env("WORK", &work).env("OUT", &self.dir).env("SUITE", suite).env("SOURCES", &sources);
        make.env("SLIM", &slim).env("CLIENT", CLIENT);
        make.env("MEMORY", if free_memory_kib()? > MEMORY_KIB { "1" } else { "0" });
        let made = command::run(&mut make);
        fs::remove_dir_all(&work)?;
        made.map(drop).context("cannot make the images' root file systems")
    }
}

/// Imports a root file system with changes in Dockerfile words and gives the image's id.
///
/// # Errors
/// The engine refuses it.
pub fn import(engine: &Engine, tar: &Path, reference: &str, changes: &[String]) -> Result<String> {
    let mut import = engine.docker(["import"]);
    for change in changes {
        import.args(["--change", change]);
    }
    Ok(command::run(import.arg(tar).arg(reference))?.trim().to_owned())
}

fn label(text: &str) -> String {
    let (name, value) = text.split_once('=').expect("labels are written as name=value above");
    format!("LABEL {name}={value:?}")
}

fn suite() -> Result<String> {
    let text = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(line.context("/etc/os-release has no VERSION_CODENAME: is this Debian?")?.trim_matches('"').to_owned())
}

/// The machine's own Debian sources of this release (with its updates and security suites), as `deb` lines.
fn debian_sources(suite: &str) -> Result<String> {
    let mut lines = index_targets(suite)?;
    if lines.is_empty() {
        // A machine fresh from its image has sources, but no lists yet.
        command::run(packages::apt_get().args(["update", "-q"]))?;
        lines = index_targets(suite)?;
    }
    ensure!(!lines.is_empty(), "apt has no source of Debian {suite}; see /etc/apt/sources.list.d");
    Ok(lines.join("\n") + "\n")
}

fn index_targets(suite: &str) -> Result<Vec<String>> {
    let mut query = Command::new("apt-get");
    query.args(["indextargets", "--format", "$(ORIGIN)|$(LABEL)|deb $(SITE) $(RELEASE) $(COMPONENT)"]);
    let text = command::run(query.arg("Created-By: Packages"))?;
    let mut lines: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("Debian|Debian|").or_else(|| line.strip_prefix("Debian|Debian-Security|")))
        .filter(|line| line.split(' ').nth(2).is_some_and(|release| release.starts_with(suite)))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines.dedup();
    Ok(lines)
}

/// How the machine reaches its mirrors: proxies and whether dates of the lists are checked.
fn apt_options() -> Result<Vec<String>> {
    let text = command::run(Command::new("apt-config").arg("dump"))?;
    let reach = ["Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries"];
    let set = text.lines().filter(|line| !line.ends_with("\"\";"));
    Ok(set.filter(|line| reach.iter().any(|start| line.starts_with(start))).map(str::to_owned).collect())
}

fn free_memory_kib() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).context("/proc/meminfo has no MemAvailable")
}
