//! The states of a job and of a pipeline.
//!
//! ```text
//!             ┌──────────► manual ──play──┐
//!             │                           ▼
//!   created ──┼──► waiting_for_resource ─► pending ──► running ──┬──► success
//!             │                           │                      ├──► failed
//!             └──► skipped                └── canceled ◄─────────┘
//! ```

use std::{fmt, str::FromStr};

use base::InvalidName;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// Waits for jobs before it.
    Created,
    /// Waits for another job of its resource group.
    WaitingForResource,
    /// Waits for a runner.
    Pending,
    Running,
    Success,
    Failed,
    Canceled,
    Skipped,
    /// Waits for a person.
    Manual,
}

/// What can happen to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobEvent {
    /// Its turn has come.
    Queue,
    /// Its turn has come, and its resource is taken.
    Wait,
    /// Its turn has come, and a person shall start it.
    Hold,
    Skip,
    /// A runner took it.
    Assign,
    Succeed,
    Fail,
    Cancel,
    /// A job before it is tried again.
    Reset,
}

/// A job cannot do this in its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {status} cannot {}", event.verb())]
pub struct Refused {
    pub status: JobStatus,
    pub event: JobEvent,
}

impl JobStatus {
    pub const ALL: [JobStatus; 9] = [
        JobStatus::Created,
        JobStatus::WaitingForResource,
        JobStatus::Pending,
        JobStatus::Running,
        JobStatus::Success,
        JobStatus::Failed,
        JobStatus::Canceled,
        JobStatus::Skipped,
        JobStatus::Manual,
    ];

    /// The state after an event.
    pub fn next(self, event: JobEvent) -> Result<JobStatus, Refused> {
        use JobEvent as E;
        use JobStatus as S;
        match (self, event) {
            (S::Created | S::Manual | S::WaitingForResource, E::Queue) => Ok(S::Pending),
            (S::Created | S::Manual, E::Wait) => Ok(S::WaitingForResource),
            (S::Created, E::Hold) => Ok(S::Manual),
            (S::Created | S::Manual, E::Skip) => Ok(S::Skipped),
            (S::Pending, E::Assign) => Ok(S::Running),
            (S::Running, E::Succeed) => Ok(S::Success),
            (S::Running | S::Pending, E::Fail) => Ok(S::Failed),
            (S::Created | S::WaitingForResource | S::Pending | S::Running | S::Manual, E::Cancel) => Ok(S::Canceled),
            (S::Skipped, E::Reset) => Ok(S::Created),
            _ => Err(Refused { status: self, event }),
        }
    }

    /// Whether nothing more happens to the job by itself.
    pub fn is_finished(self) -> bool {
        matches!(self, JobStatus::Success | JobStatus::Failed | JobStatus::Canceled | JobStatus::Skipped)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            JobStatus::Created => "created",
            JobStatus::WaitingForResource => "waiting_for_resource",
            JobStatus::Pending => "pending",
            JobStatus::Running => "running",
            JobStatus::Success => "success",
            JobStatus::Failed => "failed",
            JobStatus::Canceled => "canceled",
            JobStatus::Skipped => "skipped",
            JobStatus::Manual => "manual",
        }
    }
}

impl JobEvent {
    fn verb(self) -> &'static str {
        match self {
            JobEvent::Queue => "be queued",
            JobEvent::Wait => "wait for its resource",
            JobEvent::Hold => "wait for a person",
            JobEvent::Skip => "be skipped",
            JobEvent::Assign => "be given to a runner",
            JobEvent::Succeed => "succeed",
            JobEvent::Fail => "fail",
            JobEvent::Cancel => "be canceled",
            JobEvent::Reset => "wait again",
        }
    }
}

/// The state of a pipeline, which follows from its jobs: [`crate::progress::summary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PipelineStatus {
    Created,
    /// An earlier pipeline of its project, or of a job's resource group, comes first.
    WaitingForResource,
    Pending,
    Running,
    Success,
    Failed,
    Canceled,
    Skipped,
    Manual,
}

const PIPELINE: [(PipelineStatus, &str); 9] = [
    (PipelineStatus::Created, "created"),
    (PipelineStatus::WaitingForResource, "waiting_for_resource"),
    (PipelineStatus::Pending, "pending"),
    (PipelineStatus::Running, "running"),
    (PipelineStatus::Success, "success"),
    (PipelineStatus::Failed, "failed"),
    (PipelineStatus::Canceled, "canceled"),
    (PipelineStatus::Skipped, "skipped"),
    (PipelineStatus::Manual, "manual"),
];

impl PipelineStatus {
    pub fn as_str(self) -> &'static str {
        PIPELINE.iter().find(|(status, _)| *status == self).map_or("created", |(_, word)| word)
    }

    /// Whether it has come to its end (a person may reopen it by trying a job again).
    pub fn is_finished(self) -> bool {
        use PipelineStatus as S;
        matches!(self, S::Success | S::Failed | S::Canceled | S::Skipped)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for JobStatus {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<JobStatus, InvalidName> {
        let found = JobStatus::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| InvalidName::new("job status", text, "a word such as pending, running, success or failed"))
    }
}

impl fmt::Display for PipelineStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for PipelineStatus {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<PipelineStatus, InvalidName> {
        let found = PIPELINE.iter().find(|(_, word)| *word == text).map(|(status, _)| *status);
        found.ok_or_else(|| InvalidName::new("pipeline status", text, "a word such as running, success or failed"))
    }
}
