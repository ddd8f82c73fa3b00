//! How fast the registry is, as a ratio to Debian's `docker-registry` in the same run on the same machine.
//!
//! ```text
//!   sides      assay (plain listener) and docker-registry, the latter once open and once behind bearer tokens
//!   content    the same images in both
//!   rows       each row: so many clients, each with one connection, ask as fast as they are answered
//!   rounds     ours, peer, ours, peer, … ; medians over the rounds; the ratio is what counts, machines are shared
//! ```
//!
//! The generator is threads with blocking sockets: it takes less of the machine than any server it drives. Every client sends
//! `Accept` for the manifests, and blobs that are pushed are new to the server. Both sides sync what they acknowledge.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to the person who started it")]

mod content;
mod http;
mod load;
mod peer;
mod report;
mod rows;
mod side;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(name = "bench", about = "The registry against Debian's docker-registry, interleaved, as ratios")]
struct Arguments {
    /// The program to measure
    #[arg(long)]
    assay: PathBuf,
    /// The program to measure it against
    #[arg(long, default_value = "docker-registry")]
    peer: PathBuf,
    /// How often each side's turn comes
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Length of a turn, in seconds
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// How many clients ask at once
    #[arg(long, default_value_t = 10)]
    clients: usize,
    /// Only rows whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Where the figures go as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ours = side::start_assay(&arguments.assay, &folder.path().join("assay"))?;
    let open = peer::start_open(&arguments.peer, &folder.path().join("open"))?;
    let guarded = peer::start_guarded(&arguments.peer, &folder.path().join("guarded"))?;
    let turns = rows::Turns { rounds: arguments.rounds, seconds: arguments.seconds, clients: arguments.clients };
    let idle = ours.resident_bytes()?;
    let mut lines = rows::all(&turns, &ours, &open, &guarded, &arguments.only)?;
    let memory = rows::memory(&turns, &ours, idle, &arguments.only)?;
    for line in &memory {
        println!("{line}");
    }
    lines.extend(memory);
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report::json(&lines, &turns))?)?;
    }
    Ok(())
}
