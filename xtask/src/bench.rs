//! The benchmarks: the program and its load generator compiled for speed, the peer installed, one run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::identify::peers;
use crate::images::sources;
use crate::stage::Cleanup;
use crate::{command, packages};

/// What makes the image of `bench scan` 2 GB large: 60,000 files, half of it executables.
const LARGE: &str = "python3-pip,openjdk-17-jre,nodejs,npm,git,nginx,golang,gcc,postgresql-15,ruby,imagemagick,ffmpeg";
/// An image that is made in a minute, for whoever changes the benchmark.
const SMALL: &str = "python3,git";

/// The registry against Debian's docker-registry; the arguments are those of the crate `bench`.
///
/// # Errors
/// Something does not compile, or a side does not answer.
pub fn registry(cleanup: &Cleanup, repository: &Path, arguments: &[String]) -> Result<()> {
    // Not among the figures, which a program may read.
    eprintln!("{}", packages::ensure_peers(cleanup)?);
    let release = compiled(repository)?;
    let mut bench = Command::new(release.join("bench"));
    bench.arg("registry").arg("--assay").arg(release.join("assay")).args(arguments);
    ensure!(bench.status()?.success(), "the benchmark was not measured to its end");
    Ok(())
}

/// A promotion of an image of a hundred layers, by hand and by a policy.
///
/// # Errors
/// Something does not compile, or the server does not answer as it should.
pub fn promotion(repository: &Path, arguments: &[String]) -> Result<()> {
    let release = compiled(repository)?;
    let mut bench = Command::new(release.join("bench"));
    bench.arg("promotion").arg("--assay").arg(release.join("assay")).args(arguments);
    ensure!(bench.status()?.success(), "the benchmark was not measured to its end");
    Ok(())
}

/// The program and what measures it, as released; gives the folder.
fn compiled(repository: &Path) -> Result<PathBuf> {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--package", "assay", "--package", "bench"]).current_dir(repository);
    ensure!(build.status()?.success(), "the benchmark does not compile");
    Ok(repository.join("target/release"))
}

/// The scanner against its floor, trivy and syft, on an image that is made when the folder has none.
///
/// # Errors
/// The image cannot be made, something does not compile, or a program fails.
pub fn scan(
    cleanup: &Cleanup,
    repository: &Path,
    cache: Option<PathBuf>,
    small: bool,
    arguments: &[String],
) -> Result<()> {
    eprintln!("{}", packages::ensure(cleanup)?);
    let cache = cache.unwrap_or_else(|| repository.join("target/bench/scan"));
    let (name, packages) = if small { ("small", SMALL) } else { ("big", LARGE) };
    let layer = layer(&cache, name, packages)?;
    let peers = peers::install(&repository.join("target/bench/peers"))?;
    let release = compiled(repository)?;
    let mut bench = Command::new(release.join("bench"));
    bench.arg("scan").arg("--assay").arg(release.join("assay")).arg("--layer").arg(layer);
    bench.arg("--scratch").arg(cache.join(format!("{name}-scratch")));
    for (option, path) in [("--trivy", peers.trivy), ("--syft", peers.syft)] {
        if let Some(path) = path {
            bench.arg(option).arg(path);
        }
    }
    if let Some(feeds) = std::env::var_os("ASSAY_DATA") {
        bench.arg("--advisories").arg(feeds);
    }
    ensure!(bench.args(arguments).status()?.success(), "the benchmark was not measured to its end");
    Ok(())
}

/// A root file system of this machine's Debian with these packages, as gzip packs it when nobody says how.
fn layer(cache: &Path, name: &str, packages: &str) -> Result<PathBuf> {
    let (tar, packed) = (cache.join(format!("{name}.tar")), cache.join(format!("{name}.tar.gz")));
    if packed.exists() {
        return Ok(packed);
    }
    fs::create_dir_all(cache)?;
    let (suite, list) = (sources::suite()?, cache.join("sources.list"));
    fs::write(&list, sources::debian(&suite)?)?;
    eprintln!("making {}: some minutes", packed.display());
    let mut make = Command::new("mmdebstrap");
    make.arg("--variant=minbase").arg(format!("--include={packages}"));
    make.args(sources::reach()?.iter().map(|option| format!("--aptopt={option}")));
    command::run(make.arg(&suite).arg(&tar).arg(&list)).context("cannot make the root file system")?;
    let partial = packed.with_extension("partial");
    let mut pack = Command::new("gzip");
    pack.args(["-6", "--stdout"]).arg(&tar).stdout(File::create(&partial)?);
    ensure!(pack.status()?.success(), "gzip did not pack {}", tar.display());
    fs::remove_file(&tar)?;
    fs::rename(&partial, &packed)?;
    Ok(packed)
}
