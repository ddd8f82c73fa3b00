//! How the scan of what a tag names stands, in one value for the pages and for DTR's API.

use base::{Kind, Timestamp};
use db::Tx;
use oci::RepoName;
use policy::Counts;
use promote::Triage;
use registry::{Image, Registry};
use scan::{Age, State, Summary};

use crate::{App, error::ApiError};

/// The scan of an image, or of all images an index names together. Findings that are waived, or stated not to matter,
/// are counted in `waived` only.
#[derive(Clone, Debug)]
pub(crate) struct Scanned {
    pub(crate) stage: Stage,
    pub(crate) counts: Counts,
    pub(crate) finished_at: Option<Timestamp>,
    /// The label of the snapshot that the findings come from.
    pub(crate) snapshot: Option<String>,
    /// How old that is, where it is the one in use.
    pub(crate) age: Option<Age>,
    /// Advisories that are newer than these findings have not been held against it yet.
    pub(crate) outdated: bool,
    pub(crate) distribution: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Done,
    Pending,
    /// Read, but something in it could not be judged, and what.
    Unjudged(String),
    /// Nobody asked for a scan.
    Never,
    Failed(String),
    /// Not an image that could be scanned.
    NoImage,
}

/// Why the state of a scan cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Scan(#[from] scan::Error),
    #[error(transparent)]
    Promote(#[from] promote::Error),
}

impl Error {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Error::Registry(error) => error.kind(),
            Error::Scan(error) => error.kind(),
            Error::Promote(error) => error.kind(),
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> ApiError {
        ApiError::new(error.kind(), error)
    }
}

/// How the scan of an image stands in a repository. Whoever asks has shown that they may see it there.
pub(crate) async fn scanned(
    app: &App,
    tx: &mut Tx,
    now: Timestamp,
    repository: &RepoName,
    image: &Image,
) -> Result<Scanned, Error> {
    let mut scanned = with_triage(app, tx, now, repository, image).await?;
    if scanned.snapshot.is_some() && !scanned.outdated {
        scanned.age = Some(app.scan.age(tx, now).await?);
    }
    Ok(scanned)
}

async fn with_triage(
    app: &App,
    tx: &mut Tx,
    now: Timestamp,
    repository: &RepoName,
    image: &Image,
) -> Result<Scanned, Error> {
    if !image.is_index() {
        let scanned = of(app.scan.summary(tx, repository, &image.digest).await?, image.is_runnable());
        let triage = app.promote.triage(tx, now, repository, &[&image.digest]).await?;
        return Ok(scanned.less(app, tx, now, (repository, image), &triage).await?);
    }
    let members = Registry::members(tx, repository, &image.digest).await?;
    let mut all: Option<Scanned> = None;
    for child in &members.images {
        // What is said of the index is said of each image in it.
        let triage = app.promote.triage(tx, now, repository, &[&image.digest, &child.digest]).await?;
        let one = of(app.scan.summary(tx, repository, &child.digest).await?, true);
        let one = one.less(app, tx, now, (repository, child), &triage).await?;
        all = Some(match all {
            Some(all) => all.with(one),
            None => one,
        });
    }
    let mut all = all.unwrap_or_else(|| of(None, false));
    if let Some(absent) = members.absent.first() {
        all.stage = all.stage.max(Stage::Failed(format!("{absent}, which the index names, is not in the repository")));
    }
    Ok(all)
}

fn of(summary: Option<Summary>, runnable: bool) -> Scanned {
    let Some(summary) = summary else {
        let stage = if runnable { Stage::Never } else { Stage::NoImage };
        return Scanned {
            stage,
            counts: Counts::default(),
            finished_at: None,
            snapshot: None,
            age: None,
            outdated: false,
            distribution: None,
        };
    };
    let stage = match summary.state {
        State::Pending => Stage::Pending,
        State::Failed => Stage::Failed(summary.error.unwrap_or_else(|| "no reason was kept".to_owned())),
        State::Done if summary.unknown.is_empty() => Stage::Done,
        State::Done => Stage::Unjudged(summary.unknown.join("; ")),
    };
    Scanned {
        stage,
        counts: summary.counts,
        finished_at: summary.finished_at,
        snapshot: summary.snapshot_label,
        age: None,
        outdated: summary.outdated,
        distribution: summary.distribution,
    }
}

