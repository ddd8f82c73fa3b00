//! `assay storage copy`: all blobs from the store the server uses into the one it is to use.
//!
//! ```text
//!   copy (the server runs) ─► stop the server ─► copy again (what came meanwhile) ─► start it with the other configuration
//! ```

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use base::{Clock, Ctx, Entropy};
use blob::{Blobs, Copied};
use clap::Subcommand;
use futures_util::{StreamExt, stream};
use oci::Digest;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{bucket::Storage, config, tell};

/// Blobs that are asked for at once, and that are copied at the same time: a store far away answers slowly, not one after
/// the other.
const PAGE: usize = 1_000;
const AT_ONCE: usize = 8;
/// How often it is said how far it is.
const PROGRESS: Duration = Duration::from_secs(5);
/// Damaged blobs that the answer names.
const DAMAGED_NAMED: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy all blobs to the store of another configuration, checking their digests. The server may run. What is there already
    /// stays, so that the same command goes on where it was cut off.
    Copy(Copy),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Copy {
    /// The configuration of the server.
    #[arg(long, env = "ASSAY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server's folder, unless the configuration names it.
    #[arg(long, env = "ASSAY_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration it is to run with afterwards.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Read also what is there already, and replace what is damaged.
    #[arg(long)]
    check: bool,
}

/// What was done so far.
#[derive(Debug, Default)]
struct Done {
    copied: u64,
    copied_bytes: u64,
    present: u64,
    gone: u64,
    damaged: Vec<Digest>,
}

impl Command {
    /// The answer, and whether every blob is in both stores.
    pub(crate) async fn run(self) -> Result<(Value, bool)> {
        let Command::Copy(copy) = self;
        let from = config::storage(copy.config.as_deref(), copy.data.clone())?;
        let to = config::storage(Some(&copy.to), None)?;
        ensure!(!from.is(&to), "both configurations name the {from}; there is nothing to copy");
        let started = Instant::now();
        let mut done = Done::default();
        for (from, to) in [(from.clone(), to.clone()), (from.records(), to.records())] {
            let source = source(&from).await?;
            let target = to.open().await.context("the store to copy to")?;
            tell(&format!("copying from the {from} to the {to}"));
            run(&source, &target, copy.check, &mut done).await?;
        }
        let good = done.damaged.is_empty();
        let next = if good {
            format!(
                "stop the server, run this command once more for what came meanwhile, and start it with --config {}",
                copy.to.display()
            )
        } else {
            "push the damaged blobs again, which repairs them, then run this command once more".to_owned()
        };
        let named: Vec<String> = done.damaged.iter().take(DAMAGED_NAMED).map(ToString::to_string).collect();
        let answer = json!({
            "from": from.to_string(),
            "to": to.to_string(),
            "copied": done.copied,
            "copiedBytes": done.copied_bytes,
            "present": done.present,
            "gone": done.gone,
            "damaged": done.damaged.len(),
            "damagedDigests": named,
            "seconds": started.elapsed().as_secs(),
            "next": next,
        });
        Ok((answer, good))
    }
}

/// The server may be using it.
async fn source(from: &Storage) -> Result<Blobs> {
    match from {
        Storage::Folder(folder) => {
            ensure!(folder.is_dir(), "there is no {from}");
            Ok(Blobs::beside(folder))
        }
        Storage::Bucket(_) => from.open().await,
    }
}

async fn run(source: &Blobs, target: &Blobs, check: bool, done: &mut Done) -> Result<()> {
    let ctx = Ctx::system("storage", &Clock::System, &Entropy::System);
    let (mut after, mut said) = (None::<Digest>, Instant::now());
    loop {
        let page = source.list(after.as_ref(), PAGE).await.context("cannot list the blobs")?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        let ctx = &ctx;
        let mut copies = stream::iter(page)
            .map(|(digest, size)| async move {
                let copied = source.copy_to(ctx, target, &digest, size, check).await;
                (digest, size, copied)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((digest, size, copied)) = copies.next().await {
            match copied {
                Ok(Copied::Now) => {
                    done.copied += 1;
                    done.copied_bytes += size;
                }
                Ok(Copied::Before) => done.present += 1,
                Ok(Copied::Gone) => done.gone += 1,
                Err(blob::Error::Damaged { .. }) => {
                    tell(&format!("{digest} is damaged and was not copied"));
                    done.damaged.push(digest);
                }
                Err(error) => {
                    let what = format!("cannot copy {digest}; the same command goes on from here");
                    return Err(anyhow::Error::from(error).context(what));
                }
            }
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                let mebibytes = done.copied_bytes >> 20;
                tell(&format!("{} copied ({mebibytes} MiB), {} there already", done.copied, done.present));
            }
        }
    }
}
