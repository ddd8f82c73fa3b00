//! Coverage-guided fuzzing of every reader of foreign bytes: libFuzzer, begun from the files of the tests.
//!
//! `cargo test -p fuzz` tries a thousand damaged files on each reader with the toolchain of every day. This needs more: a nightly
//! compiler and `cargo install cargo-fuzz`; what is missing is said, and nothing passes without them.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::command;

/// Runs each of these readers, or all of them, for so many seconds; what libFuzzer found lies in `fuzz/artifacts`.
///
/// # Errors
/// A tool is missing, or a reader did not survive.
pub fn run(repository: &Path, only: &[String], seconds: u64) -> Result<()> {
    let folder = repository.join("fuzz");
    let names = cargo(repository, &["run", "--quiet", "--package", "fuzz", "--", "names"])?;
    let known: Vec<&str> = names.lines().collect();
    if let Some(unknown) = only.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no reader {unknown}; there are {}", known.join(", "));
    }
    // The versions that the program itself is built with; cargo adds what only libFuzzer needs.
    std::fs::copy(repository.join("Cargo.lock"), folder.join("Cargo.lock")).context("cannot copy Cargo.lock")?;
    let mut failed = Vec::new();
    for name in known.into_iter().filter(|name| only.is_empty() || only.iter().any(|wanted| wanted == name)) {
        let corpus = folder.join("corpus").join(name);
        let place = corpus.to_str().context("the repository's path is no text")?;
        cargo(repository, &["run", "--quiet", "--package", "fuzz", "--", "seeds", name, place])?;
        let mut fuzz = Command::new("cargo");
        fuzz.args([
            "+nightly",
            "fuzz",
            "run",
            name,
            place,
            "--",
            "-rss_limit_mb=2048",
            "-timeout=20",
            "-print_final_stats=1",
        ]);
        fuzz.arg(format!("-max_total_time={seconds}")).current_dir(repository);
        let status = fuzz.status().context("cannot start cargo: a nightly toolchain and cargo-fuzz are needed")?;
        if !status.success() {
            failed.push(name);
        }
    }
    ensure!(
        failed.is_empty(),
        "these did not survive, or cargo-fuzz or a nightly toolchain is missing: {}",
        failed.join(", ")
    );
    Ok(())
}

fn cargo(repository: &Path, arguments: &[&str]) -> Result<String> {
    command::run(Command::new(env!("CARGO")).args(arguments).current_dir(repository))
}
