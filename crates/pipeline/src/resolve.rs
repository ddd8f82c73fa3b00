//! `!reference` and `extends`: from what is written to what is meant, still as nodes.
//!
//! References first, then inheritance, as in GitLab. Every copied node is paid for, so that ten references to ten
//! references end at the budget and not at the end of memory.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    budget::Budget,
    keywords,
    problem::{Problem, Report},
    yaml::{Entry, Map, Mark, Node, Value},
};

/// References inside referenced values, as GitLab limits them.
const REFERENCE_DEPTH: usize = 10;
/// Generations of `extends`, as GitLab limits them.
const EXTENDS_DEPTH: usize = 11;

/// The document with every `!reference` replaced by what it names.
pub(crate) fn references(root: &Node, budget: &mut Budget) -> Result<Node, Problem> {
    let mut walk = Walk { root, budget };
    Ok(walk.node(root, 0)?.unwrap_or_else(|| root.clone()))
}

/// The document with every job merged over the jobs it extends.
pub(crate) fn extends(root: &Map, budget: &mut Budget, report: &mut Report) -> Result<Map, Problem> {
    let mut heirs = Heirs { root, budget, report, done: HashMap::new(), open: HashSet::new() };
    let mut resolved = Map::default();
    for entry in root.entries() {
        let value = match entry.value.as_map() {
            Some(map) if !keywords::TOP_LEVEL.contains(&&*entry.key) => {
                Node { value: Value::Map(heirs.job(&entry.key, map)?), ..entry.value.clone() }
            }
            _ => entry.value.clone(),
        };
        resolved.set(Entry { value, ..entry.clone() });
    }
    Ok(resolved)
}

struct Walk<'a> {
    root: &'a Node,
    budget: &'a mut Budget,
}

impl Walk<'_> {
    /// The node with its references replaced, or `None` when there were none. `depth` counts references gone through;
    /// what lies inside one is a copy and is paid for.
    fn node(&mut self, node: &Node, depth: usize) -> Result<Option<Node>, Problem> {
        if depth > 0 {
            let bytes = node.as_text().map_or(0, str::len);
            self.budget.spend(1, bytes).map_err(|spent| Problem::new(node.mark, "", spent.message()))?;
        }
        let value = match &node.value {
            Value::Reference(keys) => {
                if depth >= REFERENCE_DEPTH {
                    let message =
                        format!("`!reference` leads through more than {REFERENCE_DEPTH} others, or in a circle");
                    return Err(Problem::new(node.mark, "", message));
                }
                let target = self.find(keys, node.mark)?;
                return Ok(Some(self.node(&target, depth + 1)?.unwrap_or(target)));
            }
            Value::List(list) => {
                let items: Vec<Option<Node>> =
                    list.iter().map(|item| self.node(item, depth)).collect::<Result<_, _>>()?;
                if items.iter().all(Option::is_none) {
                    return Ok(None);
                }
                let kept = list.iter().zip(items).map(|(old, new)| new.unwrap_or_else(|| old.clone()));
                Value::List(Arc::new(kept.collect()))
            }
            Value::Map(map) => {
                let mut changed = None;
                for entry in map.entries() {
                    if let Some(value) = self.node(&entry.value, depth)? {
                        changed.get_or_insert_with(|| Map::clone(map)).set(Entry { value, ..entry.clone() });
                    }
                }
                let Some(changed) = changed else { return Ok(None) };
                Value::Map(Arc::new(changed))
            }
            _ => return Ok(None),
        };
        Ok(Some(Node { value, ..node.clone() }))
    }

    fn find(&self, keys: &[Arc<str>], mark: Mark) -> Result<Node, Problem> {
        let mut at = self.root;
        for key in keys {
            let Some(next) = at.as_map().and_then(|map| map.get(key)) else {
                let path = keys.join(", ");
                let message = format!("`!reference [{path}]` finds no `{key}`; name keys that this file has");
                return Err(Problem::new(mark, "", message));
            };
            at = next;
        }
        Ok(at.clone())
    }
}

