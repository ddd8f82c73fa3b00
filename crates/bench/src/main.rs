//! How fast the registry is, as a ratio to Debian's `docker-registry` in the same run on the same machine, and how fast the scanner
//! is ([`scan`]).
//!
//! ```text
//!   sides      assay (plain listener, TLS) and docker-registry, the latter open, behind bearer tokens, and behind its own TLS
//!   content    the same images in all
//!   rows       each row: so many clients, each with one connection, ask as fast as they are answered
//!   rounds     ours, peer, ours, peer, … ; medians over the rounds; the ratio is what counts, machines are shared
//!   floor      a server that knows its answers beforehand, so that one sees what the machine can do
//! ```
//!
//! The generator is threads with blocking sockets: it takes less of the machine than any server it drives. Every client sends
//! `Accept` for the manifests, and blobs that are pushed are new to the server. Both sides sync what they acknowledge, each in
//! its way; the first lines say in which.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to the person who started it")]

mod content;
mod floor;
mod http;
mod load;
mod pages;
mod peer;
mod promotion;
mod report;
mod rows;
mod scan;
mod side;
mod store;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use rows::Sides;

/// The product's own (decision 10), since parts of it run in here.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(name = "bench", about = "How fast the registry and the scanner are, interleaved with peers, as ratios")]
enum Measured {
    /// The registry against Debian's docker-registry
    Registry(Arguments),
    /// The scanner against a floor, trivy and syft
    Scan(scan::Arguments),
    /// A promotion of an image of a hundred layers, by hand and by a policy
    Promotion(promotion::Arguments),
    /// Be the floor of the registry, on this address
    #[command(hide = true)]
    FloorOfRegistry { address: SocketAddr, blobs: PathBuf },
    /// Be the floor of the scanner, for this layer
    #[command(hide = true)]
    FloorOfScan { layer: PathBuf },
    /// Be the part of the scanner that reads this layer
    #[command(hide = true)]
    LayerOfScan { layer: PathBuf },
}

#[derive(clap::Args)]
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
    /// What is printed
    #[arg(long, value_enum, default_value_t = Format::Lines)]
    format: Format,
    /// Where the figures also go as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Lines,
    Json,
}

fn main() -> ExitCode {
    let outcome = match Measured::parse() {
        Measured::Registry(arguments) => run(&arguments),
        Measured::Scan(arguments) => scan::run(&arguments),
        Measured::Promotion(arguments) => promotion::run(&arguments),
        Measured::FloorOfRegistry { address, blobs } => floor::serve(address, &blobs),
        Measured::FloorOfScan { layer } => scan::floor(&layer).map(|seen| println!("{seen}")),
        Measured::LayerOfScan { layer } => scan::read(&layer).map(|seen| println!("{seen}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let (ours, secured) = side::start_assay(&arguments.assay, &at("assay"))?;
    let sides = Sides {
        open: peer::start_open(&arguments.peer, &at("open"))?,
        guarded: peer::start_guarded(&arguments.peer, &at("guarded"))?,
        secure: peer::start_secure(&arguments.peer, &at("secure"))?,
        floor: floor::start(&at("floor"))?,
        ours,
        secured,
    };
    let turns = rows::Turns { rounds: arguments.rounds, seconds: arguments.seconds, clients: arguments.clients };
    let lines_wanted = arguments.format == Format::Lines;
    if lines_wanted {
        println!("# {} clients, medians of {} rounds; a ratio is ours over the peer's", turns.clients, turns.rounds);
        println!("# ours: {}\n# peer: {}", report::OUR_DURABILITY, report::PEER_DURABILITY);
    }
    let mut lines = Vec::new();
    let mut say = |line: report::Line| {
        if lines_wanted {
            println!("{line}");
        }
        lines.push(line);
    };
    rows::memory_idle(&sides, &arguments.only, &mut say)?;
    rows::all(&turns, &sides, &arguments.only, &mut say)?;
    rows::memory(&turns, &sides, &arguments.only, &mut say)?;
    pages::all(&turns, &sides.ours, &at("assay"), &arguments.only, &mut say)?;
    let json = serde_json::to_string_pretty(&report::json(&lines, &turns))?;
    if !lines_wanted {
        println!("{json}");
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, json)?;
    }
    Ok(())
}
