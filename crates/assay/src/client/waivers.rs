//! Waivers: findings that are accepted, with a reason.

use anyhow::Result;
use base::Timestamp;
use bom::Justification;
use clap::{ArgGroup, Args, Subcommand};
use oci::{Digest, RepoName};
use serde_json::{Value, json};

use super::Client;

#[derive(Debug, Subcommand)]
pub(crate) enum Waiver {
    /// All that one may see; or those of one repository, of one image, or those that hold everywhere.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Accept one advisory, with a reason that everybody sees.
    Create(Create),
    Delete {
        id: String,
    },
}

/// What a waiver holds for.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Of {
    #[arg(long, value_name = "NAMESPACE/NAME")]
    repository: Option<RepoName>,
    /// The image with this digest, in every repository.
    #[arg(long, value_name = "DIGEST")]
    image: Option<Digest>,
    /// Every image of the installation.
    #[arg(long)]
    everywhere: bool,
}

/// "Everywhere" must not be what happens when nothing is said, so one of them is.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).args(["repository", "image", "everywhere"])))]
pub(crate) struct Create {
    advisory: String,
    #[arg(long)]
    reason: String,
    /// Why the image is not affected, in a word of OpenVEX (vulnerable_code_not_in_execute_path); without it the risk is accepted.
    #[arg(long, value_name = "WORD")]
    justification: Option<Justification>,
    #[command(flatten)]
    of: Of,
    /// Only for this component.
    #[arg(long)]
    component: Option<String>,
    /// Until when: `2026-12-31` (the beginning of that day, UTC) or `2026-12-31T18:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<Timestamp>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    whole.parse().map_err(|_| "expected a day as 2026-12-31, or a time as 2026-12-31T18:00:00Z".to_owned())
}

impl Of {
    /// As a list is asked for; without any of them that of all scopes.
    pub(super) fn query(&self) -> String {
        match self {
            Of { repository: Some(name), .. } => format!("?repository={name}"),
            Of { image: Some(digest), .. } => format!("?image={digest}"),
            Of { everywhere: true, .. } => String::new(),
            Of { .. } => "?scope=any".to_owned(),
        }
    }
}

impl Waiver {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Waiver::List { of } => client.get(&format!("/api/v1/waivers{}", of.query())).await,
            Waiver::Create(Create { advisory, reason, justification, of, component, expires }) => {
                let body = json!({
                    "advisory": advisory, "reason": reason, "repository": of.repository, "image": of.image,
                    "justification": justification, "component": component,
                    "expiresAt": expires.map(|at| at.to_string()),
                });
                client.post("/api/v1/waivers", body).await
            }
            Waiver::Delete { id } => client.delete(&format!("/api/v1/waivers/{id}")).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn days_and_times() {
        assert_eq!(time("2026-12-31").unwrap(), time("2026-12-31T00:00:00Z").unwrap());
        assert_eq!(time("2026-12-31T02:00:00+02:00").unwrap(), time("2026-12-31").unwrap());
        for bad in ["", "tomorrow", "2026-13-01", "31.12.2026", "2026-12-31T18:00"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
