//! What came of an import: a row for each thing, and what is to be known besides.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::{NotWhole, dtr::Trouble};
use crate::tell;

/// What became of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Carried,
    /// It was here already, and the same.
    There,
    /// It would be carried, were this no dry run.
    Would,
    /// It is here, and not the same: it stays as it is here.
    Differs,
    /// It cannot be carried; another run says the same.
    Left,
    /// Something went wrong; another run may carry it.
    Failed,
}

#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    name: String,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Debug)]
pub(super) struct Report {
    source: String,
    dry_run: bool,
    rows: Vec<Row>,
    notes: Vec<String>,
    pub(super) bytes: u64,
}

/// What older DTRs know nothing of, and what they answer 404 for where there is none.
const OPTIONAL: [&str; 6] =
    ["public key", "team access", "pruning policy", "push mirroring policy", "poll mirroring policy", "setting"];

/// More of somebody else's text than a reason needs is cut.
const WHY_CHARS: usize = 500;

impl Report {
    pub(super) fn new(source: &str, dry_run: bool) -> Report {
        Report { source: source.to_owned(), dry_run, rows: Vec::new(), notes: Vec::new(), bytes: 0 }
    }

    pub(super) fn carried(&mut self, kind: &'static str, name: impl Into<String>) {
        let outcome = if self.dry_run { Outcome::Would } else { Outcome::Carried };
        self.rows.push(Row { kind, name: name.into(), outcome, why: None });
    }

    pub(super) fn there(&mut self, kind: &'static str, name: impl Into<String>) {
        self.rows.push(Row { kind, name: name.into(), outcome: Outcome::There, why: None });
    }

    /// Something that is not as one may wish. It is said at once, too.
    pub(super) fn row(&mut self, kind: &'static str, name: impl Into<String>, outcome: Outcome, why: impl ToString) {
        let (name, why) = (name.into(), clean(&why.to_string()));
        tell(&format!("{kind} {}: {why}", clean(&name)));
        self.rows.push(Row { kind, name, outcome, why: Some(why) });
    }

    /// The DTR did not tell what was asked.
    pub(super) fn trouble(&mut self, kind: &'static str, name: &str, trouble: Trouble) -> Result<()> {
        match trouble {
            Trouble::Stop(error) => return Err(error),
            Trouble::Absent if OPTIONAL.contains(&kind) => self.note(format!("the DTR has no list of: {kind} (404)")),
            Trouble::Absent => self.row(kind, name, Outcome::Failed, "the DTR answers 404 where it should list them"),
            Trouble::Said(why) => self.row(kind, name, Outcome::Failed, why),
        }
        Ok(())
    }

    /// Something to know that is about no single thing, once.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = clean(&note.into());
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn counts(&self) -> BTreeMap<&'static str, BTreeMap<Outcome, usize>> {
        let mut counts = BTreeMap::<_, BTreeMap<Outcome, usize>>::new();
        for row in &self.rows {
            *counts.entry(row.kind).or_default().entry(row.outcome).or_default() += 1;
        }
        counts
    }

    pub(super) fn value(&self) -> Value {
        let counts: BTreeMap<_, BTreeMap<String, usize>> = self
            .counts()
            .into_iter()
            .map(|(kind, counts)| {
                (kind, counts.into_iter().map(|(outcome, n)| (outcome.word().to_owned(), n)).collect())
            })
            .collect();
        json!({
            "source": self.source, "dryRun": self.dry_run, "counts": counts, "bytes": self.bytes, "rows": self.rows,
            "notes": self.notes,
        })
    }

    /// For people: what came of each kind, then what was not carried and why.
    pub(super) fn told(&self) -> String {
        let mut lines = Vec::new();
        for (kind, counts) in self.counts() {
            let counts: Vec<String> =
                counts.into_iter().map(|(outcome, count)| format!("{count} {}", outcome.words())).collect();
            lines.push(format!("{kind:24}{}", counts.join(", ")));
        }
        if self.bytes > 0 {
            lines.push(format!("{:24}{}", "bytes", self.bytes));
        }
        let told = self.rows.iter().filter_map(|row| Some((row, row.why.as_ref()?)));
        lines.extend(
            told.map(|(row, why)| format!("{}: {} {}: {why}", row.outcome.words(), row.kind, clean(&row.name))),
        );
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.join("\n")
    }

    /// Success, unless something is not here as it is there.
    pub(super) fn verdict(&self) -> Result<()> {
        let failed = self.rows.iter().filter(|row| row.outcome == Outcome::Failed).count();
        if failed > 0 {
            bail!("{failed} things failed; they are told above, and the same command tries them again");
        }
        if self.rows.iter().any(|row| matches!(row.outcome, Outcome::Differs | Outcome::Left)) {
            return Err(NotWhole.into());
        }
        Ok(())
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Carried => "carried",
            Outcome::There => "there",
            Outcome::Would => "would",
            Outcome::Differs => "differs",
            Outcome::Left => "left",
            Outcome::Failed => "failed",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Outcome::Carried => "carried",
            Outcome::There => "here already",
            Outcome::Would => "would be carried",
            Outcome::Differs => "differs here",
            Outcome::Left => "not carried",
            Outcome::Failed => "failed",
        }
    }
}

/// One line of a text from elsewhere, and nothing in it that moves a terminal's cursor.
fn clean(text: &str) -> String {
    text.chars().take(WHY_CHARS).map(|char| if char.is_control() { ' ' } else { char }).collect()
}
