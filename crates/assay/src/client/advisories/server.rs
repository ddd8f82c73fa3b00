//! The server's side: where it gets new snapshots from.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::http::Method;
use base::Timestamp;
use serde_json::{Map, Value, json};

use crate::client::Client;

/// How often the server is asked whether it is done.
const ASKED_EVERY: Duration = Duration::from_millis(500);

const STATUS: &str = "/api/v0/imagescan/status";
const SETTINGS: &str = "/api/v1/advisories/settings";

/// What is not given stays.
#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    /// A folder that `assay advisories publish` wrote; the first that answers counts. Repeatable; replaces those of before.
    #[arg(long, value_name = "URL", conflicts_with = "no_urls")]
    url: Vec<String>,
    /// Fetch from nowhere.
    #[arg(long)]
    no_urls: bool,
    /// When new advisories are fetched, every day, UTC.
    #[arg(long, value_name = "HH:MM")]
    daily_at: Option<String>,
    /// Take only what this key signed, as `assay advisories key` printed it. Repeatable; replaces those of before.
    #[arg(long, value_name = "KEY", conflicts_with = "no_keys")]
    key: Vec<String>,
    /// Take unsigned snapshots from administrators.
    #[arg(long)]
    no_keys: bool,
    /// From which age on a snapshot is called stale.
    #[arg(long, value_name = "DAYS")]
    stale_days: Option<u32>,
    /// Fetch new advisories.
    #[arg(long, conflicts_with = "offline")]
    online: bool,
    /// Fetch none.
    #[arg(long)]
    offline: bool,
}

impl Settings {
    pub(super) async fn run(self, client: &Client) -> Result<Value> {
        let mut changes = Map::new();
        if !self.url.is_empty() || self.no_urls {
            changes.insert("urls".to_owned(), json!(self.url));
        }
        if !self.key.is_empty() || self.no_keys {
            changes.insert("keys".to_owned(), json!(self.key));
        }
        if let Some(daily_at) = self.daily_at {
            changes.insert("dailyAt".to_owned(), json!(daily_at));
        }
        if let Some(stale_days) = self.stale_days {
            changes.insert("staleDays".to_owned(), json!(stale_days));
        }
        if !changes.is_empty() {
            client.put(SETTINGS, changes.into()).await?;
        }
        if self.online || self.offline {
            client.post("/api/v0/meta/settings", json!({"scanningSyncOnline": self.online})).await?;
        }
        client.get(SETTINGS).await
    }
}

/// The status once the server has asked, whether or not there was anything new.
pub(super) async fn fetch(client: &Client) -> Result<Value> {
    let at = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let asked = client.call(Method::PUT, "/api/v0/imagescan/scan/update?online=true", None).await?;
    let requested = at(&asked["requestedAt"]).context("the server does not say when it was asked")?;
    loop {
        tokio::time::sleep(ASKED_EVERY).await;
        let status = client.get(STATUS).await?;
        // One that began before does not count.
        if at(&status["lastDBUpdateCheck"]).is_none_or(|began| began < requested) {
            continue;
        }
        match status["lastDBUpdateError"].as_str() {
            Some(error) => bail!("no new advisories could be fetched: {error}"),
            None => return Ok(status),
        }
    }
}
