//! Repositories, policies, chains.

use anyhow::{Context, Result, bail};
use axum::http::Method;
use clap::{Args, Subcommand};
use oci::RepoName;
use serde_json::{Value, json};

use super::{Client, Common, Format};

#[derive(Debug, Subcommand)]
pub(crate) enum Repository {
    List,
    /// Find repositories with a part of their name that begins so; at most 1,000.
    Search {
        text: String,
    },
    /// Create `namespace/name`.
    Create {
        name: RepoName,
        #[arg(long)]
        public: bool,
        /// A tag, once pushed, keeps its digest for ever.
        #[arg(long)]
        immutable: bool,
        /// Scan each image when it is pushed; the default, unless the server says otherwise.
        #[arg(long, conflicts_with = "no_scan_on_push")]
        scan_on_push: bool,
        /// Scan only when somebody asks: until then an image is unknown, and no policy that counts findings promotes it.
        #[arg(long)]
        no_scan_on_push: bool,
        #[arg(long, default_value = "")]
        description: String,
    },
    /// List the tags of a repository.
    Tags {
        name: RepoName,
    },
    Show {
        name: RepoName,
    },
    /// Change what is named here, and leave the rest.
    Update(Update),
    Delete {
        name: RepoName,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    name: RepoName,
    #[arg(long, value_parser = ["public", "private"])]
    visibility: Option<String>,
    /// Whether a tag, once pushed, keeps its digest for ever.
    #[arg(long, value_name = "BOOL")]
    immutable: Option<bool>,
    #[arg(long, value_name = "BOOL")]
    scan_on_push: Option<bool>,
    /// The most tags that are kept, 0 for all; see first what would go: `assay pruning limit`.
    #[arg(long, value_name = "NUMBER")]
    tag_limit: Option<u32>,
    #[arg(long)]
    description: Option<String>,
}

impl Update {
    /// Only what was said: a member that is absent changes nothing.
    fn body(&self) -> Value {
        let members = [
            ("visibility", self.visibility.clone().map(Value::from)),
            ("immutableTags", self.immutable.map(Value::from)),
            ("scanOnPush", self.scan_on_push.map(Value::from)),
            ("tagLimit", self.tag_limit.map(Value::from)),
            ("shortDescription", self.description.clone().map(Value::from)),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

impl Repository {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Repository::List => client.all("/api/v0/repositories?pageSize=1000").await,
            Repository::Search { text } => {
                let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
                let path = format!("/api/v0/index/autocomplete?includeRepositories=true&limit=1000&query={text}");
                Ok(json!({"repositories": client.get(&path).await?["repositoryResults"]}))
            }
            Repository::Create { name, public, immutable, scan_on_push, no_scan_on_push, description } => {
                // What was not said is the server's to decide.
                let mut body = json!({"name": name.name(), "shortDescription": description});
                if public {
                    body["visibility"] = "public".into();
                }
                if immutable {
                    body["immutableTags"] = true.into();
                }
                if scan_on_push || no_scan_on_push {
                    body["scanOnPush"] = scan_on_push.into();
                }
                client.post(&format!("/api/v0/repositories/{}", name.namespace()), body).await
            }
            Repository::Tags { name } => client.all(&format!("{}/tags?pageSize=1000", path(&name))).await,
            Repository::Show { name } => client.get(&path(&name)).await,
            Repository::Update(update) => client.call(Method::PATCH, &path(&update.name), Some(&update.body())).await,
            Repository::Delete { name } => client.delete(&path(&name)).await,
        }
    }
}

/// Where DTR's API has a repository: a name of more than two components has its other slashes encoded.
pub(super) fn path(name: &RepoName) -> String {
    format!("/api/v0/repositories/{}/{}", name.namespace(), name.name().replace('/', "%2F"))
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    List {
        source: RepoName,
    },
    /// Promote from one repository to another when all rules hold.
    Create {
        source: RepoName,
        target: RepoName,
        /// The tag in the target: `%n` keeps it, `latest` writes that.
        #[arg(long, default_value = "%n")]
        tag: String,
        /// `FIELD OPERATOR VALUE[,VALUE]`, as in `vulnerability_all lte 0`. Repeat for more; all must hold.
        #[arg(long = "rule", value_name = "RULE")]
        rules: Vec<String>,
        /// Also evaluate what is in the source already.
        #[arg(long)]
        apply: bool,
    },
    Delete {
        source: RepoName,
        id: String,
    },
}

impl Policy {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let path = |source: &RepoName| format!("{}/promotionPolicies", path(source));
        match self {
            Policy::List { source } => client.get(&path(&source)).await,
            Policy::Create { source, target, tag, rules, apply } => {
                let rules = rules.iter().map(|rule| parse_rule(rule)).collect::<Result<Vec<_>>>()?;
                let body = json!({"enabled": true, "rules": rules, "targetRepository": target, "tagTemplate": tag});
                client.post(&format!("{}?initialEvaluation={apply}", path(&source)), body).await
            }
            Policy::Delete { source, id } => client.delete(&format!("{}/{id}", path(&source))).await,
        }
    }
}

pub(super) fn parse_rule(text: &str) -> Result<Value> {
    let mut words = text.splitn(3, ' ');
    let (Some(field), Some(operator), Some(values)) = (words.next(), words.next(), words.next()) else {
        bail!("the rule {text:?} is not of the form FIELD OPERATOR VALUE[,VALUE]");
    };
    let values: Vec<&str> = values.split(',').map(str::trim).collect();
    Ok(json!({"field": field, "operator": operator, "values": values}))
}

/// The chain of a digest, from the commit to what runs.
#[derive(Debug, Args)]
pub(crate) struct Chain {
    digest: oci::Digest,
}

/// The chain was told, and the digest is not promoted and signed.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not promoted and signed; the last line of its chain says what is missing")]
pub(crate) struct Incomplete(oci::Digest);

impl Chain {
    /// Print the chain; an incomplete one ends with [`Incomplete`], so that a script can wait for the other end.
    pub(crate) async fn run(self, client: &Client, common: Common) -> Result<()> {
        let answer = client.get(&format!("/api/v1/chain/{}", self.digest)).await?;
        let story: chain::Story = serde_json::from_value(answer.clone()).context("the answer is no chain")?;
        match common.format {
            Format::Json => super::print(&answer, common)?,
            Format::Text => super::print(&Value::String(story.to_string()), common)?,
        }
        if story.complete { Ok(()) } else { Err(Incomplete(self.digest).into()) }
    }
}
