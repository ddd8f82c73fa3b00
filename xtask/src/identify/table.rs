//! The table of truth that a corpus comes with (`crates/judge/src/corpus.rs` reads it).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What is said of a corpus as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Heading<'a> {
    pub name: &'a str,
    pub builder: &'a str,
    pub truth: &'a str,
    /// All that is in its files is named.
    pub complete: bool,
}

/// Rows in the making, each once.
#[derive(Debug, Default)]
pub struct Table {
    rows: BTreeSet<String>,
}

impl Table {
    /// A component that has to be found in a file or folder below the corpus.
    pub fn holds(&mut self, path: &Path, product: &str, version: Option<&str>) {
        self.rows.insert(format!("{}\t{product}\t{}", path.display(), version.unwrap_or("-")));
    }

    /// A component that may be named and is not asked for.
    pub fn also(&mut self, path: &Path, product: &str, version: Option<&str>) {
        self.rows.insert(format!("{}\t{product}\t{}\talso", path.display(), version.unwrap_or("-")));
    }

    /// Writes `folder/truth.tsv`, and says how many rows it has. Written last, it marks a corpus as made.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path, heading: Heading<'_>) -> Result<usize> {
        let Heading { name, builder, truth, complete } = heading;
        let complete = if complete { "yes" } else { "no" };
        let mut text = format!("# name: {name}\n# builder: {builder}\n# truth: {truth}\n# complete: {complete}\n");
        for row in &self.rows {
            let _ = writeln!(text, "{row}");
        }
        let (made, table) = (folder.join("truth.new"), folder.join("truth.tsv"));
        fs::write(&made, text).with_context(|| format!("cannot write {}", made.display()))?;
        fs::rename(made, table)?;
        Ok(self.rows.len())
    }
}
