//! Accounts, members, teams, grants, bundles.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use axum::http::Method;
use base::AccountName;
use clap::{Args, Subcommand, ValueEnum};
use identity::Level;
use serde_json::{Value, json};

use super::Client;

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// List all accounts.
    List,
    /// Create a user, or with --organization an organization.
    Create {
        name: AccountName,
        #[arg(long)]
        organization: bool,
        #[arg(long)]
        admin: bool,
        #[arg(long, default_value = "")]
        full_name: String,
        /// Read the password from standard input; without it the user signs in with tokens only.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Switch an account off.
    Deactivate { name: AccountName },
    /// Delete an account for good, when nothing is in its namespace; mostly one switches it off.
    Delete { name: AccountName },
}

impl Account {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Account::List => client.all("/enzi/v0/accounts?limit=1000").await,
            Account::Create { name, organization, admin, full_name, password_stdin } => {
                let password = if password_stdin { Some(from_stdin()?) } else { None };
                let body = json!({
                    "name": name, "isOrg": organization, "isAdmin": admin, "fullName": full_name, "password": password,
                });
                client.post("/enzi/v0/accounts", body).await
            }
            Account::Deactivate { name } => {
                client
                    .call(Method::PATCH, &format!("/enzi/v0/accounts/{name}"), Some(&json!({"isActive": false})))
                    .await
            }
            Account::Delete { name } => client.delete(&format!("/enzi/v0/accounts/{name}")).await,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum MemberOf {
    List {
        organization: AccountName,
    },
    /// Add a user to an organization.
    Add {
        organization: AccountName,
        user: AccountName,
        #[arg(long)]
        owner: bool,
    },
    Remove {
        organization: AccountName,
        user: AccountName,
    },
}

impl MemberOf {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            MemberOf::List { organization } => client.get(&format!("/enzi/v0/accounts/{organization}/members")).await,
            MemberOf::Add { organization, user, owner } => {
                let path = format!("/enzi/v0/accounts/{organization}/members/{user}");
                client.put(&path, json!({"isAdmin": owner})).await
            }
            MemberOf::Remove { organization, user } => {
                client.delete(&format!("/enzi/v0/accounts/{organization}/members/{user}")).await
            }
        }
    }
}

/// `organization/team`.
#[derive(Clone, Debug)]
pub(crate) struct TeamName {
    organization: AccountName,
    team: AccountName,
}

impl std::str::FromStr for TeamName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<TeamName> {
        let Some((organization, team)) = text.split_once('/') else { bail!("a team has the form organization/team") };
        Ok(TeamName { organization: organization.parse()?, team: team.parse()? })
    }
}

impl std::fmt::Display for TeamName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.organization, self.team)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Team {
    /// List the teams of an organization.
    List {
        organization: AccountName,
    },
    /// Create `organization/team`.
    Create {
        team: TeamName,
    },
    /// List the members of `organization/team`.
    Members {
        team: TeamName,
    },
    /// Add a member of the organization to the team.
    Add {
        team: TeamName,
        user: AccountName,
        /// Let it say who else is in the team.
        #[arg(long)]
        admin: bool,
    },
    Remove {
        team: TeamName,
        user: AccountName,
    },
    /// Delete `organization/team` with its grants.
    Delete {
        team: TeamName,
    },
}

impl Team {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let path = |name: &TeamName| format!("/enzi/v0/accounts/{}/teams", name.organization);
        match self {
            Team::List { organization } => client.get(&format!("/enzi/v0/accounts/{organization}/teams")).await,
            Team::Create { team } => client.post(&path(&team), json!({"name": team.team})).await,
            Team::Members { team } => client.get(&format!("{}/{}/members", path(&team), team.team)).await,
            Team::Add { team, user, admin } => {
                client.put(&format!("{}/{}/members/{user}", path(&team), team.team), json!({"isAdmin": admin})).await
            }
            Team::Delete { team } => client.delete(&format!("{}/{}", path(&team), team.team)).await,
            Team::Remove { team, user } => {
                client.delete(&format!("{}/{}/members/{user}", path(&team), team.team)).await
            }
        }
    }
}

