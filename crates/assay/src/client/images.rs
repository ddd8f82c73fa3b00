//! Repositories, policies, chains.

use std::path::{Path, PathBuf};

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
        /// Take pushes from robots and jobs of pipelines only.
        #[arg(long)]
        only_robots_push: bool,
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
    /// Whether pushes are taken from robots and jobs of pipelines only.
    #[arg(long, value_name = "BOOL")]
    only_robots_push: Option<bool>,
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
            ("onlyRobotsPush", self.only_robots_push.map(Value::from)),
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
            Repository::Create {
                name,
                public,
                immutable,
                scan_on_push,
                no_scan_on_push,
                only_robots_push,
                description,
            } => {
                // What was not said is the server's to decide.
                let mut body = json!({"name": name.name(), "shortDescription": description});
                if public {
                    body["visibility"] = "public".into();
                }
                if immutable {
                    body["immutableTags"] = true.into();
                }
                if only_robots_push {
                    body["onlyRobotsPush"] = true.into();
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
        #[command(flatten)]
        draft: Draft,
        /// Also evaluate what is in the source already.
        #[arg(long)]
        apply: bool,
    },
    /// Try a draft: what it would promote of what is in the source now, or of what was decided before. Nothing is kept.
    Test {
        #[command(flatten)]
        draft: Draft,
        /// On every decision of the past, with the evidence of that time.
        #[arg(long)]
        past: bool,
    },
    Delete {
        source: RepoName,
        id: String,
    },
}

/// A policy that is not there yet.
#[derive(Debug, Args)]
pub(crate) struct Draft {
    source: RepoName,
    target: RepoName,
    /// The tag in the target: `%n` keeps it, `latest` writes that.
    #[arg(long, default_value = "%n")]
    tag: String,
    /// `FIELD OPERATOR VALUE`, as in `vulnerability_all lte 0`; with `oo` and `noo` `VALUE[,VALUE]`. Repeat for more; all must hold.
    #[arg(long = "rule", value_name = "RULE")]
    rules: Vec<String>,
    /// Rules in JSON, with groups (any, all, not) among them: an array, or an object with "rules". `-` reads them from the input.
    #[arg(long, value_name = "FILE", conflicts_with = "rules")]
    from: Option<PathBuf>,
}

impl Draft {
    fn body(&self) -> Result<Value> {
        let mut body = json!({"enabled": true, "targetRepository": self.target, "tagTemplate": self.tag});
        match &self.from {
            Some(file) => take_from(file, &mut body)?,
            None => {
                let rules = self.rules.iter().map(|rule| rule.parse::<policy::Rule>());
                body["rules"] = json!(rules.collect::<Result<Vec<_>, _>>()?);
            }
        }
        Ok(body)
    }
}

impl Policy {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let path = |source: &RepoName| format!("{}/promotionPolicies", path(source));
        match self {
            Policy::List { source } => client.get(&path(&source)).await,
            Policy::Create { draft, apply } => {
                client.post(&format!("{}?initialEvaluation={apply}", path(&draft.source)), draft.body()?).await
            }
            Policy::Test { draft, past } => {
                let body = draft.body()?;
                let (path, mut trials) = (path(&draft.source).replacen("v0", "v1", 1), Vec::new());
                let mut start = String::new();
                loop {
                    let mut query = form_urlencoded::Serializer::new(String::new());
                    query.append_pair("past", if past { "true" } else { "false" }).append_pair("pageStart", &start);
                    let mut page = client.post(&format!("{path}/test?{}", query.finish()), body.clone()).await?;
                    if let Value::Array(found) = page["trials"].take() {
                        trials.extend(found);
                    }
                    match page["nextPageStart"].as_str() {
                        Some(next) => start = next.to_owned(),
                        None => return Ok(json!({"trials": trials})),
                    }
                }
            }
            Policy::Delete { source, id } => client.delete(&format!("{}/{id}", path(&source))).await,
        }
    }
}

/// Take the rules of a file into a policy, and what else a policy may say of them.
fn take_from(file: &Path, policy: &mut Value) -> Result<()> {
    let name = file.display();
    let text = match file.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()).context("read the rules from the input")?,
        _ => std::fs::read_to_string(file).with_context(|| format!("read the rules in {name}"))?,
    };
    let given: Value = serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))?;
    let members = match given {
        Value::Array(_) => json!({"rules": given}),
        given => given,
    };
    let members = members.as_object().filter(|members| members.contains_key("rules"));
    let Some(members) = members else { bail!("{name} is no array of rules, and no object with \"rules\"") };
    for (member, value) in members {
        match member.as_str() {
            "rules" | "ignoreUnknownSeverities" | "enabled" => policy[member] = value.clone(),
            // Of a policy as `assay policy list` shows it.
            "id" | "digest" | "lastPromotedAt" | "sourceRepository" | "targetRepository" | "tagTemplate" => {}
            other => bail!("{name} has {other:?}; known are rules, ignoreUnknownSeverities and enabled"),
        }
    }
    Ok(())
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
