//! Control groups that engines leave behind, found by name and removed.
//!
//! An engine that is killed cannot remove the folders of its containers. Each engine therefore keeps them below one
//! folder of its own name at the root of every hierarchy (`--cgroup-parent`), on version 1 and on version 2:
//!
//! ```text
//! /sys/fs/cgroup/<controller>/assay-<run>-<engine>/<container>     version 1: one tree per controller
//! /sys/fs/cgroup/assay-<run>-<engine>/<container>                  version 2: one tree
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::wait;

/// Every folder of the engines of one run starts with this.
pub fn run_prefix(run: &str) -> String {
    format!("assay-{run}-")
}

/// Removes every group whose name starts with `prefix`, waiting for the last of their processes to be gone.
///
/// # Errors
/// A group still has processes after ten seconds.
pub fn remove_starting_with(prefix: &str) -> Result<()> {
    wait::until(&format!("the processes of the control groups {prefix}*"), Duration::from_secs(10), || {
        // A group can be removed once its processes are reaped; until then the kernel says EBUSY.
        let groups = starting_with(prefix)?;
        Ok(groups.iter().all(|group| remove_tree(group)).then_some(()))
    })
}

/// The groups whose name starts with `prefix`, in every hierarchy.
///
/// # Errors
/// The table of mounts cannot be read.
pub fn starting_with(prefix: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for hierarchy in hierarchies()? {
        let Ok(entries) = fs::read_dir(&hierarchy) else { continue };
        found.extend(
            entries
                .flatten()
                .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
                .map(|entry| entry.path()),
        );
    }
    Ok(found)
}

/// Mount points of all hierarchies, from the fifth and the ninth column of proc(5) mountinfo.
fn hierarchies() -> Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    let mut points: Vec<PathBuf> = table
        .lines()
        .filter_map(|line| line.split_once(" - "))
        .filter(|(_, right)| right.starts_with("cgroup ") || right.starts_with("cgroup2 "))
        .filter_map(|(left, _)| left.split(' ').nth(4).map(PathBuf::from))
        .collect();
    points.sort();
    points.dedup();
    Ok(points)
}

/// Removes a group, its children first; the files in it go by themselves.
fn remove_tree(group: &Path) -> bool {
    let Ok(entries) = fs::read_dir(group) else { return !group.exists() };
    let children: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    children.iter().all(|child| remove_tree(child)) && fs::remove_dir(group).is_ok()
}
