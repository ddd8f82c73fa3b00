//! Verdicts that wait to be reported.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base::{Timestamp, limits};
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::{Error, journal::Journal};

/// One verdict, as the server records it. Neither query nor body nor header is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) at: Timestamp,
    /// Empty for the engine's unix socket.
    pub(crate) user: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// As it was asked for.
    pub(crate) image: Option<String>,
    pub(crate) digest: Option<Digest>,
    pub(crate) allowed: bool,
    pub(crate) reason: String,
}

/// The oldest first; bounded, so that a server that is away costs no more than the limit.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    reports: VecDeque<Report>,
    dropped: u64,
    /// None in tests that look at memory only.
    journal: Option<Journal>,
}

impl Queue {
    /// What waited in this folder when the last guard ended, and a place for more.
    pub(crate) fn open(folder: &Path) -> Result<Queue, Error> {
        let (journal, reports) = Journal::open(folder)?;
        Ok(Queue(Mutex::new(Waiting { reports: reports.into(), dropped: 0, journal: Some(journal) })))
    }

    pub(crate) fn push(&self, report: Report) {
        let mut waiting = self.lock();
        if waiting.reports.len() >= limits::GUARD_QUEUE_VERDICTS {
            waiting.reports.pop_front();
            waiting.dropped += 1;
            if waiting.dropped.is_power_of_two() {
                tracing::warn!(dropped = waiting.dropped, "verdicts are dropped: the server was away for too long");
            }
        }
        waiting.reports.push_back(report);
        let Waiting { reports, journal, .. } = &mut *waiting;
        if let (Some(journal), Some(report)) = (journal, reports.back()) {
            journal.add(report, reports.iter());
        }
    }

    /// The oldest reports, for one message. They stay until [`Queue::sent`], so that a lost message loses nothing.
    pub(crate) fn batch(&self) -> Vec<Report> {
        self.lock().reports.iter().take(limits::ADMISSION_REPORT_VERDICTS).cloned().collect()
    }

    /// The server has them; `dropped` meanwhile were the oldest too.
    pub(crate) fn sent(&self, batch: &[Report], dropped_before: u64) {
        let mut waiting = self.lock();
        let dropped = usize::try_from(waiting.dropped - dropped_before).unwrap_or(usize::MAX);
        let rest = batch.len().saturating_sub(dropped).min(waiting.reports.len());
        waiting.reports.drain(..rest);
        let Waiting { reports, journal, .. } = &mut *waiting;
        if let Some(journal) = journal {
            journal.keep(reports.iter());
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nobody can panic while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use base::{Timestamp, limits};

    use super::{Queue, Report};

    pub(crate) fn report(number: usize) -> Report {
        Report {
            at: Timestamp::UNIX_EPOCH,
            user: String::new(),
            method: "POST".to_owned(),
            path: number.to_string(),
            image: None,
            digest: None,
            allowed: false,
            reason: String::new(),
        }
    }

    #[test]
    fn keeps_order_and_bounds_and_loses_nothing_that_was_not_sent() {
        let queue = Queue::default();
        (0..limits::GUARD_QUEUE_VERDICTS).for_each(|number| queue.push(report(number)));
        let (batch, dropped) = (queue.batch(), queue.dropped());
        assert_eq!(batch.len(), limits::ADMISSION_REPORT_VERDICTS);
        // While the batch is under way, five more come and push out the five oldest, which are in the batch.
        (0..5).for_each(|number| queue.push(report(100_000 + number)));
        queue.sent(&batch, dropped);
        assert_eq!(queue.batch()[0].path, limits::ADMISSION_REPORT_VERDICTS.to_string());
        let batch = queue.batch();
        queue.sent(&batch, queue.dropped());
        assert_eq!(queue.batch()[0].path, (2 * limits::ADMISSION_REPORT_VERDICTS).to_string());
    }
}
