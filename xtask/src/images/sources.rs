//! How this machine gets its Debian packages, so that images get theirs the same way.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{command, packages};

/// The release's name, `bookworm`.
///
/// # Errors
/// This is no Debian.
pub fn suite() -> Result<String> {
    let text = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(line.context("/etc/os-release has no VERSION_CODENAME: is this Debian?")?.trim_matches('"').to_owned())
}

/// The machine's own Debian sources of this release, with its updates and security suites, as `deb` lines.
///
/// # Errors
/// apt has none.
pub fn debian(suite: &str) -> Result<String> {
    let mut lines = index_targets(suite)?;
    if lines.is_empty() {
        // A machine fresh from its image has sources, but no lists yet.
        command::run(packages::apt_get().args(["update", "-q"]))?;
        lines = index_targets(suite)?;
    }
    ensure!(!lines.is_empty(), "apt has no source of Debian {suite}; see /etc/apt/sources.list.d");
    Ok(lines.join("\n") + "\n")
}

/// How the machine reaches its mirrors: proxies, and whether dates of the lists are checked.
///
/// # Errors
/// There is no apt.
pub fn reach() -> Result<Vec<String>> {
    let text = command::run(Command::new("apt-config").arg("dump"))?;
    let wanted = ["Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries"];
    let set = text.lines().filter(|line| !line.ends_with("\"\";"));
    Ok(set.filter(|line| wanted.iter().any(|start| line.starts_with(start))).map(str::to_owned).collect())
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
