//! What was acknowledged, what was asked and not answered, and what may therefore be there.
//!
//! Each thing that a push or a deletion sets is a key: a blob in a repository, a manifest in a repository, a tag. Requests overlap,
//! so a key has a history of writes, each with the time it was asked and the time it was answered. What may be there afterwards is
//! what was written by a request that no other one followed wholly: the last acknowledged one, those that overlapped it, and those
//! that were never answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::content::Manifest;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Blob { repository: String, digest: String },
    Manifest { repository: String, digest: String },
    Tag { repository: String, tag: String },
}

/// What a key holds: a digest, or nothing.
pub type Value = Option<String>;

/// A request under way and what it sets.
#[derive(Debug)]
#[must_use = "a request ends in one way or another"]
pub struct Asked {
    id: u64,
    keys: Vec<Key>,
}

#[derive(Debug, Default)]
pub struct Ledger {
    clock: u64,
    keys: BTreeMap<Key, History>,
    /// The numbers of blobs and the bytes of manifests, by digest: to push them again.
    pub blobs: BTreeMap<String, u64>,
    pub manifests: BTreeMap<String, Manifest>,
    /// Acknowledged writes, over all time.
    pub acknowledged: u64,
}

#[derive(Debug, Default)]
struct History {
    /// What was seen when it was looked at last.
    seen: Value,
    writes: Vec<Write>,
}

#[derive(Debug)]
struct Write {
    id: u64,
    answered: Option<u64>,
    value: Value,
}

impl Ledger {
    /// A request begins; it would set these.
    pub fn ask(&mut self, sets: Vec<(Key, Value)>) -> Asked {
        self.clock += 1;
        let id = self.clock;
        let keys = sets.iter().map(|(key, _)| key.clone()).collect();
        for (key, value) in sets {
            self.keys.entry(key).or_default().writes.push(Write { id, answered: None, value });
        }
        Asked { id, keys }
    }

    /// The request was acknowledged. One that is never told about was not answered.
    pub fn acknowledge(&mut self, asked: &Asked) {
        self.clock += 1;
        for key in &asked.keys {
            let history = self.keys.get_mut(key).expect("it was asked for");
            for write in history.writes.iter_mut().filter(|write| write.id == asked.id) {
                write.answered = Some(self.clock);
                self.acknowledged += 1;
            }
        }
    }

    /// The request was refused: it changed nothing.
    pub fn refuse(&mut self, asked: &Asked) {
        for key in &asked.keys {
            let history = self.keys.get_mut(key).expect("it was asked for");
            history.writes.retain(|write| write.id != asked.id);
        }
    }

    /// Compare what is there with what may be there; from now on it is what is known.
    ///
    /// # Errors
    /// Something else is there; says what.
    pub fn settle(&mut self, key: &Key, found: &Value) -> Result<(), String> {
        let history = self.keys.entry(key.clone()).or_default();
        let allowed = history.allowed();
        if !allowed.contains(found) {
            let show = |value: &Value| value.clone().unwrap_or_else(|| "nothing".to_owned());
            let allowed: Vec<String> = allowed.iter().map(show).collect();
            return Err(format!("{key}: found {}, acknowledged was {}", show(found), allowed.join(" or ")));
        }
        history.seen.clone_from(found);
        history.writes.clear();
        Ok(())
    }

    /// Keys that were written since they were looked at.
    pub fn touched(&self) -> Vec<Key> {
        self.keys.iter().filter(|(_, history)| !history.writes.is_empty()).map(|(key, _)| key.clone()).collect()
    }

    pub fn keys(&self) -> Vec<Key> {
        self.keys.keys().cloned().collect()
    }

    /// The tags of a repository that may name a manifest.
    pub fn tags_naming(&self, repository: &str, digest: &str) -> Vec<Key> {
        let names = |(key, history): &(&Key, &History)| {
            matches!(key, Key::Tag { repository: own, .. } if own == repository)
                && history.allowed().contains(&Some(digest.to_owned()))
        };
        self.keys.iter().filter(names).map(|(key, _)| key.clone()).collect()
    }

    /// What is surely there, of those keys that `wanted` chooses.
    pub fn certain(&self, wanted: impl Fn(&Key) -> bool) -> Vec<(Key, String)> {
        let certain = |(key, history): (&Key, &History)| match history.allowed().into_iter().collect::<Vec<_>>()[..] {
            [Some(ref digest)] => Some((key.clone(), digest.clone())),
            _ => None,
        };
        self.keys.iter().filter(|(key, _)| wanted(key)).filter_map(certain).collect()
    }
}

impl History {
    fn allowed(&self) -> BTreeSet<Value> {
        let answered = self.writes.iter().filter(|write| write.answered.is_some());
        // The begin of the request that was asked for last among those acknowledged.
        let last = answered.map(|write| write.id).max();
        let stands = |write: &&Write| match (write.answered, last) {
            (Some(answered), Some(last)) => answered >= last,
            _ => true,
        };
        let mut allowed: BTreeSet<Value> = self.writes.iter().filter(stands).map(|write| write.value.clone()).collect();
        if last.is_none() {
            allowed.insert(self.seen.clone());
        }
        allowed
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Blob { repository, digest } => write!(out, "blob {repository}@{digest}"),
            Key::Manifest { repository, digest } => write!(out, "manifest {repository}@{digest}"),
            Key::Tag { repository, tag } => write!(out, "tag {repository}:{tag}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag() -> Key {
        Key::Tag { repository: "r".to_owned(), tag: "t".to_owned() }
    }

    fn value(text: &str) -> Value {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn ask(ledger: &mut Ledger, text: &str) -> Asked {
        ledger.ask(vec![(tag(), value(text))])
    }

    fn allowed(ledger: &Ledger) -> Vec<String> {
        ledger.keys[&tag()].allowed().into_iter().map(Option::unwrap_or_default).collect()
    }

    #[test]
    fn the_last_acknowledged_stands() {
        let mut ledger = Ledger::default();
        for text in ["a", "b"] {
            let asked = ask(&mut ledger, text);
            ledger.acknowledge(&asked);
        }
        assert_eq!(allowed(&ledger), ["b"]);
        assert!(ledger.settle(&tag(), &value("a")).unwrap_err().contains("acknowledged was b"));
        assert!(ledger.settle(&tag(), &None).is_err());
        ledger.settle(&tag(), &value("b")).unwrap();
        assert!(ledger.touched().is_empty());
        assert!(ledger.settle(&tag(), &value("a")).is_err(), "also later");
    }

    #[test]
    fn of_those_that_overlap_any_may_be_the_last() {
        let mut ledger = Ledger::default();
        let (first, second) = (ask(&mut ledger, "a"), ask(&mut ledger, "b"));
        ledger.acknowledge(&second);
        ledger.acknowledge(&first);
        assert_eq!(allowed(&ledger), ["a", "b"]);
    }

    #[test]
    fn what_was_not_answered_may_be_there_or_not() {
        let mut ledger = Ledger::default();
        let first = ask(&mut ledger, "a");
        ledger.acknowledge(&first);
        let _open = ask(&mut ledger, "b");
        assert_eq!(allowed(&ledger), ["a", "b"]);
        let deletion = ask(&mut ledger, "");
        ledger.acknowledge(&deletion);
        assert_eq!(allowed(&ledger), ["", "b"]);
    }

    #[test]
    fn what_was_refused_is_not_there() {
        let mut ledger = Ledger::default();
        let first = ask(&mut ledger, "a");
        ledger.refuse(&first);
        assert_eq!(allowed(&ledger), [""]);
        assert!(ledger.certain(|_| true).is_empty());
    }
}
