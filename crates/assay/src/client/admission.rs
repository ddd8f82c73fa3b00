//! "Run only signed images": who must have signed, which guards ask.

use anyhow::Result;
use base::AccountName;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Client, accounts::TeamName};

#[derive(Debug, Subcommand)]
pub(crate) enum Admission {
    /// Show the policy.
    Show,
    /// Show the key that signs allow-sets, for `verifier_key` of a guard.
    Key,
    /// Let guarded engines run only signed images, from now on. What is named here replaces what was named before.
    Require {
        /// `organization/team`, of which a member must have signed. Repeat for more; all must have signed. Without any, every
        /// signature counts.
        #[arg(long = "team", value_name = "ORGANIZATION/TEAM")]
        teams: Vec<TeamName>,
        /// The account of a guard. Repeat for more.
        #[arg(long = "guard", value_name = "ACCOUNT")]
        guards: Vec<AccountName>,
    },
    /// Let guarded engines run any image. Teams and guards stay as they are.
    Off,
}

impl Admission {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        const POLICY: &str = "/api/v1/admission/policy";
        match self {
            Admission::Show => client.get(POLICY).await,
            Admission::Key => client.get("/api/v1/admission/key").await,
            Admission::Require { teams, guards } => {
                let teams: Vec<String> = teams.iter().map(TeamName::to_string).collect();
                client.put(POLICY, json!({"enabled": true, "teams": teams, "guards": guards})).await
            }
            Admission::Off => {
                let mut policy = client.get(POLICY).await?;
                policy["enabled"] = false.into();
                client.put(POLICY, policy).await
            }
        }
    }
}
