//! `assay audit`: verify a log, online through the server or offline on a data folder.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use audit::Snapshot;
use base::Secret;
use clap::Subcommand;
use db::{Db, Location};
use serde_json::{Value, json};

use crate::{client::Client, wiring::SCHEMAS};

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check every entry against the signed tree, and every guarded row against the entries. Exit code 3 when something is
    /// not as it was signed.
    Verify(Verify),
    /// The entries about a subject: a digest, `repository/admin/flask`, `job/7`, …; or the newest ones.
    Entries { subject: Option<String> },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// A data folder whose server does not run; without it the server that was signed in to verifies itself.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The log's public key, kept from earlier; otherwise the one in the data folder is believed.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// A checkpoint kept from earlier: the log must still contain it.
    #[arg(long, value_name = "FILE")]
    earlier: Vec<PathBuf>,
    /// A postgres:// URL, when the rows are not in the folder.
    #[arg(long, env = "ASSAY_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<String>,
}

impl Audit {
    /// The answer, and whether it is good.
    pub(crate) async fn run(self) -> Result<(Value, bool)> {
        match self {
            Audit::Entries { subject: Some(subject) } => {
                let subject: String = form_urlencoded::byte_serialize(subject.as_bytes()).collect();
                let path = format!("/api/v1/audit/entries?subject={subject}");
                Ok((Client::remembered()?.get(&path).await?, true))
            }
            Audit::Entries { subject: None } => Ok((Client::remembered()?.get("/api/v1/audit/entries").await?, true)),
            Audit::Verify(verify) => {
                let report = match &verify.data {
                    Some(folder) => verify.offline(folder.clone()).await?,
                    None => Client::remembered()?.get("/api/v1/audit/verify").await?,
                };
                let clean = report["clean"] == Value::Bool(true);
                Ok((report, clean))
            }
        }
    }
}

impl Verify {
    async fn offline(&self, folder: PathBuf) -> Result<Value> {
        let read = |name: &str| {
            let path = folder.join("keys").join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let key = match &self.key {
            Some(key) => key.clone(),
            None => read("log.pub")?,
        };
        let origin = read("log.origin")?;
        let database = folder.join("assay.db");
        let location = match &self.database {
            Some(url) => Location::Postgres(Secret::new(url.clone())),
            None if database.exists() => Location::Sqlite(database),
            None => bail!("there is no assay.db in {}", folder.display()),
        };
        let earlier = self.earlier.iter().map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
        let db = Db::open(&location, SCHEMAS).await?;
        let mut moment = Snapshot::open(&db, folder.join("log"), origin.trim(), key.trim().parse()?).await?;
        let guarded = web::guarded(moment.tx()).await?;
        let report = moment.verify(guarded, &earlier).await?;
        Ok(json!({
            "clean": report.is_clean(),
            "entries": report.entries,
            "waiting": report.waiting,
            "problems": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "unlisted": report.unlisted,
        }))
    }
}
