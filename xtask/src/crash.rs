//! The crash test: the program killed and its power cut, over and over, on a disk that forgets what was not synced.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

/// The registry; the arguments are those of the crate `crash`. A machine without FUSE is told so, loudly.
///
/// # Errors
/// Something does not compile, or cannot be started.
pub fn registry(repository: &Path, arguments: &[String]) -> Result<ExitCode> {
    if !Path::new("/dev/fuse").exists() || !rustix::process::geteuid().is_root() {
        eprintln!(
            "NOT TESTED: that an acknowledged push survives a crash; mounting a disk of our own needs root and /dev/fuse"
        );
        return Ok(ExitCode::SUCCESS);
    }
    let mut build = Command::new(env!("CARGO"));
    // With the whole workspace's features, as `make test` has compiled them already.
    build.args(["build", "--workspace", "--bin", "assay", "--bin", "crash"]).current_dir(repository);
    ensure!(build.status()?.success(), "the crash test does not compile");
    // Cargo puts them beside this program.
    let own = std::env::current_exe().context("where is this program?")?;
    let debug = own.parent().context("this program lies in no folder")?;
    // In namespaces of its own, so that mount and servers go with it, however it ends.
    let mut crash = Command::new("unshare");
    crash.args(["--mount", "--pid", "--fork", "--kill-child", "--"]).arg(debug.join("crash"));
    crash.arg("--assay").arg(debug.join("assay")).arg("--mount").arg(debug.join("crash-mount")).args(arguments);
    let status = crash.status().context("cannot start unshare (util-linux)")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
