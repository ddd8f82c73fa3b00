//! From nodes to typed values, collecting every problem on the way instead of stopping at the first.

mod container;
mod job;
mod keep;
mod rules;

use crate::{
    duration, keywords,
    pattern::Patterns,
    problem::Report,
    yaml::{Entry, Node, Value},
};

/// Nesting of `script` lists, as GitLab limits it.
const SCRIPT_DEPTH: usize = 10;
/// One file pattern; paths in repositories are shorter.
const GLOB_BYTES: usize = 1_000;
/// Patterns of one `changes` or `exists`, as GitLab limits them.
const GLOBS: usize = 50;

pub(crate) struct Reader<'r> {
    pub report: &'r mut Report,
    pub patterns: Patterns,
}

impl Reader<'_> {
    fn problem(&mut self, node: &Node, path: &str, message: impl Into<String>) {
        self.report.problem(node.mark, path, message);
    }

    fn expected(&mut self, node: &Node, path: &str, expected: &str) {
        let what = node.what();
        self.report.problem(node.mark, path, format!("takes {expected}, and this is {what}"));
    }

    /// Visits the keys of a map; keys with no value are "not said". An unknown key is a problem.
    pub(crate) fn fields(
        &mut self,
        node: &Node,
        path: &str,
        known: &[&str],
        mut visit: impl FnMut(&mut Self, &str, &Node, &str),
    ) -> bool {
        let Some(map) = node.as_map() else {
            self.expected(node, path, "a map");
            return false;
        };
        for entry in map.entries() {
            let path = join(path, &entry.key);
            if !known.contains(&&*entry.key) {
                self.unknown(entry, &path, known);
            } else if !entry.value.is_null() {
                visit(self, &entry.key, &entry.value, &path);
            }
        }
        true
    }

    fn unknown(&mut self, entry: &Entry, path: &str, known: &[&str]) {
        let hint = keywords::did_you_mean(&entry.key, known.iter().copied());
        let hint = if hint.is_empty() { format!("; known are {}", known.join(", ")) } else { hint };
        let key: String = entry.key.chars().take(80).collect();
        self.report.problem(entry.mark, path, format!("unknown keyword `{key}`{hint}"));
    }

    fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        match (&node.value, node.scalar_text()) {
            (Value::Bool(_), _) | (_, None) => {
                self.expected(node, path, "text");
                None
            }
            (_, Some(text)) => Some(text.to_string()),
        }
    }

    /// One of a few words.
    fn word<'w>(&mut self, node: &Node, path: &str, words: &[&'w str]) -> Option<&'w str> {
        let given = node.scalar_text().unwrap_or_default();
        let found = words.iter().find(|word| **word == &*given).copied();
        if found.is_none() {
            let hint = keywords::did_you_mean(&given, words.iter().copied());
            self.problem(node, path, format!("takes one of {}{hint}", words.join(", ")));
        }
        found
    }

    fn boolean(&mut self, node: &Node, path: &str) -> Option<bool> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.expected(node, path, "true or false");
        None
    }

    fn integer(&mut self, node: &Node, path: &str) -> Option<i64> {
        if let Value::Int(value) = node.value {
            return Some(value);
        }
        self.expected(node, path, "a whole number");
        None
    }

    /// One number or a list of them.
    fn integers(&mut self, node: &Node, path: &str) -> Option<Vec<i64>> {
        match node.as_list() {
            Some(list) => Some(list.iter().filter_map(|item| self.integer(item, path)).collect()),
            None => self.integer(node, path).map(|one| vec![one]),
        }
    }

    pub(crate) fn texts(&mut self, node: &Node, path: &str) -> Option<Vec<String>> {
        let Some(list) = node.as_list() else {
            let hint = node.as_text().map(|text| format!(": write `[{}]`", text.chars().take(40).collect::<String>()));
            self.expected(node, path, &format!("a list of texts{}", hint.unwrap_or_default()));
            return None;
        };
        Some(list.iter().filter_map(|item| self.text(item, path)).collect())
    }

    /// A list of texts, or one text for a list of one.
    fn texts_or_one(&mut self, node: &Node, path: &str) -> Option<Vec<String>> {
        if node.as_list().is_some() { self.texts(node, path) } else { self.text(node, path).map(|one| vec![one]) }
    }

    fn globs(&mut self, node: &Node, path: &str) -> Option<Vec<String>> {
        let globs = self.texts(node, path)?;
        if globs.len() > GLOBS || globs.iter().any(|glob| glob.len() > GLOB_BYTES) {
            self.problem(node, path, format!("takes at most {GLOBS} patterns of at most {GLOB_BYTES} bytes"));
            return None;
        }
        Some(globs)
    }

    /// Commands: one, or lists of them in lists.
    fn script(&mut self, node: &Node, path: &str) -> Option<Vec<String>> {
        let mut commands = Vec::new();
        let before = self.report.problems.len();
        self.commands(node, path, 0, &mut commands);
        (self.report.problems.len() == before).then_some(commands)
    }

    fn commands(&mut self, node: &Node, path: &str, depth: usize, commands: &mut Vec<String>) {
        match &node.value {
            Value::Text(text) => commands.push(text.to_string()),
            Value::List(_) if depth > SCRIPT_DEPTH => {
                self.problem(node, path, format!("lists in lists deeper than {SCRIPT_DEPTH}; make it flatter"));
            }
            Value::List(list) => list.iter().for_each(|item| self.commands(item, path, depth + 1, commands)),
            Value::Map(_) => {
                let message = "a command is text, and this is a map; a `: ` in the command makes it one, so put the \
                               command in quotes";
                self.problem(node, path, message);
            }
            _ => {
                let what = node.what();
                self.problem(node, path, format!("a command is text, and this is {what}; put it in quotes"));
            }
        }
    }

    fn seconds(&mut self, node: &Node, path: &str) -> Option<u64> {
        let seconds = node.scalar_text().and_then(|text| duration::seconds(&text));
        if seconds.is_none() {
            self.problem(node, path, "takes a duration such as `30 minutes`, `1h 30m` or `2 weeks`");
        }
        seconds
    }
}

pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}:{key}") }
}
