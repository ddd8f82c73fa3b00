//! Whether an acknowledged push survives `kill -9` and power loss, tried out on the real program with its real database.
//!
//! ```text
//!   clients ──HTTP──► assay serve ──► FUSE ──► a disk in memory that keeps apart what was synced and what was not
//!      │                  ▲                       │
//!      ▼                  └────── kill -9 ◄───────┤ at a chosen step: before the 3rd sync of a blob's folder, …
//!    ledger                                       ▼
//!      │                                       power cut: what was not synced is dropped, kept, reordered or torn
//!      └───► after the restart: everything acknowledged is there, with the right bytes; every row has what it names
//! ```
//!
//! The parts, bottom to top: [`disk`] and [`cut`] are the model and know no FUSE; [`mount`] and [`layer`] put it under the program
//! and stop it at a trap; [`site`] tells the product's syncs apart, so that one class can be ignored to prove that the test notices;
//! [`client`] and [`load`] push, [`ledger`] remembers; [`check`], [`store`] and [`damage`] look; [`run`] plays the rounds.
//! What they do not know: how the product keeps its promise.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who started it")]

mod chance;

mod cut;
mod disk;
mod site;

mod layer;
mod mount;
mod server;

mod api;
mod content;
mod ledger;

mod client;
mod load;

mod check;
mod damage;
mod store;

mod plan;
mod report;
mod run;

use std::{collections::BTreeSet, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use crate::{
    run::{Options, Run},
    site::Site,
};

#[derive(Parser)]
#[command(
    name = "crash",
    about = "Kill the registry at random moments, cut the power, look what is left (root, /dev/fuse)"
)]
struct Arguments {
    /// The program to kill
    #[arg(long)]
    assay: PathBuf,
    /// Where the disk is mounted; made when absent
    #[arg(long)]
    mount: PathBuf,
    /// How often
    #[arg(long, default_value_t = 50)]
    rounds: u64,
    /// The same seed makes the same choices; the program's own timing stays its own
    #[arg(long)]
    seed: Option<u64>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Ignore syncs of these classes or groups, to see that the test notices: `blob-folder`, `files`, `folders`, `databases`, …
    #[arg(long, value_delimiter = ',', value_parser = group)]
    ignore_sync: Vec<Group>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The sites of one word of `--ignore-sync`.
#[derive(Clone)]
struct Group(Vec<Site>);

fn group(word: &str) -> Result<Group, String> {
    Site::group(word).map(Group)
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    fs::create_dir_all(&arguments.mount).with_context(|| format!("cannot make {}", arguments.mount.display()))?;
    let seed = arguments.seed.unwrap_or_else(|| u64::from(u32::from_le_bytes(base::Entropy::System.bytes())));
    let options = Options {
        program: fs::canonicalize(&arguments.assay).context("there is no such program")?,
        mount: fs::canonicalize(&arguments.mount)?,
        rounds: arguments.rounds,
        seed,
        ignored: arguments.ignore_sync.into_iter().flat_map(|group| group.0).collect::<BTreeSet<_>>(),
    };
    let mut run = Run::new(&options)?;
    let broken = run.all(|line| eprintln!("{line} (seed {seed})"))?;
    match arguments.format {
        Format::Text => println!("{}", run.figures.summary()),
        Format::Json => println!("{}", run.figures.json(&options, broken.as_ref())),
    }
    Ok(match broken {
        None => ExitCode::SUCCESS,
        Some(broken) => {
            eprintln!("{}", broken.show(&options));
            ExitCode::FAILURE
        }
    })
}
