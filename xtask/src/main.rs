//! Chores of this repository as one Rust program.
//!
//! ```text
//! cargo xtask tidy             the house law that a program can check
//! cargo xtask engines setup    install what the demo needs, through apt-get, without any service starting
//! cargo xtask engines images   make the base image and the job image from Debian packages
//! cargo xtask prepare          the same for everything that tests and demo need
//! cargo xtask demo [--keep]    the story: commits become images that are promoted, signed and run
//! cargo xtask demo --kill      the same, with one of Assay's programs killed (kill -9) in every step; --seed N repeats a round
//! cargo xtask bench registry   how fast it is, as ratios to Debian's docker-registry in the same run
//! cargo xtask bench promotion  how long an image of a hundred layers takes to be promoted, by hand and by a policy
//! cargo xtask bench identify   how well components are found in bytes alone, on corpora made of what package registries have
//! cargo xtask fuzz [READER]    every reader of foreign bytes under libFuzzer (nightly, cargo-fuzz)
//! cargo xtask crash registry   whether an acknowledged push survives `kill -9` and power loss: rounds of load, kill, look
//! cargo xtask interop [PART]   clients that come as Go modules, and the OCI's conformance program, against a real server
//! cargo xtask interop engine   a newer Docker than Debian's, built from its modules (root); `storage`: a server that speaks S3
//! cargo xtask engines check    prove the harness: two engines side by side, images, Swarm, TLS, plugin, clean end
//! ```
//!
//! The parts, bottom to top: [`unrest`] knows what was killed meanwhile; [`command`] and [`wait`] run and await; [`stage`] is where a story plays (its folder, its
//! processes, its progress lines, its clean end); [`engine`] is a real Docker engine in namespaces of its own;
//! [`images`] makes images of Debian packages; [`packages`] prepares the machine. What they do not know: Assay. [`demo`]
//! does, and drives it as a user would.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who started it")]

mod unrest;

mod command;
mod wait;

mod cgroup;
mod packages;
mod stage;

mod engine;
mod images;

mod bench;
mod check;
mod crash;
mod demo;
mod fuzz;
mod identify;
mod interop;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of this repository")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check the house law: layers, sizes, first lines, where SQL may stand
    Tidy,
    /// Install what tests and demo need, without letting any service start (root)
    Prepare,
    /// Play the story on real tools (root)
    Demo {
        /// Leave everything up until Ctrl-C, and say how to sign in
        #[arg(long, env = "KEEP", value_parser = clap::builder::FalseyValueParser::new())]
        keep: bool,
        /// Kill one of Assay's programs in the middle of every step; the story has to go on
        #[arg(long, env = "KILL", value_parser = clap::builder::FalseyValueParser::new())]
        kill: bool,
        /// Repeat the kill round that printed this number
        #[arg(long, env = "SEED")]
        seed: Option<u64>,
    },
    /// Drive a server with clients from other registries than the operating system's and Rust's (needs Go; `engine`, `sign-in` and
    /// `storage` run only when named)
    Interop {
        /// This part alone
        #[arg(value_enum)]
        only: Option<interop::Part>,
    },
    /// Try to break the readers of foreign bytes with libFuzzer (a nightly toolchain, cargo-fuzz)
    Fuzz {
        /// These alone; `cargo run -p fuzz -- names` lists them
        readers: Vec<String>,
        /// How long each is tried
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Measure against a peer, interleaved, as ratios
    #[command(subcommand)]
    Bench(Bench),
    /// Kill the program and cut its power, and see what is left
    #[command(subcommand)]
    Crash(Crash),
    /// Docker engines in namespaces of their own
    #[command(subcommand)]
    Engines(Engines),
}

#[derive(Subcommand)]
enum Crash {
    /// The registry under load, on a disk that forgets what was not synced (root, /dev/fuse)
    Registry {
        /// `--rounds 1000 --seed 7 --format json --ignore-sync blob-folder`
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        arguments: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// The registry against Debian's docker-registry (root, to install that)
    Registry {
        /// For the load generator: `-- --rounds 5 --seconds 1 --clients 10 --only TEXT --json FILE`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// The scanner against what its work costs at the least, trivy and syft, and where no layer has to be read (root, to make a
    /// Debian image of 2 GB). With ASSAY_DATA, a folder of advisory feeds, also matching again
    Scan {
        /// Where the image is kept, and what is made of it
        #[arg(long, value_name = "FOLDER")]
        cache: Option<PathBuf>,
        /// A small image instead, to try the benchmark itself
        #[arg(long)]
        small: bool,
        /// For the program that measures: `-- --rounds 5 --only TEXT --json FILE`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// A promotion of an image of a hundred layers, by hand and by a policy
    Promotion {
        /// For the program that measures: `-- --rounds 40`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Name-blind identification of native binaries against truth by construction (root, to install compilers)
    Identify {
        /// Another corpus: a folder with a truth.tsv (crates/judge/src/corpus.rs says which), or with folders that have one
        #[arg(long)]
        corpus: Vec<PathBuf>,
        /// Only these corpora: wheels, npm, programs, debian, or the name of a given one
        #[arg(long)]
        only: Vec<String>,
        /// For the judge: `-- --index FILE --peer-seconds 60`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Engines {
    /// Install what engines and images need (root)
    Setup,
    /// Make the images' layers, or say where they are (root)
    Images,
    /// Prove the harness end to end (root)
    Check {
        /// Leave everything up until Ctrl-C
        #[arg(long, env = "KEEP", value_parser = clap::builder::FalseyValueParser::new())]
        keep: bool,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> Result<ExitCode> {
    match chore {
        Chore::Tidy => tidy::run(repository()),
        Chore::Demo { keep, kill, seed } => {
            demo::run(&demo_root(), &demo_cache(), *keep, (*kill).then_some(*seed))?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Bench(Bench::Registry { arguments }) => {
            stage::with_cleanup(false, |cleanup| bench::registry(cleanup, repository(), arguments))?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Bench(Bench::Scan { cache, small, arguments }) => {
            let cache = cache.clone();
            stage::with_cleanup(false, |cleanup| bench::scan(cleanup, repository(), cache, *small, arguments))?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Bench(Bench::Promotion { arguments }) => {
            bench::promotion(repository(), arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Bench(Bench::Identify { corpus, only, arguments }) => {
            stage::with_cleanup(false, |cleanup| identify::bench(cleanup, repository(), corpus, only, arguments))?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Crash(Crash::Registry { arguments }) => crash::registry(repository(), arguments),
        Chore::Fuzz { readers, seconds } => {
            fuzz::run(repository(), readers, *seconds)?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Interop { only } => {
            interop::run(&repository().join("target/interop"), *only)?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Prepare => {
            let prepare = |cleanup: &_| packages::ensure_for_tests(cleanup).map(|report| println!("{report}"));
            stage::with_cleanup(false, prepare)?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Engines(Engines::Setup) => {
            stage::with_cleanup(false, |cleanup| packages::ensure(cleanup).map(|report| println!("{report}")))?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Engines(Engines::Images) => {
            let images = images::Images::prepare(&demo_cache())?;
            println!("{}", images.dir().display());
            Ok(ExitCode::SUCCESS)
        }
        Chore::Engines(Engines::Check { keep }) => {
            check::run(&demo_root(), &demo_cache(), *keep)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The folder of the root manifest; known when xtask is compiled, since xtask never leaves its repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

/// Where runs of the harness live, one folder each.
fn demo_root() -> PathBuf {
    repository().join("target/demo")
}

/// Where root file systems are kept between runs.
fn demo_cache() -> PathBuf {
    repository().join("target/demo-cache")
}
