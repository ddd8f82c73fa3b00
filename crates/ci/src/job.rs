//! One job of a pipeline: one attempt, under one number.

use std::time::Duration;

use base::{Id, Timestamp};
use forge::ProjectId;
use identity::AccessToken;
use pipeline::{AllowFailure, PlannedJob};

use crate::{Attempt, FailureReason, JobStatus, progress::Step};

/// The time a job has when its file names none.
const TIMEOUT_DEFAULT_S: u64 = 3600;

/// A script may fail so long after an absence of this server because of it: the docker client gives a push up after half
/// a minute, and a runner that found nobody comes back with its report after a quarter of one.
const AFTERMATH: Duration = Duration::from_secs(120);

/// A job. `CI_JOB_ID` is its id; another attempt is another job.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: i64,
    pub pipeline: i64,
    pub project: ProjectId,
    /// What the file says of it.
    pub plan: PlannedJob,
    pub status: JobStatus,
    /// Of a delayed job.
    pub not_before: Option<Timestamp>,
    pub created_at: Timestamp,
    pub queued_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// When its runner was last heard of.
    pub contact_at: Option<Timestamp>,
    /// When this server last came back from an absence while the job ran.
    pub resumed_at: Option<Timestamp>,
    pub runner: Option<i64>,
    pub failure: Option<FailureReason>,
    pub exit_code: Option<i64>,
    /// The attempt before this one, and the one after it.
    pub retry_of: Option<i64>,
    pub retried_by: Option<i64>,
    pub(crate) token_hash: Option<String>,
    pub(crate) registry_token: Option<Id<AccessToken>>,
    pub trace: TraceState,
}

/// How far a log has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceState {
    /// Bytes that the runner sent.
    pub received: i64,
    /// Bytes that are kept: masked.
    pub kept: i64,
    /// CRC32 of what the runner sent.
    pub(crate) crc: u32,
    /// How often it was asked to send all of it again.
    pub(crate) resets: i64,
}

impl Job {
    /// Whether its failure counts for nothing.
    pub fn may_fail(&self) -> bool {
        match &self.plan.allow_failure {
            AllowFailure::No => false,
            AllowFailure::Yes => true,
            AllowFailure::ExitCodes(codes) => self.exit_code.is_some_and(|code| codes.contains(&code)),
        }
    }

    pub fn timeout_seconds(&self) -> u64 {
        self.plan.timeout_seconds.unwrap_or(TIMEOUT_DEFAULT_S)
    }

    /// How this attempt failed, for [`crate::tried_again`]; nothing when it did not.
    pub(crate) fn attempt(&self) -> Option<Attempt> {
        let soon_after = |(resumed, finished): (Timestamp, Timestamp)| {
            resumed.checked_add(AFTERMATH).is_ok_and(|until| finished <= until)
        };
        let outage = self.resumed_at.zip(self.finished_at).is_some_and(soon_after);
        self.failure.map(|reason| Attempt { reason, exit_code: self.exit_code, outage })
    }

    /// The job as the order of jobs sees it.
    pub(crate) fn step(&self) -> Step {
        Step {
            id: self.id,
            name: self.plan.name.clone(),
            stage_index: self.plan.stage_index,
            status: self.status,
            when: self.plan.when,
            may_fail: self.may_fail(),
            needs: self.plan.needs.as_ref().map(|needs| needs.iter().map(|need| need.job.clone()).collect()),
        }
    }
}
