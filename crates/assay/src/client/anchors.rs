//! Whose signatures from elsewhere count.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};
use trust::AnchorName;

use super::Client;

#[derive(Debug, Subcommand)]
pub(crate) enum Anchor {
    List,
    /// Let the signatures of a key, or of whoever an authority vouches for, count. It takes the place of what had the name before.
    Set {
        name: AnchorName,
        /// One PEM block, PUBLIC KEY or CERTIFICATE.
        #[arg(value_name = "FILE")]
        pem: PathBuf,
    },
    /// Let them count for nothing from now on.
    Remove {
        name: AnchorName,
    },
}

impl Anchor {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let path = |name: &AnchorName| format!("/api/v1/anchors/{name}");
        match self {
            Anchor::List => client.get("/api/v1/anchors").await,
            Anchor::Set { name, pem } => {
                let text = std::fs::read_to_string(&pem);
                let text = text.with_context(|| format!("{} cannot be read", pem.display()))?;
                client.put(&path(&name), json!({"pem": text})).await
            }
            Anchor::Remove { name } => client.delete(&path(&name)).await,
        }
    }
}
