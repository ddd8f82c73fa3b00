//! A source read into an inventory, on a thread that may block, with its progress shown.

use std::{
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use base::Clock;
use bom::{Bill, Report};
use fingerprint::Index;
use inventory::{Compression, Gap, ImageInventory, LayerInventory, Limits, Progress, merge, read_layer};
use oci::{ImageConfig, ImageRef};
use scan::About;

use super::{
    Reading, credentials, read,
    remote::{Checked, Remote},
    root_folder,
    source::Source,
    store::{Archive, Found, Store},
};

/// How often a terminal is told how far it is.
const PROGRESS: Duration = Duration::from_millis(500);
/// Bytes that tell how a layer is packed.
const MAGIC_BYTES: usize = 4;

impl Reading {
    pub(super) async fn inspect(&self, source: &Source) -> Result<(About, ImageInventory)> {
        if let Source::Bill(path) = source {
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
        let work = self.opened(source)?;
        let (platform, seen, name) = (self.platform.clone(), Arc::clone(&progress), source.to_string());
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

    fn opened(&self, source: &Source) -> Result<Opened> {
        Ok(match source {
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
        Remote::new(http.build()?, image, self.plain_http, credentials)
    }

    /// An image's manifest and configuration, without its layers.
    pub(super) async fn found(&self, source: &Source) -> Result<Found> {
        let (opened, platform) = (self.opened(source)?, self.platform.clone());
        match opened {
            Opened::Store(store) => tokio::task::spawn_blocking(move || store.image(&platform)).await?,
            Opened::Folder(_) => bail!("a folder has no layers"),
        }
    }

    /// Hold the statements that were given against the findings.
    pub(super) fn apply_statements(&self, report: &mut Report) -> Result<()> {
        for path in &self.vex {
            let statements =
                bom::statements(&read(path)?).with_context(|| format!("cannot read {}", path.display()))?;
            bom::apply(report, &statements);
        }
        Ok(())
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
                about.annotations = found.annotations;
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