impl Scanned {
    /// The same with closed findings counted as such.
    async fn less(
        mut self,
        app: &App,
        tx: &mut Tx,
        now: Timestamp,
        image: (&RepoName, &Image),
        triage: &Triage,
    ) -> Result<Scanned, promote::Error> {
        if triage.is_empty() || self.counts == Counts::default() {
            return Ok(self);
        }
        for found in app.promote.found(tx, now, image, triage).await? {
            if found.is_open() {
                continue;
            }
            let count = found.finding.count_in(&mut self.counts);
            *count = count.saturating_sub(1);
            self.counts.waived += 1;
        }
        Ok(self)
    }

    /// Both together: an index is as unknown as the least known image in it.
    fn with(mut self, other: Scanned) -> Scanned {
        self.counts.critical += other.counts.critical;
        self.counts.major += other.counts.major;
        self.counts.minor += other.counts.minor;
        self.counts.unknown += other.counts.unknown;
        self.counts.waived += other.counts.waived;
        self.stage = self.stage.max(other.stage);
        self.finished_at = self.finished_at.max(other.finished_at);
        self.snapshot = self.snapshot.or(other.snapshot);
        self.outdated |= other.outdated;
        self.distribution = if self.distribution == other.distribution { self.distribution } else { None };
        self
    }

    /// DTR's `last_scan_status`: 0 failed, 1 not scanned, 3 waiting, 4 read but not all of it judged, 6 completed. A script
    /// that waits for 6 never takes an unknown image for a clean one.
    pub(crate) fn dtr_status(&self) -> u8 {
        match self.stage {
            Stage::Failed(_) => 0,
            Stage::Never | Stage::NoImage => 1,
            Stage::Pending => 3,
            Stage::Unjudged(_) => 4,
            Stage::Done => 6,
        }
    }

    /// Why nothing is known, if so.
    pub(crate) fn why_unknown(&self) -> Option<String> {
        match &self.stage {
            Stage::Done | Stage::Pending => None,
            Stage::Unjudged(why) => Some(why.clone()),
            Stage::Never => Some("not scanned".to_owned()),
            Stage::Failed(why) => Some(format!("the scan failed: {why}")),
            Stage::NoImage => Some("not an image that can run".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::Counts;

    use super::{Scanned, Stage};

    fn scanned(stage: Stage, critical: u64) -> Scanned {
        let counts = Counts { critical, ..Counts::default() };
        Scanned { stage, counts, finished_at: None, snapshot: None, age: None, outdated: false, distribution: None }
    }

    #[test]
    fn an_index_is_as_unknown_as_the_least_known_image_in_it() {
        let both = |a, b| scanned(a, 1).with(scanned(b, 2));
        assert_eq!(both(Stage::Done, Stage::Done).counts.critical, 3);
        for worse in [Stage::Pending, Stage::Unjudged("x".into()), Stage::Never, Stage::Failed("x".into())] {
            assert_eq!(both(Stage::Done, worse.clone()).stage, worse);
            assert_ne!(both(worse, Stage::Done).dtr_status(), 6);
        }
    }

    #[test]
    fn only_what_is_fully_known_is_completed() {
        for (stage, status) in [
            (Stage::Failed("x".into()), 0),
            (Stage::Never, 1),
            (Stage::NoImage, 1),
            (Stage::Pending, 3),
            (Stage::Unjudged("x".into()), 4),
            (Stage::Done, 6),
        ] {
            let scanned = scanned(stage, 0);
            assert_eq!(scanned.dtr_status(), status);
            assert_eq!(scanned.why_unknown().is_none(), matches!(status, 3 | 6));
        }
    }
}
