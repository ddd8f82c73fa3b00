//! Access tokens and robots.

use anyhow::{Context, Result};
use axum::http::Method;
use base::AccountName;
use clap::{Args, Subcommand};
use identity::{Level, On, Permit, Place};
use serde_json::{Value, json};

use super::Client;

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    List {
        /// Whose; oneself when absent.
        #[arg(long)]
        account: Option<AccountName>,
    },
    /// Make a token and print its value, this once.
    Create {
        #[arg(long, default_value = "")]
        label: String,
        #[arg(long)]
        account: Option<AccountName>,
        /// After so many days it is worthless; never when absent.
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
        #[command(flatten)]
        places: Places,
    },
    Revoke {
        id: String,
    },
}

/// Where a program may do something: `namespace/name`, or `namespace` for all in it. Repeat for more.
#[derive(Debug, Args)]
pub(crate) struct Places {
    /// Let it pull there.
    #[arg(long, value_name = "REPOSITORY")]
    read_only: Vec<Place>,
    /// Let it pull and push there.
    #[arg(long, value_name = "REPOSITORY")]
    read_write: Vec<Place>,
    /// Let it fetch the source there.
    #[arg(long, value_name = "PROJECT")]
    fetch: Vec<Place>,
}

impl Places {
    fn permits(self) -> Vec<Permit> {
        let of =
            |on: On, level: Level, places: Vec<Place>| places.into_iter().map(move |place| Permit { on, place, level });
        let read = of(On::Repository, Level::ReadOnly, self.read_only);
        let write = of(On::Repository, Level::ReadWrite, self.read_write);
        read.chain(write).chain(of(On::Project, Level::ReadOnly, self.fetch)).collect()
    }
}

impl Token {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let whose = |account: Option<AccountName>| {
            let encoded =
                account.map(|name| form_urlencoded::byte_serialize(name.as_str().as_bytes()).collect::<String>());
            encoded.map(|name| format!("?username={name}")).unwrap_or_default()
        };
        match self {
            Token::List { account } => client.get(&format!("/api/v0/api_tokens{}", whose(account))).await,
            Token::Create { label, account, expires_in_days, places } => {
                let mut body = json!({"tokenLabel": label, "expiresInDays": expires_in_days});
                let permits = places.permits();
                if !permits.is_empty() {
                    body["scope"] = json!(permits);
                }
                client.post(&format!("/api/v0/api_tokens{}", whose(account)), body).await
            }
            Token::Revoke { id } => client.delete(&format!("/api/v0/api_tokens/{id}")).await,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Robot {
    /// List the robots of a user or an organization, and when each was used last.
    List {
        namespace: AccountName,
    },
    /// Make the robot `OWNER+ROBOT`, grant it places, and print its token, this once.
    Create {
        name: AccountName,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
        /// After so many days its token is worthless; 0 is never. 90 when absent.
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
        #[command(flatten)]
        places: Places,
    },
    /// Make a new token and print it, this once; the one before ends after a while.
    Rotate {
        name: AccountName,
        /// How long the token before is still good for; 60 when absent.
        #[arg(long, value_name = "MINUTES")]
        grace_minutes: Option<u32>,
        /// After so many days the new token is worthless; as long as the one before when absent.
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
    },
    Show {
        name: AccountName,
    },
    /// Delete a robot: its token is worthless at once.
    Delete {
        name: AccountName,
    },
    /// Take pushes to all repositories of a namespace from robots and jobs of pipelines only.
    Only {
        namespace: AccountName,
        /// Take them from persons again.
        #[arg(long)]
        off: bool,
    },
}

impl Robot {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let path = |name: &AccountName| format!("/api/v1/robots/{name}");
        match self {
            Robot::List { namespace } => client.get(&format!("/api/v1/namespaces/{namespace}/robots")).await,
            Robot::Create { name, description, expires_in_days, places } => {
                let (owner, own) = name.as_str().split_once('+').context("a robot has the form OWNER+ROBOT")?;
                let body = json!({
                    "name": own, "description": description, "grants": places.permits(), "expiresInDays": expires_in_days,
                });
                client.post(&format!("/api/v1/namespaces/{owner}/robots"), body).await
            }
            Robot::Rotate { name, grace_minutes, expires_in_days } => {
                let body = json!({"graceMinutes": grace_minutes, "expiresInDays": expires_in_days});
                client.post(&format!("{}/rotate", path(&name)), body).await
            }
            Robot::Show { name } => client.get(&path(&name)).await,
            Robot::Delete { name } => client.delete(&path(&name)).await,
            Robot::Only { namespace, off } => {
                let path = format!("/api/v1/namespaces/{namespace}/settings");
                client.call(Method::PATCH, &path, Some(&json!({"onlyRobotsPush": !off}))).await
            }
        }
    }
}