struct Heirs<'a> {
    root: &'a Map,
    budget: &'a mut Budget,
    report: &'a mut Report,
    done: HashMap<Arc<str>, (Arc<Map>, usize)>,
    open: HashSet<Arc<str>>,
}

impl<'a> Heirs<'a> {
    fn job(&mut self, name: &Arc<str>, map: &Map) -> Result<Arc<Map>, Problem> {
        self.generations(name, map).map(|(map, _)| map)
    }

    /// The merged job and how many generations stand above it.
    fn generations(&mut self, name: &Arc<str>, map: &Map) -> Result<(Arc<Map>, usize), Problem> {
        if let Some(done) = self.done.get(name) {
            return Ok(done.clone());
        }
        let Some(entry) = map.entry("extends") else {
            let own = (Arc::new(map.clone()), 0);
            self.budget.spend(map.len(), 0).map_err(|spent| Problem::new(Mark::default(), name, spent.message()))?;
            self.done.insert(name.clone(), own.clone());
            return Ok(own);
        };
        let path = format!("{name}:extends");
        if self.open.len() > EXTENDS_DEPTH || !self.open.insert(name.clone()) {
            let message = format!("`extends` goes in a circle or through more than {EXTENDS_DEPTH} jobs");
            return Err(Problem::new(entry.mark, &path, message));
        }
        let mut merged = Map::default();
        let mut above = 0;
        for parent in self.parents(&entry.value, &path) {
            let Some((parent_name, parent_map)) = self.find(&parent, entry.mark, &path) else { continue };
            let (parent_map, generations) = self.generations(&parent_name, parent_map)?;
            above = above.max(generations + 1);
            self.merge(&mut merged, &parent_map, entry.mark, &path)?;
        }
        if above > EXTENDS_DEPTH {
            let message = format!("`extends` goes through more than {EXTENDS_DEPTH} jobs");
            return Err(Problem::new(entry.mark, &path, message));
        }
        self.merge(&mut merged, map, entry.mark, &path)?;
        self.open.remove(name);
        let resolved = (Arc::new(merged), above);
        self.done.insert(name.clone(), resolved.clone());
        Ok(resolved)
    }

    fn parents(&mut self, value: &Node, path: &str) -> Vec<Arc<str>> {
        let one = value.scalar_text().map(|name| vec![name]);
        let several = || value.as_list()?.iter().map(Node::scalar_text).collect::<Option<Vec<_>>>();
        one.or_else(several).unwrap_or_else(|| {
            self.report.problem(value.mark, path, "`extends` takes the name of a job or a list of names");
            Vec::new()
        })
    }

    fn find(&mut self, parent: &str, mark: Mark, path: &str) -> Option<(Arc<str>, &'a Map)> {
        let root = self.root;
        let found = root.entry(parent).and_then(|entry| Some((entry.key.clone(), entry.value.as_map()?)));
        if found.is_none() {
            let names = root.entries().iter().map(|entry| &*entry.key);
            let hint = keywords::did_you_mean(parent, names);
            self.report.problem(mark, path, format!("there is no job `{parent}` to extend{hint}"));
        }
        found
    }

    /// Lays `over` on `under`: maps are merged, everything else is replaced.
    fn merge(&mut self, under: &mut Map, over: &Map, mark: Mark, path: &str) -> Result<(), Problem> {
        self.budget.spend(over.len(), 0).map_err(|spent| Problem::new(mark, path, spent.message()))?;
        for entry in over.entries().iter().filter(|entry| &*entry.key != "extends") {
            let both = under.get(&entry.key).and_then(Node::as_map).zip(entry.value.as_map());
            let value = if let Some((low, high)) = both {
                self.budget.spend(low.len(), 0).map_err(|spent| Problem::new(mark, path, spent.message()))?;
                let mut inner = low.clone();
                self.merge(&mut inner, high, mark, path)?;
                Node { value: Value::Map(Arc::new(inner)), ..entry.value.clone() }
            } else {
                entry.value.clone()
            };
            under.set(Entry { value, ..entry.clone() });
        }
        Ok(())
    }
}
