//! Packages made on the spot: a name and a version, and nothing in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

/// Builds `NAME_VERSION_all.deb` in `dir`; installed, it only adds its record to the package database.
///
/// # Errors
/// `dpkg-deb` refuses the name or the version.
pub fn empty(dir: &Path, name: &str, version: &str) -> Result<PathBuf> {
    let root = dir.join(format!("{name}-root"));
    fs::create_dir_all(root.join("DEBIAN")).with_context(|| format!("cannot make {}", root.display()))?;
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nSection: misc\nPriority: optional\n\
         Maintainer: Demo <demo@example.invalid>\nDescription: empty package with a name and a version\n"
    );
    fs::write(root.join("DEBIAN/control"), control)?;
    // An epoch's colon does not belong in a file name.
    let deb = dir.join(format!("{name}_{}_all.deb", version.replace(':', "%3a")));
    command::run(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(&root).arg(&deb))?;
    fs::remove_dir_all(&root)?;
    Ok(deb)
}
