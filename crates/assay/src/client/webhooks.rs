//! Webhooks.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Client, accounts::from_stdin};

#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    List,
    /// Call an address when something happens.
    Create {
        /// `TAG_PUSH`, `SCAN_COMPLETED`, `PROMOTION`, …
        #[arg(long = "type")]
        kind: String,
        /// `namespace/name` or `namespace`.
        #[arg(long)]
        key: String,
        /// Read from standard input when it is `-`: an address may carry a token.
        endpoint: String,
        /// A file with the secret that signs each delivery; `-` is standard input. A flag would be visible to every user of
        /// the machine.
        #[arg(long, value_name = "FILE")]
        secret: Option<PathBuf>,
        /// A file with the certificate (PEM) that the receiver's is checked against.
        #[arg(long, value_name = "FILE")]
        tls_cert: Option<PathBuf>,
        /// Do not check the receiver's certificate: whoever is in between reads what is sent, the address's token included.
        #[arg(long, conflicts_with = "tls_cert")]
        skip_tls: bool,
    },
    Delete {
        id: String,
    },
    /// What was sent and what came back.
    Deliveries {
        id: String,
    },
}

impl Webhook {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Webhook::List => client.get("/api/v0/webhooks?webhookType=any").await,
            Webhook::Create { kind, key, endpoint, secret, tls_cert, skip_tls } => {
                let reads_secret = secret.as_deref().is_some_and(|path| path.as_os_str() == "-");
                anyhow::ensure!(
                    !(endpoint == "-" && reads_secret),
                    "only one of ENDPOINT and --secret can come from standard input; put the other one into a file"
                );
                let endpoint = if endpoint == "-" { from_stdin()? } else { endpoint };
                let secret = match secret {
                    None => None,
                    Some(_) if reads_secret => Some(from_stdin()?),
                    Some(path) => Some(file(&path)?.trim_end_matches(['\r', '\n']).to_owned()),
                };
                let tls_cert = tls_cert.as_ref().map(file).transpose()?.unwrap_or_default();
                let body = json!({
                    "type": kind, "key": key, "endpoint": endpoint, "secret": secret, "tlsCert": tls_cert,
                    "skipTLSVerification": skip_tls,
                });
                client.post("/api/v0/webhooks", body).await
            }
            Webhook::Delete { id } => client.delete(&format!("/api/v0/webhooks/{id}")).await,
            Webhook::Deliveries { id } => client.get(&format!("/api/v1/webhooks/{id}/deliveries")).await,
        }
    }
}

fn file(path: &PathBuf) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
