//! `assay scan`: an image, a folder or a bill of materials, without any server.
//!
//! ```text
//!   archive, layout, registry ─ store ─► layers ─ read one after the other ─► inventory ┐
//!   folder ─ root_folder ─► one layer ─────────────────────────────────────► inventory ├─ snapshot, statements ─► report
//!   bill of materials ─────────────────────────────────────────────────────► inventory ┘
//!                                                            two of them, or two reports: compare ─► what differs, and why
//! ```

mod base_image;
mod compare;
mod credentials;
mod inspect;
mod remote;
mod root_folder;
mod source;
mod store;

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use advisory::{Profile, Snapshot};
use anyhow::{Context, Result};
use base::{Clock, limits::SNAPSHOT_STALE_DAYS};
use bom::{Format, Report, Severity};
use scan::Judging;
use tlog::VerifierKey;

use self::source::Source;
use crate::{client, tell};

/// A table is written as wide when nothing says how wide the terminal is.
const WIDTH: usize = 140;

/// Scan an image, a folder or a bill of materials. Needs no server, and no network unless the image is on a registry.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Scan {
    #[command(subcommand)]
    command: Option<Command>,
    /// A reference to an image, an archive of `docker save`, an OCI layout or archive, a folder, or a bill of materials.
    #[arg(value_name = "SOURCE", required = true)]
    source: Option<Source>,
    #[command(flatten)]
    reading: Reading,
    /// What is written, and where to: json, cyclonedx, spdx, spdx3, sarif, openvex or table. Repeat for more.
    #[arg(long, short, value_name = "FORMAT[=FILE]")]
    output: Vec<Output>,
    /// The image it was built from: its layers tell which components and findings come with the base image.
    #[arg(long, value_name = "SOURCE")]
    base: Option<Source>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Compare(compare::Compare),
}

/// How sources are read and judged.
#[derive(Debug, clap::Args)]
struct Reading {
    /// Which image, where there are several.
    #[arg(long, default_value = "linux/amd64", value_name = "OS/ARCHITECTURE")]
    platform: String,
    /// Exit with code 3 when a finding is of this severity or worse, or when something could not be judged.
    #[arg(long, value_name = "SEVERITY", value_parser = ["critical", "major", "minor", "unknown"])]
    fail_on: Option<String>,
    /// The advisories to judge with, as `assay advisories build` writes them; the built-in starter set otherwise.
    #[arg(long, env = "ASSAY_ADVISORIES", value_name = "FILE")]
    advisories: Option<PathBuf>,
    /// What must have signed them: what `assay advisories key` printed. Repeat for more. Without it signatures are not verified.
    #[arg(long, env = "ASSAY_ADVISORIES_KEY", value_name = "KEY", value_delimiter = ',')]
    advisories_key: Vec<VerifierKey>,
    /// How scores and words become severities: dtr, cvss or vendor.
    #[arg(long, default_value = "dtr", value_name = "PROFILE")]
    profile: Profile,
    /// Statements about findings (OpenVEX, CSAF, CycloneDX). Repeat for more.
    #[arg(long, value_name = "FILE")]
    vex: Vec<PathBuf>,
    /// What executables are known by, as `assay fingerprints learn` writes it; the built-in index otherwise.
    #[arg(long, value_name = "FILE")]
    fingerprints: Option<PathBuf>,
    /// Show also what matters less, in the table: findings that are closed, or of which details differ.
    #[arg(long)]
    all: bool,
    /// Speak HTTP without TLS to the registry.
    #[arg(long)]
    plain_http: bool,
    /// A file with an authority that the registry's certificate may come from.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// One thing to write.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    format: Format,
    /// Standard output otherwise.
    file: Option<PathBuf>,
}

/// The findings reach the threshold that was given.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Reached(String);

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Output, String> {
        let (format, file) = match text.split_once('=') {
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        Ok(Output { format: format.parse()?, file })
    }
}

impl Output {
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<()> {
        match &self.file {
            Some(path) => std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display())),
            None => print(bytes),
        }
    }
}

impl Scan {
    pub(crate) async fn run(self, format: client::Format) -> Result<()> {
        if let Some(Command::Compare(compare)) = self.command {
            return compare.run(format).await;
        }
        let source = self.source.as_ref().context("there is nothing to scan")?;
        let snapshot = self.reading.snapshot(self.reading.advisories.as_deref())?;
        let (mut about, image) = self.reading.inspect(source).await?;
        about.base = match &self.base {
            Some(base) => Some(base_image::of(&about, base, &self.reading).await?),
            None => scan::base_told(&about),
        };
        let now = Clock::System.now();
        let mut report = scan::report(&about, &image, Some(self.reading.judging(&snapshot, self.reading.profile)), now);
        self.reading.apply_statements(&mut report)?;
        self.write(&report, format)?;
        self.judge(&report)
    }

    fn write(&self, report: &Report, format: client::Format) -> Result<()> {
        let usual = match format {
            client::Format::Text => Format::Table,
            client::Format::Json => Format::Json,
        };
        let usual = [Output { format: usual, file: None }];
        let outputs = if self.output.is_empty() { &usual[..] } else { &self.output[..] };
        for output in outputs {
            output.write(&match output.format {
                Format::Table => bom::table(report, width(), self.reading.all).into_bytes(),
                format => format.write(report, WIDTH)?,
            })?;
        }
        Ok(())
    }

    fn judge(&self, report: &Report) -> Result<()> {
        let Some(least) = &self.reading.fail_on else { return Ok(()) };
        let least: Severity = least.parse().map_err(anyhow::Error::msg)?;
        let open = report.findings.iter().filter(|finding| finding.is_open(report.created));
        // What nobody rated may be anything.
        let bad = open.filter(|finding| finding.severity == Severity::Unknown || finding.severity >= least).count();
        if bad > 0 {
            return Err(
                Reached(format!("{bad} findings are {} or worse, or of unknown severity", least.as_str())).into()
            );
        }
        match report.gaps.len() {
            0 => Ok(()),
            gaps => {
                Err(Reached(format!("{gaps} things could not be judged, so that the image is unknown, not clean"))
                    .into())
            }
        }
    }
}

impl Reading {
    /// The advisories of a file, or those built in. On the way it is said what is known of who signed them.
    fn snapshot(&self, path: Option<&Path>) -> Result<Snapshot> {
        let Some(path) = path else { return Ok(advisory::starter().clone()) };
        let held = client::trusted(path, &self.advisories_key)?;
        let known = match (held.verified, held.signed) {
            (true, _) => "are signed by a trusted key",
            (false, true) => "are signed; the signature is not verified without --advisories-key",
            (false, false) => "are not signed",
        };
        tell(&format!("the advisories of {} {known}", path.display()));
        Ok(held.snapshot)
    }

    fn judging<'a>(&self, snapshot: &'a Snapshot, profile: Profile) -> Judging<'a> {
        Judging { snapshot, profile, stale_days: SNAPSHOT_STALE_DAYS }
    }
}

/// Standard output; `assay scan … | head` is no failure.
pub(crate) fn print(bytes: &[u8]) -> Result<()> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn width() -> usize {
    if !std::io::stdout().is_terminal() {
        return WIDTH;
    }
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(WIDTH, |size| usize::from(size.ws_col).max(60))
}
