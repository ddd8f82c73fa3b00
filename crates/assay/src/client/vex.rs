//! VEX documents: statements of others about which vulnerabilities matter in one's images.

use std::path::PathBuf;

use anyhow::{Context, Result};
use axum::http::Method;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::Value;

use super::{Client, waivers::Of};
use crate::scan::print;

#[derive(Debug, Subcommand)]
pub(crate) enum Vex {
    /// All that one may see; or those of one repository, of one image, or those that hold everywhere.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Keep a document (OpenVEX, CSAF or CycloneDX); a later version of one that is there takes its place.
    Add(Add),
    /// The document itself, on standard output.
    Show(Show),
    /// Take a document away: what it closed counts again.
    Remove { id: String },
}

/// "Everywhere" must not be what happens when nothing is said, so one of them is.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).args(["namespace", "repository", "image", "everywhere"])))]
pub(crate) struct Add {
    file: PathBuf,
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    id: String,
}

impl Show {
    pub(crate) async fn run(self, client: &Client) -> Result<()> {
        print(client.get_text(&format!("/api/v1/vex/{}", self.id)).await?.as_bytes())
    }
}

impl Vex {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Vex::List { of } => client.get(&format!("/api/v1/vex{}", of.query())).await,
            Vex::Add(Add { file, of }) => {
                let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                let path = format!("/api/v1/vex{}", of.query());
                client.send_bytes(Method::POST, &path, bytes).await.with_context(|| file.display().to_string())
            }
            Vex::Show(_) => unreachable!("its bytes are written as they are"),
            Vex::Remove { id } => client.delete(&format!("/api/v1/vex/{id}")).await,
        }
    }
}
