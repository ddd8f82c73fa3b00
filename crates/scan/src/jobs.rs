//! The jobs of this context: scanning what was pushed, matching again what is stored.

use base::{Ctx, Kind};
use jobs::{Failure, Job};
use oci::{Digest, RepoName, Tag};
use serde::{Deserialize, Serialize};

use crate::{Error, Scan};

/// Runs for each `image.pushed`, and for each scan that somebody asks for.
pub const IMAGE_JOB: &str = "scan.image";
/// Runs when the snapshot changed.
pub const REMATCH_JOB: &str = "scan.rematch";

/// Runs when the program is newer than what scanned some images, and when somebody asks for all of them.
pub const RENEW_JOB: &str = "scan.renew";

/// Which images [`RENEW_JOB`] scans again.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Renew {
    /// All that were ever scanned.
    All,
    /// Those of an older scanner.
    #[default]
    Outdated,
}

/// What `scan.image` needs of an event.
#[derive(Debug, Deserialize)]
struct Pushed {
    repository: RepoName,
    tag: Option<Tag>,
    digest: Digest,
    /// Scan also when the repository does not scan on push: somebody asked.
    #[serde(default)]
    asked: bool,
}

impl Scan {
    /// Handle a job of kind [`IMAGE_JOB`].
    pub async fn run_image(&self, ctx: Ctx, job: Job) -> Result<(), Failure> {
        let event = job.event()?;
        let pushed: Pushed = serde_json::from_value(event.data).map_err(Failure::last)?;
        let tag = pushed.tag.as_ref();
        self.scan_pushed(&ctx, &pushed.repository, tag, &pushed.digest, pushed.asked).await.map_err(failure)
    }

    /// Handle a job of kind [`RENEW_JOB`].
    pub async fn run_renew(&self, ctx: Ctx, job: Job) -> Result<(), Failure> {
        let which = serde_json::from_value(job.payload).map_err(Failure::last)?;
        self.renew(&ctx, which).await.map_err(failure)
    }

    /// Handle a job of kind [`REMATCH_JOB`].
    pub async fn run_rematch(&self, ctx: Ctx, _job: Job) -> Result<(), Failure> {
        self.rematch(&ctx).await.map_err(failure)
    }
}

fn failure(error: Error) -> Failure {
    match error.kind() {
        Kind::Unavailable | Kind::Internal | Kind::Conflict => Failure::retry(error),
        _ => Failure::last(error),
    }
}
