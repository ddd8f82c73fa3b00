//! `assay serve`: the server.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use base::{Clock, Entropy};
use jobs::Tasks;
use tokio::signal::unix::{SignalKind, signal};

use crate::{config::Config, listen, tell, wiring};

/// How long background work may take to end after the listeners are closed.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A TOML file; flags and environment win over it.
    #[arg(long, env = "ASSAY_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder that holds everything.
    #[arg(long, env = "ASSAY_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where HTTPS listens.
    #[arg(long, env = "ASSAY_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Plain HTTP on a loopback address, for measurements.
    #[arg(long, env = "ASSAY_PLAIN_LISTEN", value_name = "127.0.0.1:PORT")]
    pub(crate) plain_listen: Option<SocketAddr>,
    /// Under which name clients reach the server.
    #[arg(long, env = "ASSAY_URL", value_name = "https://HOST:PORT")]
    pub(crate) url: Option<String>,
    /// A postgres:// URL instead of the embedded database.
    #[arg(long, env = "ASSAY_DATABASE", value_name = "URL", hide_env_values = true)]
    pub(crate) database: Option<String>,
    /// Take manifests that name blobs or manifests which are not in their repository; they are never scanned.
    #[arg(long, env = "ASSAY_SPARSE_MANIFESTS")]
    pub(crate) sparse_manifests: bool,
    /// The production engine that client bundles point at.
    #[arg(long, env = "ASSAY_PRODUCTION_ENGINE", value_name = "tcp://HOST:PORT")]
    pub(crate) production_engine: Option<String>,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let config = Config::read(args)?;
    log_to_stderr();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config))
}

/// Write the log to standard error; `ASSAY_LOG` says how much.
pub(crate) fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ASSAY_LOG").unwrap_or_else(|_| "info,sqlx=warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

async fn serve(config: Config) -> Result<()> {
    let built = wiring::build(&config, Clock::System, Entropy::System).await?;
    let secure = listen::bind(config.listen).await?;
    let plain = match config.plain_listen {
        Some(address) => Some(listen::bind(address).await?),
        None => None,
    };
    let tasks = Tasks::default();
    let router = web::router(built.app.clone());
    let acceptor = listen::acceptor(&built.certified).context("the server's certificate cannot be used")?;
    built.start(&tasks);
    tell(&format!("assay serves {} on {}", config.url, secure.local_addr()?));

    let (mut listeners, gate) = (tokio::task::JoinSet::new(), listen::Gate::open());
    listeners.spawn(listen::serve(secure, Some(acceptor), router.clone(), gate.clone(), tasks.clone()));
    if let Some(plain) = plain {
        tell(&format!("assay serves plain HTTP on {} for measurements", plain.local_addr()?));
        listeners.spawn(listen::serve(plain, None, router, gate, tasks.clone()));
    }
    asked_to_stop().await?;
    tell("assay stops");
    tasks.stop();
    built.app.ci.end_questions();
    while listeners.join_next().await.is_some() {}
    if !tasks.finish(PATIENCE).await {
        tracing::warn!("background work was cut off by the shutdown; it runs again at the next start");
    }
    built.app.db.close().await;
    drop(built.folder);
    Ok(())
}

/// Resolves when somebody asks the process to end.
pub(crate) async fn asked_to_stop() -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
