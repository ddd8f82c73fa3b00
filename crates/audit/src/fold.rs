//! The state that follows from the entries, against the state in the tables.

use std::collections::BTreeMap;

use crate::{Body, Problem, report::Problems};

/// The present state of the tables, as the contexts give it, under the keys that their entries set.
#[derive(Clone, Debug, Default)]
pub struct Guarded {
    prefixes: Vec<String>,
    states: Vec<(String, String)>,
}

impl Guarded {
    /// No table is looked at; only the log itself is verified.
    pub fn nothing() -> Guarded {
        Guarded::default()
    }

    /// Add the whole state of one context. Each of its keys starts with `prefix`, such as `identity/`; a key under it that
    /// the log has and the context has not is a problem.
    #[must_use]
    pub fn context(mut self, prefix: &str, states: Vec<(String, String)>) -> Guarded {
        self.prefixes.push(prefix.to_owned());
        self.states.extend(states);
        self
    }

    fn covers(&self, key: &str) -> bool {
        self.prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()))
    }
}

/// What the entries so far left behind: for each key its last value, none when it was removed, and the entry that did it.
#[derive(Debug, Default)]
pub(crate) struct Fold(BTreeMap<String, (Option<String>, String)>);

impl Fold {
    pub fn apply(&mut self, body: Body) {
        for (key, value) in body.sets {
            self.0.insert(key, (value, body.id.clone()));
        }
    }

    /// Every key whose value in the tables is not the one that the log left.
    pub fn compare(mut self, guarded: Guarded, problems: &mut Problems) {
        let mut seen = BTreeMap::new();
        for (key, value) in &guarded.states {
            if let Some(other) = seen.insert(key, value).filter(|other| *other != value) {
                problems.push(Problem::StateTwice { key: key.clone(), table: value.clone(), other: other.clone() });
            }
        }
        for (key, value) in seen {
            let (log, entry) = self.0.remove(key).map_or((None, None), |(value, entry)| (value, Some(entry)));
            if log.as_ref() != Some(value) {
                problems.push(Problem::StateDiffers { key: key.clone(), log, table: Some(value.clone()), entry });
            }
        }
        for (key, (log, entry)) in self.0.into_iter().filter(|(key, (log, _))| log.is_some() && guarded.covers(key)) {
            problems.push(Problem::StateDiffers { key, log, table: None, entry: Some(entry) });
        }
    }
}
