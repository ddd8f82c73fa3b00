//! Verdicts that wait to be reported: in memory, and in a file for the next life.
//!
//! A verdict is in the file before the engine has its answer, so that a guard that is killed loses none. It is not synced:
//! of a machine that loses power, the last ones may be missing. The file is emptied when nothing waits; a guard that dies
//! just before reports what the server has already once more.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use base::{Timestamp, limits};
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::Error;

/// One verdict, as the server records it. Neither query nor body nor header is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    kept: Option<Kept>,
}

/// The file: one verdict of JSON a line, the oldest first.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl Queue {
    /// What the last life left, to be reported first.
    pub(crate) fn open(path: &Path) -> Result<Queue, Error> {
        let failed = || Error::io(format!("the verdicts in {}", path.display()));
        let mut reports = VecDeque::new();
        if let Ok(file) = File::open(path) {
            // The last line may have broken off.
            let lines = BufReader::new(file).lines().map_while(Result::ok);
            reports.extend(lines.filter_map(|line| serde_json::from_str::<Report>(&line).ok()));
            let over = reports.len().saturating_sub(limits::GUARD_QUEUE_VERDICTS);
            reports.drain(..over);
        }
        let kept = Kept::write(path, &reports).map_err(failed())?;
        Ok(Queue(Mutex::new(Waiting { reports, dropped: 0, kept: Some(kept) })))
    }

    pub(crate) fn push(&self, report: Report) {
        let mut waiting = self.lock();
        waiting.keep(&report);
        if waiting.reports.len() >= limits::GUARD_QUEUE_VERDICTS {
            waiting.reports.pop_front();
            waiting.dropped += 1;
            if waiting.dropped.is_power_of_two() {
                tracing::warn!(dropped = waiting.dropped, "verdicts are dropped: the server was away for too long");
            }
        }
        waiting.reports.push_back(report);
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
        waiting.tidy();
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nobody can panic while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// A full disk must not keep the engine waiting for its answer, so that all it costs is a line in the guard's log.
    fn keep(&mut self, report: &Report) {
        let Some(kept) = &mut self.kept else { return };
        let mut line = serde_json::to_vec(report).expect("a verdict is plain data");
        line.push(b'\n');
        kept.lines += 1;
        if let Err(error) = kept.file.write_all(&line) {
            tracing::warn!(%error, "a verdict is in memory only");
        }
        if kept.lines > 2 * limits::GUARD_QUEUE_VERDICTS {
            self.rewrite();
        }
    }

    fn tidy(&mut self) {
        let Some(kept) = &mut self.kept else { return };
        if self.reports.is_empty() {
            match kept.file.set_len(0) {
                Ok(()) => kept.lines = 0,
                Err(error) => tracing::warn!(%error, "verdicts that were reported are still in the file"),
            }
        }
    }

    fn rewrite(&mut self) {
        let Some(kept) = &mut self.kept else { return };
        match Kept::write(&kept.path, &self.reports) {
            Ok(new) => *kept = new,
            Err(error) => {
                // Tried again when as many more have come.
                kept.lines = 0;
                tracing::warn!(%error, "the file of verdicts could not be made smaller");
            }
        }
    }
}

impl Kept {
    /// Whole or not at all; what comes next is appended.
    fn write(path: &Path, reports: &VecDeque<Report>) -> std::io::Result<Kept> {
        let mut text = Vec::new();
        for report in reports {
            serde_json::to_writer(&mut text, report)?;
            text.push(b'\n');
        }
        let temporary = path.with_extension("new");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        file.write_all(&text)?;
        std::fs::rename(&temporary, path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        Ok(Kept { path: path.to_owned(), file, lines: reports.len() })
    }
}

#[cfg(test)]
mod tests {
    use base::{Timestamp, limits};

    use super::{Queue, Report};

    fn report(number: usize) -> Report {
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
    fn a_guard_that_died_reports_what_it_had_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verdicts");
        let paths = |queue: &Queue| queue.batch().iter().map(|report| report.path.clone()).collect::<Vec<_>>();
        let first = Queue::open(&path).unwrap();
        (0..3).for_each(|number| first.push(report(number)));
        drop(first);
        // A line that broke off is none; what comes after it is not lost with it.
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, b"{\"at\":").unwrap();
        let second = Queue::open(&path).unwrap();
        second.push(report(3));
        assert_eq!(paths(&second), ["0", "1", "2", "3"]);
        drop(second);
        let third = Queue::open(&path).unwrap();
        assert_eq!(paths(&third), ["0", "1", "2", "3"]);
        third.sent(&third.batch(), third.dropped());
        third.push(report(4));
        drop(third);
        assert_eq!(paths(&Queue::open(&path).unwrap()), ["4"]);
    }

    #[test]
    fn the_file_has_bounds_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verdicts");
        let queue = Queue::open(&path).unwrap();
        (0..2 * limits::GUARD_QUEUE_VERDICTS + 5).for_each(|number| queue.push(report(number)));
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= limits::GUARD_QUEUE_VERDICTS + 5, "{lines}");
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
