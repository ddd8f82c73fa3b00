//! What engines could leave behind on a machine, looked for.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use crate::cgroup;
use crate::stage::Run;

/// Mounts and network devices of the machine.
pub struct Traces {
    mounts: BTreeSet<String>,
    devices: BTreeSet<String>,
}

/// Takes stock before anything is started.
///
/// # Errors
/// `/proc` or `/sys` cannot be read.
pub fn machine() -> Result<Traces> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    let mounts = table.lines().filter_map(|line| line.split(' ').nth(4).map(str::to_owned)).collect();
    let entries = fs::read_dir("/sys/class/net").context("cannot read /sys/class/net")?;
    let devices = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    Ok(Traces { mounts, devices })
}

/// What is there now, was not there before, and is the run's.
///
/// # Errors
/// `/proc` or `/sys` cannot be read.
pub fn left(before: &Traces, run: &Run) -> Result<Vec<String>> {
    let now = machine()?;
    let here = run.dir().to_string_lossy().into_owned();
    // Others work on this machine too: a new mount or device counts when it bears the run's name.
    let ours = |name: &&String| name.contains(run.id());
    let mut left: Vec<String> =
        now.mounts.difference(&before.mounts).filter(ours).map(|at| format!("mount {at}")).collect();
    left.extend(now.devices.difference(&before.devices).filter(ours).map(|name| format!("network device {name}")));
    left.extend(
        cgroup::starting_with(&cgroup::run_prefix(run.id()))?.iter().map(|path| format!("group {}", path.display())),
    );
    left.extend(processes(&here)?);
    Ok(left)
}

/// Processes whose command line or whose root of mounts names the run's folder.
fn processes(here: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("cannot read /proc")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) || name == std::process::id().to_string() {
            continue;
        }
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mounts = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(here) || mounts.contains(here) {
            found.push(format!("process {name}: {line}"));
        }
    }
    Ok(found)
}
