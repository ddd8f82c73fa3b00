//! What is wrong with a pipeline file, where, and what to write instead.

use base::{Kind, limits};
use serde::{Deserialize, Serialize};

use crate::yaml::Mark;

/// One thing wrong with a pipeline (or, among warnings, one thing that may surprise its author).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("line {line}{}{path}: {message}", if path.is_empty() { "" } else { ", " })]
pub struct Problem {
    /// Counted from 1; 0 when it is about the whole file.
    pub line: u32,
    /// Counted from 1; 0 when it is about the whole file.
    pub column: u32,
    /// Keys from the top of the file, parted by `:` as GitLab writes them. Empty when it is about the whole file.
    pub path: String,
    /// A sentence that says what is wrong and what to do.
    pub message: String,
}

impl Problem {
    pub fn new(mark: Mark, path: &str, message: impl Into<String>) -> Problem {
        // A key of a hostile file may be a megabyte long, and is said in every problem under it.
        let path = cut(path, 300);
        Problem { line: mark.line, column: mark.column, path, message: cut(&message.into(), 1_000) }
    }

    /// The author of the file has to mend it.
    pub fn kind(&self) -> Kind {
        Kind::Invalid
    }
}

/// Problems and warnings while they are collected, so that an author sees all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

impl Report {
    pub fn problem(&mut self, mark: Mark, path: &str, message: impl Into<String>) {
        if self.problems.len() < limits::PIPELINE_PROBLEMS {
            self.problems.push(Problem::new(mark, path, message));
        }
    }

    pub fn warn(&mut self, mark: Mark, path: &str, message: impl Into<String>) {
        if self.warnings.len() < limits::PIPELINE_PROBLEMS {
            self.warnings.push(Problem::new(mark, path, message));
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
