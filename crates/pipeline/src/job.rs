//! The nouns of a job, as the file says them. They are stored with a plan and go to the runner from there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    select::{Rule, Selector},
    yaml::Mark,
};

/// A container to run in, or a service beside it. Its fields are expanded by the runner, not here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub name: String,
    pub alias: Option<String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub pull_policy: Vec<String>,
    pub platform: Option<String>,
    pub user: Option<String>,
    pub variables: Vec<YamlVariable>,
}

/// A variable that the file declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YamlVariable {
    pub key: String,
    pub value: String,
    /// `expand: false`: references in the value are no references.
    pub raw: bool,
    /// For the page on which a person starts a pipeline.
    pub description: Option<String>,
    pub options: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    OnSuccess,
    OnFailure,
    Always,
    Manual,
    Delayed,
    Never,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllowFailure {
    No,
    Yes,
    ExitCodes(Vec<i64>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    pub job: String,
    /// Whether its artifacts are fetched.
    pub artifacts: bool,
    /// Whether it may be absent from the pipeline.
    pub optional: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifacts {
    pub name: Option<String>,
    pub paths: Vec<String>,
    pub exclude: Vec<String>,
    pub untracked: bool,
    /// `on_success` when absent.
    pub when: Option<When>,
    /// Text as written, for the runner; it was checked to be a duration or `never`.
    pub expire_in: Option<String>,
    /// The same in seconds; `None` for `never` and when absent.
    pub expire_in_seconds: Option<u64>,
    pub expose_as: Option<String>,
    /// Kind (`junit`, `dotenv`, …) and paths.
    pub reports: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    pub key: CacheKey,
    pub paths: Vec<String>,
    pub untracked: bool,
    /// `pull-push`, `pull` or `push`.
    pub policy: String,
    pub when: When,
    pub fallback_keys: Vec<String>,
    /// Shared between protected and other refs.
    pub unprotect: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheKey {
    Text(String),
    /// Hashed from the last commits that touched these files, by whoever knows the repository.
    Files {
        files: Vec<String>,
        prefix: Option<String>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// 0, 1 or 2.
    pub max: u8,
    /// Failure reasons; empty means always.
    pub when: Vec<String>,
    pub exit_codes: Vec<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    pub name: String,
    pub url: Option<String>,
    /// `start` when absent.
    pub action: Option<String>,
    pub on_stop: Option<String>,
    pub auto_stop_in_seconds: Option<u64>,
    pub deployment_tier: Option<String>,
}

/// What `default` may say for every job, and a job for itself. `None` is "not said", an empty list is "none".
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    pub image: Option<Image>,
    pub services: Option<Vec<Image>>,
    pub before_script: Option<Vec<String>>,
    pub after_script: Option<Vec<String>>,
    pub cache: Option<Vec<Cache>>,
    pub artifacts: Option<Artifacts>,
    pub retry: Option<Retry>,
    pub timeout_seconds: Option<u64>,
    pub interruptible: Option<bool>,
    pub tags: Option<Vec<String>>,
}

/// One job of the file, before it is known whether it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Job {
    pub name: String,
    pub mark: Mark,
    /// Bytes it takes, about: what one more copy costs.
    pub weight: usize,
    pub stage: String,
    pub script: Vec<String>,
    pub settings: Settings,
    pub variables: Vec<YamlVariable>,
    pub when: Option<When>,
    pub start_in_seconds: Option<u64>,
    pub allow_failure: Option<AllowFailure>,
    pub needs: Option<Vec<Need>>,
    pub dependencies: Option<Vec<String>>,
    pub rules: Option<Vec<Rule>>,
    pub only: Option<Selector>,
    pub except: Option<Selector>,
    pub environment: Option<Environment>,
    pub resource_group: Option<String>,
    pub coverage: Option<String>,
}
