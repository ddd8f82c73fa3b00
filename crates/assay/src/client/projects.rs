//! Projects, variables, triggers, pipelines: GitLab's API.

use anyhow::{Result, bail};
use axum::http::StatusCode;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{Client, accounts::from_stdin, http::Refused};

/// `namespace/name`, written into a path as GitLab's clients do.
#[derive(Clone, Debug)]
pub(crate) struct ProjectPath {
    namespace: String,
    name: String,
}

impl std::str::FromStr for ProjectPath {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<ProjectPath> {
        let Some((namespace, name)) = text.split_once('/') else { bail!("a project has the form namespace/name") };
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !plain(namespace) || !plain(name) {
            bail!("{text:?} is no project: letters, digits, '.', '_' and '-' on both sides of one '/'");
        }
        Ok(ProjectPath { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl std::fmt::Display for ProjectPath {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.namespace, self.name)
    }
}

impl ProjectPath {
    fn api(&self) -> String {
        format!("/api/v4/projects/{}%2F{}", self.namespace, self.name)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Project {
    List,
    Create {
        project: ProjectPath,
        /// Run one pipeline at a time.
        #[arg(long)]
        one_at_a_time: bool,
    },
    Show {
        project: ProjectPath,
    },
}

impl Project {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Project::List => client.all("/api/v4/projects?per_page=100").await,
            Project::Create { project, one_at_a_time } => {
                let body = json!({
                    "name": project.name, "namespace_path": project.namespace, "ci_one_at_a_time": one_at_a_time,
                });
                client.post("/api/v4/projects", body).await
            }
            Project::Show { project } => client.get(&project.api()).await,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Variable {
    List {
        project: ProjectPath,
    },
    /// Set a variable; its value comes from standard input.
    Set {
        project: ProjectPath,
        key: String,
        /// Hide the value in job logs.
        #[arg(long)]
        masked: bool,
        /// Only for protected branches.
        #[arg(long)]
        protected: bool,
        /// Give the job a file with the value.
        #[arg(long)]
        file: bool,
    },
    Delete {
        project: ProjectPath,
        key: String,
    },
}

impl Variable {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Variable::List { project } => client.all(&format!("{}/variables?per_page=100", project.api())).await,
            Variable::Set { project, key, masked, protected, file } => {
                // `set` makes a variable what is said here, whether it is there already or not.
                let value = json!({
                    "key": key, "value": from_stdin()?, "masked": masked, "protected": protected,
                    "variable_type": if file { "file" } else { "env_var" },
                });
                let variables = format!("{}/variables", project.api());
                let mut answer = match client.put(&format!("{variables}/{key}"), value.clone()).await {
                    Err(error) if is_missing(&error) => client.post(&variables, value).await?,
                    outcome => outcome?,
                };
                // Whoever set it knows it, and a terminal or a log of a script is no place for it.
                answer.as_object_mut().and_then(|variable| variable.remove("value"));
                Ok(answer)
            }
            Variable::Delete { project, key } => client.delete(&format!("{}/variables/{key}", project.api())).await,
        }
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.status == StatusCode::NOT_FOUND)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Trigger {
    /// Make a trigger and print its token, this once.
    Create {
        project: ProjectPath,
        #[arg(long, default_value = "")]
        description: String,
    },
    List {
        project: ProjectPath,
    },
}

impl Trigger {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Trigger::Create { project, description } => {
                client.post(&format!("{}/triggers", project.api()), json!({"description": description})).await
            }
            Trigger::List { project } => client.all(&format!("{}/triggers?per_page=100", project.api())).await,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Pipeline {
    List {
        project: ProjectPath,
    },
    Show {
        project: ProjectPath,
        id: i64,
    },
    Jobs {
        project: ProjectPath,
        id: i64,
    },
    /// The log of a job.
    Log {
        project: ProjectPath,
        job: i64,
    },
    /// Stop the jobs of a pipeline that have not ended.
    Cancel {
        project: ProjectPath,
        id: i64,
    },
    /// Run the failed and cancelled jobs of a pipeline again.
    Retry {
        project: ProjectPath,
        id: i64,
    },
    /// Start a pipeline on a ref.
    Run {
        project: ProjectPath,
        ref_name: String,
    },
}

impl Pipeline {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Pipeline::List { project } => client.all(&format!("{}/pipelines?per_page=100", project.api())).await,
            Pipeline::Show { project, id } => client.get(&format!("{}/pipelines/{id}", project.api())).await,
            Pipeline::Jobs { project, id } => {
                client.all(&format!("{}/pipelines/{id}/jobs?per_page=100", project.api())).await
            }
            Pipeline::Log { project, job } => client.get(&format!("{}/jobs/{job}/trace", project.api())).await,
            Pipeline::Cancel { project, id } => {
                client.post(&format!("{}/pipelines/{id}/cancel", project.api()), json!({})).await
            }
            Pipeline::Retry { project, id } => {
                client.post(&format!("{}/pipelines/{id}/retry", project.api()), json!({})).await
            }
            Pipeline::Run { project, ref_name } => {
                client.post(&format!("{}/pipeline", project.api()), json!({"ref": ref_name})).await
            }
        }
    }
}
