//! What a verification found: each problem says what, where, and what to do.

use base::limits;
use serde::Serialize;
use tlog::Checkpoint;

/// The outcome of a verification.
#[derive(Clone, Debug)]
pub struct Report {
    /// Entries that were checked against the signed tree.
    pub entries: u64,
    /// Entries that wait for their index: their columns and their state were checked, nobody signed them yet.
    pub waiting: u64,
    /// The checkpoint that was verified; none when there is no valid one.
    pub checkpoint: Option<Checkpoint>,
    /// At most `limits::AUDIT_PROBLEMS`.
    pub problems: Vec<Problem>,
    /// Problems beyond those listed.
    pub unlisted: u64,
}

impl Report {
    /// Whether all that was checked is as it was signed.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty() && self.unlisted == 0
    }
}

/// One thing that is not as it was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    #[error("the database's body of entry {index} ({id}) is not the one that was signed; put back the one in {path}")]
    BodyAltered { index: u64, id: String, path: String },
    #[error("entry {index} is missing in the database; put back the one in {path}")]
    EntryMissing { index: u64, path: String },
    #[error("entry {id} has index {index}, which the sequencer never gave; find out who wrote that row")]
    IndexUnknown { id: String, index: i64 },
    #[error("the body of entry {id} is not an entry: {detail}; restore it from a backup")]
    BodyUnreadable { id: String, detail: String },
    #[error("{column} of entry {id} is {row:?} in the row and {body:?} in the signed body; correct the row")]
    ColumnDiffers { id: String, column: &'static str, row: String, body: String },
    #[error("{path} is missing; restart the server, which writes it again from the database")]
    FileMissing { path: String },
    #[error(
        "{path} is not what was signed: {detail}; keep a copy of it, remove it, and restart the server, which writes it again from the database"
    )]
    FileAltered { path: String, detail: String },
    #[error(
        "the row of audit_log is not right: {detail}; restore it from a backup that is not older than the checkpoint file"
    )]
    HeadAltered { detail: String },
    #[error(
        "the entries make another tree than the one signed: {size} entries have the root {computed}, signed was {signed}; restore the database and the files from a backup and compare them with the checkpoints that others keep"
    )]
    RootDiffers { size: u64, signed: String, computed: String },
    #[error("the tree cannot be computed beyond entry {index}: {detail}; mend this first and verify again")]
    TreeEnds { index: u64, detail: String },
    #[error("the earlier checkpoint cannot be used: {detail}; check that it is of this log")]
    EarlierUnusable { detail: String },
    #[error(
        "an earlier checkpoint covers {earlier} entries, the log has {size}; it was set back, restore the newer one"
    )]
    RolledBack { earlier: u64, size: u64 },
    #[error(
        "the log does not begin with the {earlier} entries of an earlier checkpoint; its history was replaced, restore the one that others have seen"
    )]
    HistoryReplaced { earlier: u64 },
    #[error("the table {} for {key:?}, but the log says {}; the row was changed past the program, correct it or make the change again through it", said(.table), set_by(.log, .entry))]
    StateDiffers { key: String, log: Option<String>, table: Option<String>, entry: Option<String> },
    #[error("the table has both {table:?} and {other:?} for {key:?}; remove the row that was added past the program")]
    StateTwice { key: String, table: String, other: String },
}

fn said(table: &Option<String>) -> String {
    table.as_ref().map_or_else(|| "has nothing".to_owned(), |value| format!("has {value:?}"))
}

fn set_by(log: &Option<String>, entry: &Option<String>) -> String {
    let value = log.as_ref().map_or_else(|| "it has none".to_owned(), |value| format!("it is {value:?}"));
    match entry {
        Some(entry) => format!("{value} since entry {entry}"),
        None => format!("{value} and never had"),
    }
}

/// A list of problems that stays within its limit.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub listed: Vec<Problem>,
    pub unlisted: u64,
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        if self.listed.len() < limits::AUDIT_PROBLEMS {
            self.listed.push(problem);
        } else {
            self.unlisted += 1;
        }
    }
}
