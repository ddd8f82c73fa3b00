//! `assay guard`: the authorization plugin of a Docker engine, a process of its own.

use std::path::PathBuf;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use crate::serve::{asked_to_stop, log_to_stderr};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A TOML file with `server_url`, `token`, `ca_pem`, `state_dir`, and where the sockets are: `socket`, `engine_socket`.
    #[arg(long, env = "ASSAY_GUARD_CONFIG", value_name = "FILE")]
    config: PathBuf,
}

pub(crate) async fn run(args: Args) -> Result<()> {
    let name = args.config.display();
    let text = std::fs::read_to_string(&args.config).with_context(|| format!("cannot read {name}"))?;
    let config: guard::Config = toml::from_str(&text).with_context(|| format!("{name} is no valid configuration"))?;
    log_to_stderr();
    let shutdown = CancellationToken::new();
    let running = guard::run(config, shutdown.clone());
    tokio::pin!(running);
    tokio::select! {
        outcome = &mut running => return Ok(outcome?),
        stop = asked_to_stop() => stop?,
    }
    shutdown.cancel();
    Ok(running.await?)
}
