//! How fast the scanner is: beside what unpacking and hashing cost at the least, beside others, and where nothing has to be read.
//!
//! ```text
//!   one layer of a Debian image, gzip ─┬─ floor, `assay scan`, trivy, syft, floor, …: each a process, medians
//!                                      ├─ pushed at so many MB/s to `assay serve`: from its last byte until the scan is done
//!                                      └─ the same layer under another configuration: nothing is left to read
//!   advisories of a folder ─► two snapshots ─► a registry of 10,000 images, its rows written by SQL ─► the scanner's own job
//! ```

mod floor;
mod image;
mod process;
mod push;
mod rematch;
mod store;
mod synthetic;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fingerprint::Index;
use inventory::{Compression, Limits, Progress, read_layer};

use self::image::Image;
use self::process::Run;
use crate::report::Line;
use crate::rows::Say;

pub use floor::run as floor;

/// Reads a layer as the server does; says what came of it.
pub fn read(layer: &Path) -> Result<serde_json::Value> {
    let packed = fs::File::open(layer).with_context(|| format!("cannot open {}", layer.display()))?;
    let (limits, progress) = (Limits::default(), Progress::default());
    let read = read_layer(packed, Compression::Gzip, &limits, Index::builtin(), &progress)?;
    let json = read.inventory.to_json();
    Ok(serde_json::json!({"files": read.inventory.files, "bytes": json.len(), "digest": base::digest_hex(&json)}))
}

#[derive(clap::Args)]
pub struct Arguments {
    /// The program to measure
    #[arg(long)]
    assay: PathBuf,
    /// The layer that is scanned, packed by gzip
    #[arg(long)]
    layer: PathBuf,
    /// Where inputs made of it are kept, and what a run writes
    #[arg(long)]
    scratch: PathBuf,
    /// A folder of feeds, for the rows of matching again
    #[arg(long)]
    advisories: Option<PathBuf>,
    /// The peers
    #[arg(long)]
    trivy: Option<PathBuf>,
    #[arg(long)]
    syft: Option<PathBuf>,
    /// How often each has its turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How fast the layer is pushed, in millions of bytes a second
    #[arg(long, default_value_t = 60)]
    megabytes_per_second: u64,
    /// Only rows whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Where the figures also go as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Every row, printed as soon as it is known.
pub fn run(arguments: &Arguments) -> Result<()> {
    fs::create_dir_all(&arguments.scratch)?;
    let mut lines: Vec<Line> = Vec::new();
    let mut say = |line: Line| {
        println!("{line}");
        lines.push(line);
    };
    println!("# medians of {} rounds, interleaved; a ratio is ours over the floor's or the peer's", arguments.rounds);
    let wanted = |names: &[&str]| names.iter().any(|name| name.contains(arguments.only.as_str()));
    if wanted(&CONTENT) || wanted(&push::ROWS) {
        let image = Image::of(&arguments.layer, &arguments.scratch)?;
        if wanted(&CONTENT) {
            content(arguments, &image, &mut say)?;
        }
        if wanted(&push::ROWS) {
            push::rows(arguments, &image, &mut say)?;
        }
    }
    if wanted(&rematch::ROWS) {
        match &arguments.advisories {
            Some(feeds) => rematch::rows(arguments, feeds, &mut say)?,
            None => println!(
                "# SKIPPED {}: set ASSAY_DATA to a folder of advisory feeds (docs/reference/advisory-feeds.md)",
                rematch::ROWS.join(", ")
            ),
        }
    }
    if let Some(path) = &arguments.json {
        let rows: Vec<_> = lines.iter().map(Line::to_json).collect();
        fs::write(path, serde_json::to_string_pretty(&serde_json::json!({"rounds": arguments.rounds, "rows": rows}))?)?;
    }
    Ok(())
}

const CONTENT: [&str; 6] =
    ["scan-of-floor", "scan-layer-of-floor", "scan-of-trivy", "scan-of-syft", "scan-cpu-of-floor", "scan-memory"];

/// Everybody looks at the same archive; the floor at the layer in it.
fn content(arguments: &Arguments, image: &Image, say: Say<'_>) -> Result<()> {
    let Arguments { assay, trivy, syft, rounds, .. } = arguments;
    let saved = &image.saved;
    let mut floor = Command::new(std::env::current_exe()?);
    floor.arg("floor-of-scan").arg(&image.layer);
    let mut ours = Command::new(assay);
    ours.arg("scan").arg(saved).args(["--output", "json"]);
    let mut layer = Command::new(std::env::current_exe()?);
    layer.arg("layer-of-scan").arg(&image.layer);
    let mut sides = vec![("floor", floor), ("ours", ours), ("layer", layer)];
    if let Some(trivy) = trivy {
        // What package databases and metadata say, no vulnerabilities.
        let mut command = Command::new(trivy);
        command.args(["image", "--quiet", "--format", "cyclonedx", "--input"]).arg(saved);
        // Jars need another database, which the peer wants to fetch.
        command.args(["--offline-scan", "--skip-db-update", "--skip-java-db-update", "--skip-files", "**/*.jar"]);
        command.arg("--cache-dir").arg(arguments.scratch.join("trivy"));
        sides.push(("trivy", command));
    }
    if let Some(syft) = syft {
        let mut command = Command::new(syft);
        command
            .args(["scan", "--quiet", "--output", "cyclonedx-json"])
            .arg(format!("docker-archive:{}", saved.display()));
        command.env("SYFT_CHECK_FOR_APP_UPDATE", "false");
        sides.push(("syft", command));
    }
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); sides.len()];
    for _ in 0..*rounds {
        for ((name, command), runs) in sides.iter_mut().zip(&mut runs) {
            forget(&arguments.scratch.join("trivy"))?;
            runs.push(process::run(name, command, arguments.scratch.join(name))?);
        }
    }
    let of = |name: &str| sides.iter().zip(&runs).find(|((side, _), _)| *side == name).map(|(_, runs)| median(runs));
    let (ours, floor) = (of("ours").context("nothing ran")?, of("floor").context("nothing ran")?);
    say(Line::of("scan-of-floor", "s", ours.seconds, Some(floor.seconds)));
    let layer = of("layer").context("nothing ran")?;
    say(Line::of("scan-layer-of-floor", "s", layer.seconds, Some(floor.seconds)));
    say(Line::of("scan-cpu-of-floor", "s", ours.cpu_seconds, Some(floor.cpu_seconds)));
    for (peer, name) in [("trivy", "scan-of-trivy"), ("syft", "scan-of-syft")] {
        match of(peer) {
            Some(peer) => say(Line::of(name, "s", ours.seconds, Some(peer.seconds))),
            None => println!("# NOT HAD: {peer}"),
        }
    }
    say(Line::memory("scan-memory", ours.peak_bytes, of("trivy").map(|run| run.peak_bytes)));
    Ok(())
}

/// A cache would spare the next round its work.
fn forget(cache: &Path) -> Result<()> {
    match fs::remove_dir_all(cache) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Member by member.
fn median(runs: &[Run]) -> Run {
    Run {
        seconds: middle(runs.iter().map(|run| run.seconds).collect()),
        cpu_seconds: middle(runs.iter().map(|run| run.cpu_seconds).collect()),
        peak_bytes: runs.iter().map(|run| run.peak_bytes).max().unwrap_or_default(),
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
