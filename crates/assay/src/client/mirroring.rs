//! Mirroring policies.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use oci::RepoName;
use serde_json::{Value, json};

use super::{
    Client,
    accounts::from_stdin,
    images::path,
    show::{Column, Text, line},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Mirroring {
    /// The policies of a repository.
    List {
        repository: RepoName,
    },
    /// Push what is pushed here to another registry, when all rules hold.
    Push {
        #[command(flatten)]
        what: What,
        /// The tag there: `%n` keeps it.
        #[arg(long, default_value = "%n")]
        tag: String,
        /// `FIELD OPERATOR VALUE[,VALUE]`, as in `tag ew -stable`. Repeat for more; all must hold.
        #[arg(long = "rule", value_name = "RULE")]
        rules: Vec<String>,
    },
    /// Fetch the tags of a repository of another registry, every half hour.
    Poll {
        #[command(flatten)]
        what: What,
    },
    /// Ask another registry what one may do there.
    Connect {
        #[command(flatten)]
        place: PlaceOf,
    },
    /// How far a policy is.
    Status {
        repository: RepoName,
        id: String,
    },
    /// Mirror now.
    Run {
        repository: RepoName,
        id: String,
    },
    Delete {
        repository: RepoName,
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct What {
    repository: RepoName,
    #[command(flatten)]
    place: PlaceOf,
    /// Also what is there already, now.
    #[arg(long)]
    apply: bool,
    /// Leave signatures, attestations and other referrers where they are.
    #[arg(long)]
    no_referrers: bool,
}

/// The other registry.
#[derive(Debug, Args)]
pub(crate) struct PlaceOf {
    /// `host/account/name` or `host:port/account/name` of the other registry.
    #[arg(value_name = "REMOTE")]
    remote: String,
    #[arg(long)]
    username: Option<String>,
    /// A file with the password or access token; `-` is standard input. A flag would be visible to every user of the machine.
    #[arg(long, value_name = "FILE", requires = "username")]
    password: Option<PathBuf>,
    /// A file with the authority's certificate (PEM) of the other registry.
    #[arg(long, value_name = "FILE")]
    remote_ca: Option<PathBuf>,
    /// Do not check the other registry's certificate: whoever is in between reads what is sent, the password included.
    #[arg(long, conflicts_with = "remote_ca")]
    skip_tls: bool,
}

impl PlaceOf {
    fn body(&self) -> Result<Value> {
        let (scheme, rest) = self.remote.split_once("://").unwrap_or(("https", &self.remote));
        let (host, repository) = rest.split_once('/').context("the other repository has the form host/account/name")?;
        let file = |path: &PathBuf| -> Result<String> {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let password = match &self.password {
            None => None,
            Some(path) if path.as_os_str() == "-" => Some(from_stdin()?),
            Some(path) => Some(file(path)?.trim_end_matches(['\r', '\n']).to_owned()),
        };
        let remote_ca = self.remote_ca.as_ref().map(file).transpose()?;
        Ok(json!({
            "remoteHost": format!("{scheme}://{host}"), "remoteRepository": repository, "username": self.username,
            "password": password, "remoteCA": remote_ca, "skipTLSVerification": self.skip_tls,
        }))
    }
}

impl What {
    fn body(&self) -> Result<Value> {
        let mut body = self.place.body()?;
        body["enabled"] = true.into();
        body["referrers"] = (!self.no_referrers).into();
        Ok(body)
    }
}

const POLICIES: &[Column] = &[
    ("ID", |one| line(&one["id"])),
    ("WAY", |one| if one["rules"].is_array() { "push" } else { "poll" }.to_owned()),
    ("REMOTE", |one| format!("{}/{}", line(&one["remoteHost"]), line(&one["remoteRepository"]))),
    ("ENABLED", |one| if one["enabled"] == true { "yes" } else { "no" }.to_owned()),
    ("LAST", |one| line(&one["lastStatus"]["code"])),
    ("WHY", |one| line(&one["lastStatus"]["detail"])),
];

impl Mirroring {
    pub(super) fn text(&self) -> Text {
        match self {
            Mirroring::List { .. } => Text::Table(POLICIES),
            Mirroring::Run { id, .. } => {
                Text::Said(format!("{id} mirrors now; assay mirror status says how far it is"))
            }
            Mirroring::Delete { id, .. } => Text::Said(format!("{id} mirrors nothing any more")),
            _ => Text::Whole,
        }
    }

    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let own =
            |repository: &RepoName, id: &str| format!("{}/mirroring/{id}", path(repository).replacen("v0", "v1", 1));
        match self {
            Mirroring::List { repository } => client.get(&format!("{}/mirroringPolicies", path(&repository))).await,
            Mirroring::Push { what, tag, rules } => {
                let rules = rules.iter().map(|rule| rule.parse::<policy::Rule>()).collect::<Result<Vec<_>, _>>()?;
                let mut body = what.body()?;
                body["rules"] = json!(rules);
                body["tagTemplate"] = tag.into();
                let path = format!("{}/pushMirroringPolicies", path(&what.repository));
                client.post(&format!("{path}?initialEvaluation={}", what.apply), body).await
            }
            Mirroring::Poll { what } => {
                let path = format!("{}/pollMirroringPolicies", path(&what.repository));
                client.post(&format!("{path}?initialEvaluation={}", what.apply), what.body()?).await
            }
            Mirroring::Connect { place } => client.post("/api/v0/remote/registry", place.body()?).await,
            Mirroring::Status { repository, id } => client.get(&own(&repository, &id)).await,
            Mirroring::Run { repository, id } => {
                client.post(&format!("{}/run", own(&repository, &id)), Value::Null).await
            }
            Mirroring::Delete { repository, id } => {
                let policies = client.get(&format!("{}/mirroringPolicies", path(&repository))).await?;
                let of = policies.as_array().and_then(|all| all.iter().find(|one| one["id"] == *id));
                let kind = if of.is_some_and(|one| one["rules"].is_array()) { "push" } else { "poll" };
                client.delete(&format!("{}/{kind}MirroringPolicies/{id}", path(&repository))).await
            }
        }
    }
}
