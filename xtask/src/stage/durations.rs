//! How long each step took in the last plain run: so that a kill round knows where the middle of a step is.
//!
//! A file of JSON, `{"title": seconds}`. Several steps of one title are told apart by their number.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

/// What is assumed of a step that was never played.
const UNKNOWN: Duration = Duration::from_secs(1);

/// The durations of one story.
#[derive(Default)]
pub struct Durations {
    file: Option<PathBuf>,
    known: BTreeMap<String, f64>,
    seen: HashMap<String, usize>,
}

impl Durations {
    /// Reads what the last run wrote; a file that cannot be read counts as none.
    pub fn of(file: &Path) -> Durations {
        let read = fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Durations { file: Some(file.to_owned()), known: read.unwrap_or_default(), seen: HashMap::new() }
    }

    /// The name of the next step with this title.
    pub fn name(&mut self, title: &str) -> String {
        let seen = self.seen.entry(title.to_owned()).or_default();
        *seen += 1;
        if *seen == 1 { title.to_owned() } else { format!("{title} #{seen}") }
    }

    /// What is to be expected.
    pub fn usual(&self, name: &str) -> Duration {
        self.known.get(name).and_then(|seconds| Duration::try_from_secs_f64(*seconds).ok()).unwrap_or(UNKNOWN)
    }

    /// What was.
    pub fn note(&mut self, name: String, took: Duration) {
        self.known.insert(name, took.as_secs_f64());
    }

    /// Keeps them for the next run.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = serde_json::to_vec_pretty(&self.known).context("numbers are JSON")?;
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_each_step_of_a_title() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("durations.json");
        let mut first = Durations::of(&file);
        for seconds in [1.5, 3.0] {
            let name = first.name("… and run");
            assert_eq!(first.usual(&name), UNKNOWN);
            first.note(name, Duration::from_secs_f64(seconds));
        }
        first.save().unwrap();
        let mut second = Durations::of(&file);
        let names = [second.name("… and run"), second.name("… and run"), second.name("another")];
        let usual = names.map(|name| second.usual(&name).as_secs_f64());
        assert_eq!(usual, [1.5, 3.0, 1.0]);
    }
}
