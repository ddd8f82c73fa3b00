//! Corpora for judging name-blind identification, made of what package registries have; `crates/judge` judges.
//!
//! ```text
//! target/bench/identify/
//!   download/            archives as they came, kept
//!   corpora/wheels       libraries in Python wheels           answers and file names
//!   corpora/npm          programs and addons in npm packages  lists of versions inside them
//!   corpora/programs     linked here from known sources       what was linked
//!   corpora/debian…      Debian's, not learnt from            source packages
//!   peers/ scratch/ identify.json misses.txt
//! ```

mod archives;
mod executable;
mod library;
mod table;

mod debian;
mod npm;
pub mod peers;
mod programs;
mod recipes;
mod wheels;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::packages;
use crate::stage::Cleanup;

/// Makes what is missing, compiles the judge for speed and runs it. `given` are further corpora, each with a truth.tsv.
///
/// # Errors
/// A corpus cannot be made, or the judge does not compile or end.
pub fn bench(
    cleanup: &Cleanup,
    repository: &Path,
    given: &[PathBuf],
    only: &[String],
    arguments: &[String],
) -> Result<()> {
    eprintln!("{}", packages::ensure_builders(cleanup)?);
    let root = repository.join("target/bench/identify");
    let (downloads, corpora) = (root.join("download"), root.join("corpora"));
    let wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
    if wanted("wheels") {
        wheels::make(&corpora.join("wheels"), &downloads.join("wheels"))?;
    }
    if wanted("npm") {
        npm::make(&corpora.join("npm"), &downloads.join("npm"))?;
    }
    if wanted("programs") {
        programs::make(&corpora.join("programs"))?;
    }
    if wanted("debian") {
        debian::make(&corpora, &downloads.join("debian"), &repository.join("crates/fingerprint/data"))?;
    }
    let peers = peers::install(&root.join("peers"))?;
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--package", "judge"]).current_dir(repository);
    ensure!(build.status()?.success(), "the judge does not compile");
    let mut judge = Command::new(repository.join("target/release/judge"));
    judge.arg(&corpora).args(given).arg("--scratch").arg(root.join("scratch"));
    judge.arg("--json").arg(root.join("identify.json")).arg("--misses").arg(root.join("misses.txt"));
    for name in only {
        judge.arg("--only").arg(name);
    }
    for (option, program) in [("--syft", peers.syft), ("--trivy", peers.trivy)] {
        match program {
            Some(program) => judge.arg(option).arg(program),
            None => continue,
        };
    }
    if given.is_empty() {
        eprintln!("no --corpus was given: no public set of real binaries is among the rows");
    }
    let status = judge.args(arguments).status().context("cannot start the judge")?;
    ensure!(status.success(), "the corpora were not judged to their end");
    Ok(())
}
