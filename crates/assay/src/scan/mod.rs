//! `assay scan`: an image, a folder or a bill of materials, without any server.
//!
//! ```text
//!   archive, layout, registry ─ store ─► layers ─ read one after the other ─► inventory ┐
//!   folder ─ root_folder ─► one layer ─────────────────────────────────────► inventory ├─ snapshot, statements ─► report
//!   bill of materials ─────────────────────────────────────────────────────► inventory ┘
//! ```

mod credentials;
mod remote;
mod root_folder;
mod source;
mod store;

use std::{
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use advisory::{Profile, Snapshot};
use anyhow::{Context, Result, bail};
use base::Clock;
use bom::{Bill, Format, Report, Severity};
use fingerprint::Index;
use inventory::{Compression, Gap, ImageInventory, LayerInventory, Limits, Progress, merge, read_layer};
use oci::{ImageConfig, ImageRef};
use scan::About;

use self::{
    remote::{Checked, Remote},
    source::Source,
    store::{Archive, Store},
};
use crate::client;

/// How often a terminal is told how far it is.
const PROGRESS: Duration = Duration::from_millis(500);
/// A table is written as wide when nothing says how wide the terminal is.
const WIDTH: usize = 140;
/// Bytes that tell how a layer is packed.
const MAGIC_BYTES: usize = 4;

/// Scan an image, a folder or a bill of materials. Needs no server, and no network unless the image is on a registry.
#[derive(Debug, clap::Args)]
pub(crate) struct Scan {
    /// A reference to an image, an archive of `docker save`, an OCI layout or archive, a folder, or a bill of materials.
    #[arg(value_name = "SOURCE")]
    source: Source,
    /// Which image, where there are several.
    #[arg(long, default_value = "linux/amd64", value_name = "OS/ARCHITECTURE")]
    platform: String,
    /// What is written, and where to: json, cyclonedx, spdx, spdx3, sarif, openvex or table. Repeat for more.
    #[arg(long, short, value_name = "FORMAT[=FILE]")]
    output: Vec<Output>,
    /// Exit with code 3 when a finding is of this severity or worse, or when something could not be judged.
    #[arg(long, value_name = "SEVERITY", value_parser = ["critical", "major", "minor", "unknown"])]
    fail_on: Option<String>,
    /// The advisories to judge with, as `assay advisories build` writes them; the built-in starter set otherwise.
    #[arg(long, env = "ASSAY_ADVISORIES", value_name = "FILE")]
    advisories: Option<PathBuf>,
    /// Statements about findings (OpenVEX, CSAF, CycloneDX). Repeat for more.
    #[arg(long, value_name = "FILE")]
    vex: Vec<PathBuf>,
    /// What executables are known by, as `assay fingerprints learn` writes it; the built-in index otherwise.
    #[arg(long, value_name = "FILE")]
    fingerprints: Option<PathBuf>,
    /// Show also findings that are closed, in the table.
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
struct Output {
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

impl Scan {
    pub(crate) async fn run(self, format: client::Format) -> Result<()> {
        let snapshot = match &self.advisories {
            Some(path) => {
                Snapshot::parse(&read(path)?).with_context(|| format!("{} is no snapshot", path.display()))?
            }
            None => advisory::starter().clone(),
        };
        let (about, image) = self.inspect().await?;
        let now = Clock::System.now();
        let mut report = scan::report(&about, &image, Some((&snapshot, Profile::default())), now);
        for path in &self.vex {
            let statements =
                bom::statements(&read(path)?).with_context(|| format!("cannot read {}", path.display()))?;
            bom::apply(&mut report, &statements);
        }
        self.write(&report, format)?;
        self.judge(&report)
    }

    async fn inspect(&self) -> Result<(About, ImageInventory)> {
        if let Source::Bill(path) = &self.source {
            return bill(path);
        }
        let index = match &self.fingerprints {
            Some(path) => {
                let index = Index::open(Arc::new(read(path)?));
                Arc::new(index.with_context(|| format!("{} is no index of fingerprints", path.display()))?)
            }
            None => Arc::new(Index::builtin().clone()),
        };
        let progress = Arc::new(Progress::default());
        let work = self.opened()?;
        let (platform, seen, name) = (self.platform.clone(), Arc::clone(&progress), self.source.to_string());
        let work = tokio::task::spawn_blocking(move || work.read(&name, &platform, &index, &seen));
        let mut work = std::pin::pin!(work);
        let mut ticks = tokio::time::interval(PROGRESS);
        ticks.tick().await;
        let shown = std::io::stderr().is_terminal();
        loop {
            tokio::select! {
                read = &mut work => {
                    if shown {
                        let _ = write!(std::io::stderr(), "\r\x1b[K");
                    }
                    return read?;
                }
                _ = ticks.tick() => {
                    if shown {
                        let megabytes = progress.unpacked_bytes() / 1_000_000;
                        let _ = write!(std::io::stderr(), "\r\x1b[K{megabytes} MB read");
                    }
                }
            }
        }
    }

    fn opened(&self) -> Result<Opened> {
        Ok(match &self.source {
            Source::Archive(path) => Opened::Store(Store::Archive(Archive::open_file(path)?)),
            Source::Layout(path) => Opened::Store(Store::Layout(path.clone())),
            Source::Folder(path) => Opened::Folder(path.clone()),
            Source::Registry(image) => Opened::Store(Store::Remote(self.remote(image)?)),
            Source::Bill(_) => bail!("a bill of materials has no layers"),
        })
    }

    fn remote(&self, image: &ImageRef) -> Result<Remote> {
        let mut http = reqwest::Client::builder();
        if let Some(path) = &self.ca {
            let pem = read(path)?;
            let authority = reqwest::Certificate::from_pem(&pem);
            http = http.tls_certs_merge([authority.with_context(|| format!("{} is no certificate", path.display()))?]);
        }
        let credentials = credentials::credentials(image.host().unwrap_or("docker.io"))?;
        Ok(Remote::new(http.build()?, image, self.plain_http, credentials))
    }

    fn write(&self, report: &Report, format: client::Format) -> Result<()> {
        let usual = match format {
            client::Format::Text => Format::Table,
            client::Format::Json => Format::Json,
        };
        let usual = [Output { format: usual, file: None }];
        let outputs = if self.output.is_empty() { &usual[..] } else { &self.output[..] };
        for Output { format, file } in outputs {
            let bytes = match format {
                Format::Table => bom::table(report, width(), self.all).into_bytes(),
                format => format.write(report, WIDTH)?,
            };
            match file {
                Some(path) => {
                    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
                }
                None => match std::io::stdout().lock().write_all(&bytes) {
                    // `assay scan … | head` is no failure.
                    Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
                    outcome => outcome?,
                },
            }
        }
        Ok(())
    }

    fn judge(&self, report: &Report) -> Result<()> {
        let Some(least) = &self.fail_on else { return Ok(()) };
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

/// What is read on a thread that may block.
enum Opened {
    Store(Store),
    Folder(PathBuf),
}

impl Opened {
    fn read(self, name: &str, platform: &str, index: &Index, progress: &Progress) -> Result<(About, ImageInventory)> {
        let mut about = About { name: name.to_owned(), ..About::default() };
        let (mut inventories, mut not_entered) = (Vec::new(), Vec::new());
        match self {
            Opened::Folder(path) => {
                about.kind = bom::Subject::Folder;
                let archive = root_folder::as_archive(&path);
                let (archive, elsewhere) = archive.with_context(|| format!("cannot read {}", path.display()))?;
                let layer = read_layer(archive, Compression::None, &Limits::default(), index, progress)?.inventory;
                about.layers.push((None, layer.unpacked_bytes));
                not_entered = elsewhere.take();
                inventories.push(layer);
            }
            Opened::Store(store) => {
                let found = store.image(platform)?;
                for layer in &found.layers {
                    let opened = store.open(layer)?;
                    let packed: Box<dyn Read + Send> = match &layer.digest {
                        Some(digest) => Box::new(Checked::new(opened, digest)),
                        None => opened,
                    };
                    let shown = layer.digest.as_ref().map(ToString::to_string).unwrap_or_default();
                    let read = read_packed(packed, index, progress);
                    inventories.push(read.with_context(|| format!("layer {shown} cannot be read"))?);
                    about.layers.push((layer.digest.clone(), layer.size));
                }
                about.digest = found.digest;
                about.config = ImageConfig::parse(&found.config).ok();
                about.config_json = found.config;
                if let Some(name) = found.name {
                    about.name = name;
                }
            }
        }
        let mut image = merge(&inventories);
        image.gaps.extend(not_entered.into_iter().map(|path| Gap::Broken {
            layer: 0,
            path,
            reason: "it is another file system, which is not entered; scan it by itself".to_owned(),
        }));
        Ok((about, image))
    }
}

fn read_packed(mut packed: impl Read + Send, index: &Index, progress: &Progress) -> Result<LayerInventory> {
    let mut magic = Vec::with_capacity(MAGIC_BYTES);
    packed.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut magic)?;
    let compression = Compression::sniff(&magic);
    let whole = std::io::Cursor::new(magic).chain(packed);
    Ok(read_layer(whole, compression, &Limits::default(), index, progress)?.inventory)
}

fn bill(path: &Path) -> Result<(About, ImageInventory)> {
    let bill = Bill::read(&read(path)?).with_context(|| format!("cannot read {}", path.display()))?;
    let report = bill.into_report(bom::Scanner::default(), Clock::System.now());
    let about = About { name: path.display().to_string(), kind: bom::Subject::Bill, ..About::default() };
    Ok((about, scan::inventory_of(&report)))
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
