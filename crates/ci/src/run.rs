//! One pipeline: a plan that was put to work.

use base::{Actor, Credential, Id, Principal, Timestamp};
use forge::{CommitInfo, Oid, ProjectId, ProjectPath, RefName};
use pipeline::{Problem, Source};

use crate::PipelineStatus;

/// A pipeline of a project.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub id: i64,
    /// Its number within the project.
    pub iid: i64,
    pub project: ProjectId,
    pub path: ProjectPath,
    pub reference: RefName,
    pub sha: Oid,
    pub before: Oid,
    pub source: Source,
    pub status: PipelineStatus,
    pub name: Option<String>,
    /// For whom it acts; nobody's when the program itself started it.
    pub account: Option<Id<Principal>>,
    pub who: String,
    pub commit: CommitInfo,
    /// What is wrong with its file; then it has no jobs.
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
    pub trigger: Option<i64>,
    /// Whether its ref is protected, which its jobs' variables depend on.
    pub protected: bool,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

impl Pipeline {
    /// Whom a job of this pipeline acts for.
    pub(crate) fn actor(&self, job: i64, token: &str) -> Actor {
        match (&self.account, self.who.parse()) {
            (Some(account), Ok(name)) => Actor::Account(Principal {
                account: account.clone(),
                name,
                credential: Credential::JobToken { token: token.to_owned(), job },
            }),
            _ => Actor::Anonymous,
        }
    }
}