/// Grant a level on the repositories of a namespace or on one, or with `--project` on its projects.
#[derive(Debug, Args)]
pub(crate) struct Grant {
    /// `namespace` or `namespace/name`.
    place: String,
    /// What is granted; `none` takes the grant away.
    level: Granted,
    #[arg(long, required_unless_present = "team", conflicts_with = "team")]
    user: Option<AccountName>,
    #[arg(long)]
    team: Option<TeamName>,
    /// The grant is on source and pipelines, not on images.
    #[arg(long)]
    project: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Granted {
    ReadOnly,
    ReadWrite,
    Admin,
    None,
}

impl Grant {
    pub(crate) fn said(&self) -> String {
        let who = match (&self.user, &self.team) {
            (Some(user), _) => user.to_string(),
            (None, Some(team)) => format!("the team {team}"),
            (None, None) => "nobody".to_owned(),
        };
        let level = self.level.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let on = match (self.project, self.place.contains('/')) {
            (true, true) => "the project",
            (true, false) => "the projects of",
            (false, true) => "the repository",
            (false, false) => "the repositories of",
        };
        match self.level {
            Granted::None => format!("{who} has no grant on {on} {}", self.place),
            _ => format!("{who} has {level} on {on} {}", self.place),
        }
    }

    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let (namespace, name) = match self.place.split_once('/') {
            Some((namespace, name)) => (namespace, Some(name)),
            None => (self.place.as_str(), None),
        };
        let team = self.team.map(|name| format!("{}/{}", name.organization, name.team));
        let level = match self.level {
            Granted::None => None,
            Granted::ReadOnly => Some(Level::ReadOnly),
            Granted::ReadWrite => Some(Level::ReadWrite),
            Granted::Admin => Some(Level::Admin),
        };
        let on = if self.project { "project" } else { "repository" };
        let body = json!({"on": on, "name": name, "user": self.user, "team": team, "accessLevel": level});
        client.put(&format!("/api/v1/namespaces/{namespace}/grants"), body).await
    }
}

/// List who was granted what in a namespace; for its owners.
#[derive(Debug, Args)]
pub(crate) struct Grants {
    namespace: AccountName,
}

impl Grants {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        client.get(&format!("/api/v1/namespaces/{}/grants", self.namespace)).await
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bundle {
    /// Make a new key pair and certificate and write the files into a new folder.
    Create {
        account: AccountName,
        #[arg(long, default_value = "")]
        label: String,
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
    },
}

impl Bundle {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let Bundle::Create { account, label, folder } = self;
        let answer = client.post(&format!("/api/v1/accounts/{account}/bundles"), json!({"label": label})).await?;
        write_files(&answer, &folder)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Certificate {
    /// Make a key and a certificate for an engine that bundles shall reach, and write the files into a new folder.
    Create {
        /// Host names and IP addresses of the engine.
        #[arg(required = true)]
        names: Vec<String>,
        #[arg(long, value_name = "DIR")]
        folder: PathBuf,
    },
}

impl Certificate {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let Certificate::Create { names, folder } = self;
        let answer = client.post("/api/v1/certificates", json!({"names": names})).await?;
        write_files(&answer, &folder)
    }
}

fn write_files(answer: &Value, folder: &Path) -> Result<Value> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let files = answer["files"].as_object().context("the server gave no files")?;
    for (name, content) in files {
        if name.contains('/') || name.starts_with('.') {
            bail!("the server gave a file named {name:?}");
        }
        // The docker client refuses a key that others can read.
        let mode = if name == "key.pem" { 0o600 } else { 0o644 };
        let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(folder.join(name))?;
        file.write_all(content.as_str().unwrap_or_default().as_bytes())?;
    }
    Ok(json!({"keyID": answer["keyID"], "folder": folder}))
}

/// One value from standard input, without the line end.
pub(super) fn from_stdin() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(1024 * 1024).read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
