//! Closures that share one commit of SQLite, and those who wait for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;

use crate::Error;

/// Closures that share one commit, and how far that is.
#[derive(Clone, Debug)]
pub(crate) struct Group(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stage: watch::Sender<Stage>,
    /// Whether somebody is on the way to commit it.
    claimed: AtomicBool,
}

/// What became of a group.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    Open,
    /// Everybody sees it, and a power cut may still undo it.
    Committed,
    /// It is there to stay.
    Kept,
    Failed(Error),
}

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    Committed,
    Kept,
}

impl Default for Group {
    fn default() -> Group {
        Group(Arc::new(Inner { stage: watch::Sender::new(Stage::Open), claimed: AtomicBool::new(false) }))
    }
}

impl Group {
    pub(crate) fn reach(&self, stage: Stage) {
        self.0.stage.send_replace(stage);
    }

    pub(crate) fn is_over(&self) -> bool {
        !matches!(*self.0.stage.borrow(), Stage::Open)
    }

    /// Whether the caller is the one who is to commit it: the first to ask.
    pub(crate) fn claim(&self) -> bool {
        !self.0.claimed.swap(true, Ordering::AcqRel)
    }

    /// Wait until the group is as far as the caller wants.
    pub(crate) async fn ended(&self, wait: Wait) -> Result<(), Error> {
        let mut stage = self.0.stage.subscribe();
        let reached = stage.wait_for(|stage| match stage {
            Stage::Open => false,
            Stage::Committed => wait == Wait::Committed,
            Stage::Kept | Stage::Failed(_) => true,
        });
        match reached.await.as_deref() {
            Ok(Stage::Failed(error)) => Err(error.clone()),
            Ok(_) => Ok(()),
            Err(error) => Err(Error::Unavailable(error.to_string())),
        }
    }
}

/// A group on its way; nobody waits for ever when this ends early.
pub(crate) struct Committing(pub(crate) Group);

impl Drop for Committing {
    fn drop(&mut self) {
        if matches!(*self.0.0.stage.borrow(), Stage::Open | Stage::Committed) {
            self.0.reach(Stage::Failed(Error::Unavailable("the commit was cut off".to_owned())));
        }
    }
}
