//! Advisory snapshots: what is in use, making one from OSV records, using another.

use std::{
    fs,
    path::{Path, PathBuf},
};

use advisory::{About, Snapshot};
use anyhow::{Context, Result, bail};
use base::Clock;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Client;

#[derive(Debug, Subcommand)]
pub(crate) enum Advisories {
    /// The snapshot that findings are made with.
    Show,
    /// Make a snapshot of a folder of OSV records (`*.json`), for machines without a network.
    Build {
        folder: PathBuf,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Shown beside every finding made with it.
        #[arg(long)]
        label: String,
        /// Also take the built-in starter set.
        #[arg(long)]
        with_starter: bool,
    },
    /// Use this snapshot from now on; everything scanned before is matched again.
    Use { file: PathBuf },
}

impl Advisories {
    pub(crate) async fn run(self, client: impl FnOnce() -> Result<Client>) -> Result<Value> {
        match self {
            Advisories::Show => client()?.get("/api/v1/advisories").await,
            Advisories::Build { folder, out, label, with_starter } => build(&folder, &out, label, with_starter),
            Advisories::Use { file } => {
                let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                client()?.put_bytes("/api/v1/advisories", bytes).await
            }
        }
    }
}

fn build(folder: &Path, out: &Path, label: String, with_starter: bool) -> Result<Value> {
    let mut records = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            records.push((path.display().to_string(), fs::read(&path)?));
        }
    }
    let import = advisory::import(records)?;
    let mut advisories = import.advisories;
    if with_starter {
        advisories.extend(advisory::starter().records()?);
    }
    if advisories.is_empty() {
        bail!("{} holds no OSV record of an ecosystem we know", folder.display());
    }
    let about = About { created: Clock::System.now(), label, name: "osv".to_owned(), ..About::default() };
    let snapshot = Snapshot::new(about, advisories)?;
    fs::write(out, snapshot.serialise()).with_context(|| format!("cannot write {}", out.display()))?;
    Ok(json!({
        "digest": snapshot.digest(),
        "advisories": snapshot.advisory_count(),
        "skipped": import.skipped,
        "wrong": import.wrong.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}
