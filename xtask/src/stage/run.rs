//! One run of the harness: a name that no other run has, a folder, and the sweeping of runs that were killed.
//!
//! ```text
//! <root>/run-1f2e3d/lock      locked as long as the run lives; the kernel unlocks it, whatever happens
//! <root>/run-1f2e3d/…         folders of engines, logs, data
//! ```

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cgroup;

/// One run; dropped, it may be swept.
pub struct Run {
    id: String,
    dir: PathBuf,
    _lock: File,
}

impl Run {
    /// Sweeps what killed runs left below `root` and makes the folder of a new run.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(root: &Path) -> Result<Run> {
        fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
        sweep(root)?;
        let id = random_id()?;
        let dir = root.join(format!("run-{id}"));
        fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let lock = File::create(dir.join("lock"))?;
        lock.try_lock().with_context(|| format!("cannot lock {}", dir.display()))?;
        Ok(Run { id, dir, _lock: lock })
    }

    /// Six hexadecimal digits: short, because a network device's name has room for 15 characters.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The folder of this run.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes and gives a folder inside the run's.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// Removes the folder, logs and all; a run that failed keeps it until the next run sweeps.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.dir).with_context(|| format!("cannot remove {}", self.dir.display()))
    }
}

fn sweep(root: &Path) -> Result<()> {
    for entry in fs::read_dir(root)?.flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_prefix("run-")) else { continue };
        let lives = File::open(entry.path().join("lock")).is_ok_and(|lock| lock.try_lock().is_err());
        if lives {
            continue;
        }
        // Its processes died with it (see Process), and with them their namespaces, mounts and network devices.
        cgroup::remove_starting_with(&cgroup::run_prefix(id))?;
        fs::remove_dir_all(entry.path()).with_context(|| format!("cannot sweep {}", entry.path().display()))?;
    }
    Ok(())
}

fn random_id() -> Result<String> {
    let mut bytes = [0_u8; 3];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_dead_runs_and_spares_living_ones() {
        let root = tempfile::tempdir().unwrap();
        let dead = Run::open(root.path()).unwrap();
        let dead_dir = dead.dir().to_owned();
        drop(dead);
        let first = Run::open(root.path()).unwrap();
        let second = Run::open(root.path()).unwrap();
        assert!(!dead_dir.exists());
        assert!(first.dir().exists() && second.dir().exists());
        assert_ne!(first.id(), second.id());
    }
}
