//! Waivers: findings that are accepted, with a reason.

use anyhow::Result;
use base::{AccountName, Timestamp};
use bom::Justification;
use clap::{ArgAction, ArgGroup, Args, Subcommand};
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
    /// Let a waiver count that somebody else proposed.
    Approve {
        id: String,
    },
    /// Whether waivers count only once somebody else approved them; administrators change it.
    Settings {
        #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
        need_approval: Option<bool>,
    },
    Delete {
        id: String,
    },
}

/// What a waiver holds for.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Of {
    /// All repositories of an organization or user.
    #[arg(long, value_name = "NAME")]
    namespace: Option<AccountName>,
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
#[command(group(ArgGroup::new("where").required(true).args(["namespace", "repository", "image", "layer", "everywhere"])))]
pub(crate) struct Create {
    advisory: String,
    #[arg(long)]
    reason: String,
    /// Why the image is not affected, in a word of OpenVEX (vulnerable_code_not_in_execute_path); without it the risk is accepted.
    #[arg(long, value_name = "WORD")]
    justification: Option<Justification>,
    #[command(flatten)]
    of: Of,
    /// What this layer brought, in every image that has it.
    #[arg(long, value_name = "DIGEST", conflicts_with_all = ["namespace", "repository", "image", "everywhere"])]
    layer: Option<Digest>,
    /// Only for this component.
    #[arg(long)]
    component: Option<String>,
    /// Only for this version of the component.
    #[arg(long, value_name = "VERSION", requires = "component")]
    component_version: Option<String>,
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
            Of { namespace: Some(name), .. } => format!("?namespace={name}"),
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
            Waiver::Create(new) => {
                let Create { advisory, reason, justification, of, layer, component, component_version, expires } = new;
                let body = json!({
                    "advisory": advisory, "reason": reason, "namespace": of.namespace, "repository": of.repository,
                    "image": of.image, "layer": layer, "justification": justification, "component": component,
                    "version": component_version,
                    "expiresAt": expires.map(|at| at.to_string()),
                });
                client.post("/api/v1/waivers", body).await
            }
            Waiver::Approve { id } => client.post(&format!("/api/v1/waivers/{id}/approval"), json!({})).await,
            Waiver::Settings { need_approval: None } => client.get("/api/v1/waivers/settings").await,
            Waiver::Settings { need_approval: Some(need) } => {
                client.put("/api/v1/waivers/settings", json!({"needApproval": need})).await
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
