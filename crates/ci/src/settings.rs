//! The nouns of a project's settings: variables, triggers; and runners.

use std::{fmt, str::FromStr};

use base::{Id, InvalidName, Principal, Secret, Timestamp};
use forge::ProjectId;

/// A variable of a project. Its value is opened for those who may administer the project, and for jobs.
#[derive(Clone, Debug)]
pub struct Variable {
    pub key: String,
    pub value: Secret,
    /// The job gets the path of a file that holds the value.
    pub file: bool,
    pub masked: bool,
    /// Only for jobs of protected refs.
    pub protected: bool,
    /// References in the value are no references.
    pub raw: bool,
    pub description: String,
}

/// A variable to be created, or what changes about one.
#[derive(Clone, Debug, Default)]
pub struct NewVariable {
    pub value: Option<Secret>,
    pub file: Option<bool>,
    pub masked: Option<bool>,
    pub protected: Option<bool>,
    pub raw: Option<bool>,
    pub description: Option<String>,
}

/// A token that starts pipelines in its owner's name.
#[derive(Clone, Debug)]
pub struct Trigger {
    pub id: i64,
    pub project: ProjectId,
    /// The first letters of the token, to tell several apart.
    pub short: String,
    pub description: String,
    pub owner: Id<Principal>,
    pub who: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_used: Option<Timestamp>,
}

/// A runner, or a group of machines that share one token.
#[derive(Clone, Debug)]
pub struct Runner {
    pub id: i64,
    pub kind: RunnerKind,
    pub short: String,
    pub description: String,
    pub tags: Vec<String>,
    pub run_untagged: bool,
    pub paused: bool,
    /// Takes only jobs of protected refs.
    pub protected: bool,
    pub maximum_timeout: Option<i64>,
    /// What the last machine with its token said of itself, JSON.
    pub info: String,
    pub created_at: Timestamp,
    pub contacted_at: Option<Timestamp>,
}

/// Whose jobs a runner takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunnerKind {
    Instance,
    Project(ProjectId),
}

impl Variable {
    pub(crate) fn flags(&self) -> String {
        let flags = [(self.file, "file"), (self.masked, "masked"), (self.protected, "protected"), (self.raw, "raw")];
        let set: Vec<&str> = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
        set.join("+")
    }
}

impl Runner {
    /// What the log keeps of a runner.
    pub(crate) fn state(&self) -> String {
        let paused = if self.paused { " paused" } else { "" };
        let protected = if self.protected { " protected" } else { "" };
        format!("{} tags={} untagged={}{paused}{protected}", self.kind, self.tags.join(","), self.run_untagged)
    }
}

impl Trigger {
    /// What the log keeps of a trigger.
    pub(crate) fn state(&self) -> String {
        format!("project={} owner={}", self.project, self.who)
    }
}

impl fmt::Display for RunnerKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunnerKind::Instance => out.write_str("instance_type"),
            RunnerKind::Project(project) => write!(out, "project_type:{project}"),
        }
    }
}

impl FromStr for RunnerKind {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<RunnerKind, InvalidName> {
        if text == "instance_type" {
            return Ok(RunnerKind::Instance);
        }
        let project = text.strip_prefix("project_type:").and_then(|id| id.parse().ok());
        let project = project.ok_or_else(|| InvalidName::new("runner type", text, "instance_type or project_type"))?;
        Ok(RunnerKind::Project(ProjectId(project)))
    }
}
