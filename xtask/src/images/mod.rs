//! Images made from Debian packages: the base image (Python and Flask) and the job image (git and the docker client).
//!
//! ```text
//! machine's apt sources ─► mmdebstrap ─► minimal.tar ─┬─► + python3-flask ──────► base.tar ─┐
//!                                                     └─► + git, docker client ─► job.tar ──┴─► docker load
//!
//! target/demo-cache/bookworm-2026-01-31-3/{minimal,base,job}.tar     one folder per suite, day and recipe
//! ```
//!
//! Each image has two layers, and the first is the same: an engine stores it once, a registry takes it once, a scanner
//! reads it once. Mirrors, proxies and suites are the machine's own. The package database stays in, so that a scanner
//! finds what it finds in any Debian image.

mod archive;
pub mod deb;
pub mod sources;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::command;
use crate::engine::Engine;

/// Raise when a script changes, so that cached layers are made anew.
const RECIPE: u32 = 3;
/// Three unpacked file systems, and as much again for everybody else.
const MEMORY_KIB: u64 = 3 * 1024 * 1024;
const LAYERS: [&str; 3] = ["minimal.tar", "base.tar", "job.tar"];
const CLIENT: &str = "/usr/bin/docker";

/// The images' layers, made or found.
pub struct Images {
    dir: PathBuf,
}

impl Images {
    /// Makes the layers unless today's are in the cache; older ones go.
    ///
    /// # Errors
    /// Not root, no Debian sources, or mmdebstrap failed.
    pub fn prepare(cache: &Path) -> Result<Images> {
        fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
        let lock = File::create(cache.join("lock"))?;
        lock.lock().with_context(|| format!("cannot lock {}", cache.display()))?;
        let suite = sources::suite()?;
        let today = command::run(Command::new("date").args(["-u", "+%F"]))?;
        let key = format!("{suite}-{}-{RECIPE}", today.trim());
        let images = Images { dir: cache.join(&key) };
        if LAYERS.iter().all(|layer| images.dir.join(layer).exists()) {
            return Ok(images);
        }
        ensure!(rustix::process::geteuid().is_root(), "images are made by root: run this as root");
        fs::create_dir_all(&images.dir)?;
        images.make(&suite)?;
        for entry in fs::read_dir(cache)?.flatten() {
            if entry.path().is_dir() && entry.file_name() != *key {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(images)
    }

    /// Where the layers are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Loads the base image into an engine under a name.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn load_base(&self, engine: &Engine, reference: &str) -> Result<()> {
        let config = json!({
            "Cmd": ["python3"],
            "Env": [archive::PATH, "PYTHONUNBUFFERED=1"],
            "Labels": { "org.opencontainers.image.title": "Python and Flask on Debian" },
        });
        archive::load(engine, &self.dir, "base", &config, reference)
    }

    /// Loads the job image, standing in for `docker:latest`, into an engine under a name.
    ///
    /// # Errors
    /// The engine refuses it.
    pub fn load_job(&self, engine: &Engine, reference: &str) -> Result<()> {
        let config = json!({
            "Cmd": ["sh"],
            "Env": [archive::PATH],
            "Labels": { "org.opencontainers.image.title": "git and the docker client on Debian" },
        });
        archive::load(engine, &self.dir, "job", &config, reference)
    }

    fn make(&self, suite: &str) -> Result<()> {
        let work = self.dir.join("work");
        fs::create_dir_all(&work)?;
        let list = self.dir.join("sources.list");
        fs::write(&list, sources::debian(suite)?)?;
        let slim = self.dir.join("slim.sh");
        fs::write(&slim, include_str!("slim.sh"))?;
        let mut make = Command::new("setpriv");
        make.args(["--pdeathsig", "KILL", "--", "unshare", "--mount", "--pid", "--fork", "--kill-child"]);
        make.args(["--mount-proc", "--propagation", "private", "sh", "-c", include_str!("make.sh"), "make.sh"]);
        make.args(sources::reach()?.iter().map(|option| format!("--aptopt={option}")));
        make.env("WORK", &work).env("OUT", &self.dir).env("SUITE", suite).env("SOURCES", &list);
        make.env("SLIM", &slim).env("CLIENT", CLIENT);
        make.env("MEMORY", if free_memory_kib()? > MEMORY_KIB { "1" } else { "0" });
        let made = command::run(&mut make);
        fs::remove_dir_all(&work)?;
        made.context("cannot make the images' layers")?;
        archive::write_digests(&self.dir, &LAYERS)
    }
}

fn free_memory_kib() -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).context("/proc/meminfo has no MemAvailable")
}
