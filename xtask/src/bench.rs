//! The benchmarks: the program and its load generator compiled for speed, the peer installed, one run.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::packages;
use crate::stage::Cleanup;

/// The registry against Debian's docker-registry; the arguments are those of the crate `bench`.
///
/// # Errors
/// Something does not compile, or a side does not answer.
pub fn registry(cleanup: &Cleanup, repository: &Path, arguments: &[String]) -> Result<()> {
    // Not among the figures, which a program may read.
    eprintln!("{}", packages::ensure_peers(cleanup)?);
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--package", "assay", "--package", "bench"]).current_dir(repository);
    ensure!(build.status()?.success(), "the benchmark does not compile");
    let release = repository.join("target/release");
    let mut bench = Command::new(release.join("bench"));
    bench.arg("--assay").arg(release.join("assay")).args(arguments);
    ensure!(bench.status()?.success(), "the benchmark was not measured to its end");
    Ok(())
}
