//! The verdicts that wait, on disk too: a guard that is killed loses none of them.
//!
//! ```text
//!   STATE_DIR/verdicts     one JSON object a line, the oldest first; grows by a line, is written anew when some were sent
//! ```
//!
//! A line is written and not synced: it outlives the process, and a verdict must not wait for a disk. What was sent is taken out
//! after the server has it, so that a kill in between reports it twice and never not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base::limits;

use crate::{Error, queue::Report};

/// The open file.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Lines in the file; more than wait when the oldest were dropped.
    lines: usize,
    /// The last write failed; said once, until one succeeds.
    failing: bool,
}

impl Journal {
    /// Open the file of a folder; gives what waited when the last guard ended. A line that was cut off is left out.
    pub(crate) fn open(folder: &Path) -> Result<(Journal, Vec<Report>), Error> {
        let path = folder.join("verdicts");
        let cannot = || Error::io(format!("cannot use {}", path.display()));
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            outcome => outcome.map_err(cannot())?,
        };
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut waiting = Vec::new();
        for line in lines {
            match serde_json::from_slice(line) {
                Ok(report) => waiting.push(report),
                Err(error) => tracing::warn!(%error, "a verdict on disk cannot be read and is left out"),
            }
        }
        let surplus = waiting.len().saturating_sub(limits::GUARD_QUEUE_VERDICTS);
        waiting.drain(..surplus);
        let file = rewritten(&path, waiting.iter()).map_err(cannot())?;
        Ok((Journal { path, file, lines: waiting.len(), failing: false }, waiting))
    }

    /// Add one that waits; `all` wait now.
    pub(crate) fn add<'a>(&mut self, report: &Report, all: impl Iterator<Item = &'a Report>) {
        let outcome = if self.lines < 2 * limits::GUARD_QUEUE_VERDICTS {
            self.lines += 1;
            self.file.write_all(&line(report))
        } else {
            self.write(all)
        };
        self.note(outcome);
    }

    /// Only these wait from now on.
    pub(crate) fn keep<'a>(&mut self, all: impl Iterator<Item = &'a Report>) {
        let outcome = self.write(all);
        self.note(outcome);
    }

    fn write<'a>(&mut self, all: impl Iterator<Item = &'a Report>) -> io::Result<()> {
        let mut lines = 0;
        let counted = all.inspect(|_| lines += 1);
        self.file = rewritten(&self.path, counted)?;
        self.lines = lines;
        Ok(())
    }

    /// A full disk must not keep the guard from answering.
    fn note(&mut self, outcome: io::Result<()>) {
        let failing = outcome.is_err();
        if let (Err(error), false) = (outcome, self.failing) {
            tracing::warn!(%error, path = %self.path.display(), "verdicts wait in memory only");
        }
        self.failing = failing;
    }
}

fn line(report: &Report) -> Vec<u8> {
    let mut line = serde_json::to_vec(report).expect("texts and a time have a JSON form");
    line.push(b'\n');
    line
}

/// Replace the file as a whole; gives it open for more.
fn rewritten<'a>(path: &Path, reports: impl Iterator<Item = &'a Report>) -> io::Result<File> {
    let temporary = path.with_extension("new");
    let bytes: Vec<u8> = reports.flat_map(line).collect();
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    file.write_all(&bytes)?;
    drop(file);
    fs::rename(&temporary, path)?;
    OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use crate::queue::{Queue, tests::report};

    fn paths(queue: &Queue) -> Vec<String> {
        queue.batch().into_iter().map(|report| report.path).collect()
    }

    #[test]
    fn what_waits_outlives_the_guard() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::open(folder.path()).unwrap();
        (0..5).for_each(|number| queue.push(report(number)));
        let batch = queue.batch();
        // No destructor runs in a process that is killed.
        std::mem::forget(queue);
        let queue = Queue::open(folder.path()).unwrap();
        assert_eq!(queue.batch(), batch);
        queue.sent(&batch[..3], queue.dropped());
        queue.push(report(5));
        std::mem::forget(queue);
        let queue = Queue::open(folder.path()).unwrap();
        assert_eq!(paths(&queue), ["3", "4", "5"]);
        queue.sent(&queue.batch(), 0);
        assert!(Queue::open(folder.path()).unwrap().batch().is_empty());
        assert_eq!(std::fs::metadata(folder.path().join("verdicts")).unwrap().len(), 0);
    }

    #[test]
    fn a_line_that_was_cut_off_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::open(folder.path()).unwrap();
        queue.push(report(1));
        let path = folder.path().join("verdicts");
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"at\":\"2026-01-01T00").unwrap();
        let queue = Queue::open(folder.path()).unwrap();
        queue.push(report(2));
        assert_eq!(paths(&Queue::open(folder.path()).unwrap()), ["1", "2"]);
    }

    #[test]
    fn the_file_is_bounded_too() {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::open(folder.path()).unwrap();
        let most = base::limits::GUARD_QUEUE_VERDICTS;
        (0..3 * most + 7).for_each(|number| queue.push(report(number)));
        let text = std::fs::read_to_string(folder.path().join("verdicts")).unwrap();
        assert!(text.lines().count() <= 2 * most);
        assert_eq!(paths(&Queue::open(folder.path()).unwrap())[0], (2 * most + 7).to_string());
    }
}
