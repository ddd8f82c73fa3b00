//! What a plan depends on beside the file: who started the pipeline, on which ref, with which variables and files.

use std::{collections::BTreeMap, fmt, str};

use serde::{Deserialize, Serialize};

use crate::variable::{TooMuchExpansion, Variable, expand_all};

/// Everything about one push, trigger or click that the file may ask about.
#[derive(Clone, Debug)]
pub struct Situation {
    pub source: Source,
    /// Without `refs/heads/` or `refs/tags/`.
    pub ref_name: String,
    pub ref_type: RefType,
    pub default_branch: String,
    /// Predefined variables the caller knows (`CI_PROJECT_PATH`, `CI_COMMIT_MESSAGE`, …): the file overrides them. Those
    /// that follow from the other fields are added by the plan.
    pub predefined: Vec<Variable>,
    /// Project, then pipeline (trigger, API) variables, of a repeated key the last counting: they override the file.
    pub variables: Vec<Variable>,
    /// Paths that the push changed. `None` when that is not known (a new branch, a tag, no push): `changes` then holds.
    pub changed_files: Option<Vec<String>>,
    /// Paths of all files of the commit. `None` when they were not listed: `exists` then holds.
    pub files: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefType {
    Branch,
    Tag,
}

/// Who started a pipeline: the values of `CI_PIPELINE_SOURCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Push,
    Web,
    Trigger,
    Schedule,
    Api,
    /// Another pipeline, by its job token.
    Pipeline,
}

const SOURCES: [(Source, &str); 6] = [
    (Source::Push, "push"),
    (Source::Web, "web"),
    (Source::Trigger, "trigger"),
    (Source::Schedule, "schedule"),
    (Source::Api, "api"),
    (Source::Pipeline, "pipeline"),
];

impl Source {
    pub fn as_str(self) -> &'static str {
        SOURCES.iter().find(|(source, _)| *source == self).map_or("push", |(_, name)| name)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl str::FromStr for Source {
    type Err = base::InvalidName;

    fn from_str(text: &str) -> Result<Source, base::InvalidName> {
        let found = SOURCES.iter().find(|(_, name)| *name == text).map(|(source, _)| *source);
        found.ok_or_else(|| {
            base::InvalidName::new("pipeline source", text, "push, web, trigger, schedule, api or pipeline")
        })
    }
}

impl Situation {
    /// The lowest layer of variables: what follows from the situation, then what the caller predefined.
    pub(crate) fn lowest(&self) -> Layers {
        let mut layers = Layers::default();
        let mut set = |key: &str, value: &str| layers.lay(&Variable::public(key, value));
        set("CI", "true");
        set("GITLAB_CI", "true");
        set("CI_PIPELINE_SOURCE", self.source.as_str());
        set("CI_DEFAULT_BRANCH", &self.default_branch);
        set("CI_COMMIT_REF_NAME", &self.ref_name);
        set("CI_COMMIT_REF_SLUG", &slug(&self.ref_name));
        set(if self.ref_type == RefType::Tag { "CI_COMMIT_TAG" } else { "CI_COMMIT_BRANCH" }, &self.ref_name);
        self.predefined.iter().for_each(|variable| layers.lay(variable));
        layers
    }
}

/// `CI_COMMIT_REF_SLUG`, `CI_JOB_NAME_SLUG`: lower case, 63 bytes, everything but letters and digits a `-`, none at the ends.
pub(crate) fn slug(text: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let slug: String = text.to_lowercase().chars().map(letter).take(63).collect();
    slug.trim_matches('-').to_owned()
}

/// Variables by key; what is laid later covers what was there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers(BTreeMap<String, Variable>);

impl Layers {
    pub fn lay(&mut self, variable: &Variable) {
        self.0.insert(variable.key.clone(), variable.clone());
    }

    pub fn cover(&mut self, key: &str, value: &str) {
        self.lay(&Variable::public(key, value));
    }

    /// Bytes of all keys and values: what one more copy costs.
    pub fn bytes(&self) -> usize {
        self.0.values().map(|variable| variable.key.len() + variable.value.len()).sum()
    }

    /// Keys and values with references in each other replaced.
    pub fn expanded(self) -> Result<BTreeMap<String, String>, TooMuchExpansion> {
        let variables: Vec<Variable> = self.0.into_values().collect();
        Ok(expand_all(&variables)?.into_iter().map(|variable| (variable.key, variable.value)).collect())
    }
}
