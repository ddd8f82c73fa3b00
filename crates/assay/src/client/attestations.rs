//! What the server signs of images.

use anyhow::Result;
use clap::Subcommand;
use serde_json::Value;

use super::Client;

#[derive(Debug, Subcommand)]
pub(crate) enum Attestation {
    /// Show the key that verifies what the server's scanner attests.
    Key,
}

impl Attestation {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            // Printing ends the last line.
            Attestation::Key => Ok(client.get_text("/api/v1/attestations/key").await?.trim_end().into()),
        }
    }
}
