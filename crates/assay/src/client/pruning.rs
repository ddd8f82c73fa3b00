//! Pruning policies, and what a tag limit would drop.

use anyhow::Result;
use axum::http::Method;
use clap::{Args, Subcommand};
use oci::RepoName;
use serde_json::{Value, json};

use super::{
    Client,
    images::path,
    show::{Column, Text, line},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Pruning {
    /// The policies of a repository.
    List {
        repository: RepoName,
    },
    /// Delete tags by themselves when all rules hold.
    Create {
        #[command(flatten)]
        what: What,
        /// Only tags that are set from now on.
        #[arg(long)]
        future: bool,
    },
    /// What a policy would delete now, without deleting it.
    Test {
        #[command(flatten)]
        what: What,
        /// Every tag, also those that stay, with the reason.
        #[arg(long)]
        all: bool,
    },
    Delete {
        repository: RepoName,
        id: String,
    },
    /// What a tag limit would drop with the next push, and what would stay all the same.
    Limit {
        repository: RepoName,
        limit: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct What {
    repository: RepoName,
    /// `FIELD OPERATOR VALUE[,VALUE]`, as in `updated_at_duration bf 720h`. Repeat for more; all must hold.
    #[arg(long = "rule", value_name = "RULE", required = true)]
    rules: Vec<String>,
    /// Also tags that came by a promotion.
    #[arg(long)]
    promoted: bool,
}

impl What {
    fn body(&self) -> Result<Value> {
        let rules = self.rules.iter().map(|rule| rule.parse::<policy::Rule>()).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({"enabled": true, "rules": rules, "prunePromoted": self.promoted}))
    }
}

const TAGS: &[Column] = &[
    ("TAG", |one| line(&one["name"])),
    ("GOES", |one| if one["pruned"] == true { "yes" } else { "no" }.to_owned()),
    ("WHY", |one| match one["kept"].as_str() {
        Some(kept) => kept.to_owned(),
        None => {
            let reasons = one["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
            reasons.iter().map(line).collect::<Vec<_>>().join("; ")
        }
    }),
];

impl Pruning {
    pub(super) fn text(&self) -> Text {
        match self {
            Pruning::Test { .. } | Pruning::Limit { .. } => Text::Table(TAGS),
            Pruning::Delete { id, .. } => Text::Said(format!("{id} prunes nothing any more")),
            Pruning::List { .. } | Pruning::Create { .. } => Text::Whole,
        }
    }

    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let policies = |repository: &RepoName| format!("{}/pruningPolicies", path(repository));
        match self {
            Pruning::List { repository } => client.get(&policies(&repository)).await,
            Pruning::Create { what, future } => {
                let path = format!("{}?initialEvaluation={}", policies(&what.repository), !future);
                client.post(&path, what.body()?).await
            }
            Pruning::Test { what, all } => {
                let path = format!("{}/test?all={all}&pageSize=1000", policies(&what.repository));
                client.all_of(Method::POST, &path, Some(&what.body()?)).await
            }
            Pruning::Delete { repository, id } => client.delete(&format!("{}/{id}", policies(&repository))).await,
            Pruning::Limit { repository, limit } => {
                let path = path(&repository).replacen("v0", "v1", 1);
                client.get(&format!("{path}/tag-limit?limit={limit}")).await
            }
        }
    }
}
