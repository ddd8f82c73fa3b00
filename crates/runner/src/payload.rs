//! A job as the server hands it over, the fields the runner uses (`POST /jobs/request`, answer 201).

use std::fmt;

use base::Secret;
use serde::Deserialize;

/// One job. Fields a server may leave out have defaults; an unknown field is a newer server, not an error.
#[derive(Debug, Deserialize)]
pub(crate) struct Payload {
    pub id: u64,
    /// The job's own credential for trace, artifacts, git and registry.
    pub token: Secret,
    pub job_info: JobInfo,
    pub git_info: GitInfo,
    #[serde(default)]
    pub runner_info: RunnerInfo,
    #[serde(default, deserialize_with = "or_default")]
    pub variables: Vec<Variable>,
    #[serde(default, deserialize_with = "or_default")]
    pub steps: Vec<Step>,
    #[serde(default)]
    pub image: Option<Image>,
    #[serde(default, deserialize_with = "or_default")]
    pub services: Vec<Image>,
    #[serde(default, deserialize_with = "or_default")]
    pub artifacts: Vec<Artifact>,
    #[serde(default, deserialize_with = "or_default")]
    pub credentials: Vec<Credential>,
    #[serde(default, deserialize_with = "or_default")]
    pub dependencies: Vec<Dependency>,
    #[serde(default, deserialize_with = "or_default")]
    pub features: Features,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct JobInfo {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub project_full_path: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct GitInfo {
    /// Holds the job token as its password.
    pub repo_url: Secret,
    #[serde(default, rename = "ref")]
    pub reference: String,
    pub sha: String,
    #[serde(default, deserialize_with = "or_default")]
    pub refspecs: Vec<String>,
    /// 0: the whole history.
    #[serde(default, deserialize_with = "or_default")]
    pub depth: u32,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct RunnerInfo {
    /// Seconds.
    #[serde(default)]
    pub timeout: u64,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Variable {
    pub key: String,
    #[serde(default, deserialize_with = "or_default")]
    pub value: String,
    #[serde(default)]
    pub file: bool,
    #[serde(default)]
    pub masked: bool,
    /// Not to be expanded.
    #[serde(default)]
    pub raw: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub script: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub when: When,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    #[default]
    OnSuccess,
    OnFailure,
    Always,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Image {
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub entrypoint: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub pull_policy: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub executor_opts: ExecutorOptions,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ExecutorOptions {
    #[serde(default, deserialize_with = "or_default")]
    pub docker: DockerOptions,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct DockerOptions {
    #[serde(default)]
    pub user: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Artifact {
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub paths: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub exclude: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub when: When,
    #[serde(default, deserialize_with = "or_default")]
    pub expire_in: String,
    #[serde(default, deserialize_with = "or_default")]
    pub artifact_type: String,
    #[serde(default, deserialize_with = "or_default")]
    pub artifact_format: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Credential {
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub url: String,
    #[serde(default)]
    pub username: String,
    pub password: Option<Secret>,
}

/// A job whose artifacts this one wants.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    /// Opens that job's artifacts; newer servers send this job's own.
    pub token: Option<Secret>,
    #[serde(default)]
    pub artifacts_file: Option<ArtifactsFile>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ArtifactsFile {
    #[serde(default, deserialize_with = "or_default")]
    pub filename: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Features {
    #[serde(default, deserialize_with = "or_default")]
    pub token_mask_prefixes: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub failure_reasons: Vec<String>,
}

impl Payload {
    /// The lines of the step with this name.
    pub(crate) fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name && !step.script.is_empty())
    }

    /// What must never stand in a log.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let masked = self.variables.iter().filter(|variable| variable.masked).map(|variable| variable.value.as_str());
        let passwords = self.credentials.iter().filter_map(|credential| credential.password.as_ref());
        let tokens = self.dependencies.iter().filter_map(|dependency| dependency.token.as_ref());
        let tokens = tokens.chain(passwords).chain([&self.token]).map(|secret| secret.expose().as_str());
        masked.chain(tokens)
    }
}

impl When {
    pub(crate) fn applies(self, success: bool) -> bool {
        match self {
            When::OnSuccess => success,
            When::OnFailure => !success,
            When::Always => true,
        }
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Variable").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Servers send `null` where they mean "none".
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::Payload;

    #[test]
    fn takes_nulls_and_unknown_fields_and_shows_no_secret() {
        let text = r#"{"id":7,"token":"job-token-1","job_info":{"name":"build","project_full_path":"g/p","new":1},
            "git_info":{"repo_url":"http://gitlab-ci-token:job-token-1@h/g/p.git","sha":"abc","refspecs":null,"depth":null},
            "variables":[{"key":"P","value":"hidden-value","masked":true},{"key":"N","value":null}],
            "steps":[{"name":"script","script":["true"],"timeout":3600,"when":"on_success","allow_failure":false}],
            "image":{"name":"docker:latest","entrypoint":null,"executor_opts":null},"services":null,"artifacts":null,
            "credentials":[{"type":"registry","url":"h:1","username":"u","password":"other-secret"}],"features":null}"#;
        let payload: Payload = serde_json::from_str(text).unwrap();
        assert_eq!(payload.secrets().collect::<Vec<_>>(), ["hidden-value", "other-secret", "job-token-1"]);
        assert!(payload.step("script").is_some() && payload.step("after_script").is_none());
        let shown = format!("{payload:?}");
        for secret in ["hidden-value", "other-secret", "job-token-1"] {
            assert!(!shown.contains(secret));
        }
    }
}
