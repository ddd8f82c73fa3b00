//! Which component and which finding of one report is which of the other.

use std::collections::{BTreeMap, HashMap};

use bom::{Component, Finding, Report};

use super::ComponentChange;

/// What tells components of one image apart: the package URL, or name and version where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(String);

impl Key {
    fn new(purl: &str, name: &str, version: &str) -> Key {
        Key(if purl.is_empty() { format!("{name}\0{version}") } else { purl.to_owned() })
    }

    pub(super) fn of_component(component: &Component) -> Key {
        Key::new(&component.purl, &component.name, &component.version)
    }

    pub(super) fn of_finding(finding: &Finding) -> Key {
        Key::new(&finding.purl, &finding.component, &finding.version)
    }
}

/// Everything of two reports, paired.
#[derive(Debug)]
pub(super) struct Pairs<'a> {
    /// Components by key, before and after.
    pub(super) counts: BTreeMap<Key, (u64, u64)>,
    /// From a component that went to the one of the same name that came.
    pub(super) versions: HashMap<Key, &'a Component>,
    /// And back.
    pub(super) origins: HashMap<Key, &'a Component>,
    changes: Vec<ComponentChange>,
    findings: Vec<(Option<&'a Finding>, Option<&'a Finding>)>,
}

impl<'a> Pairs<'a> {
    pub(super) fn of(before: &'a Report, after: &'a Report) -> Pairs<'a> {
        let mut pairs = Pairs {
            counts: BTreeMap::new(),
            versions: HashMap::new(),
            origins: HashMap::new(),
            changes: Vec::new(),
            findings: Vec::new(),
        };
        for component in &before.components {
            pairs.counts.entry(Key::of_component(component)).or_default().0 += 1;
        }
        for component in &after.components {
            pairs.counts.entry(Key::of_component(component)).or_default().1 += 1;
        }
        pairs.components(&before.components, &after.components);
        pairs.pair_findings(&before.findings, &after.findings);
        pairs
    }

    pub(super) fn findings(&self) -> impl Iterator<Item = (Option<&'a Finding>, Option<&'a Finding>)> {
        self.findings.iter().copied()
    }

    pub(super) fn component_changes(&self) -> Vec<ComponentChange> {
        let mut changes = self.changes.clone();
        changes.sort();
        changes
    }

    /// Those that went and those that came, of one name, are one in another version, in their order.
    fn components(&mut self, before: &'a [Component], after: &'a [Component]) {
        type Named<'a> = BTreeMap<(&'a str, &'a str), (Vec<&'a Component>, Vec<&'a Component>)>;
        let mut named: Named<'a> = BTreeMap::new();
        for component in without(before, after) {
            named.entry((&component.kind, &component.name)).or_default().0.push(component);
        }
        for component in without(after, before) {
            named.entry((&component.kind, &component.name)).or_default().1.push(component);
        }
        for ((kind, name), (went, came)) in named {
            for at in 0..went.len().max(came.len()) {
                let (old, new) = (went.get(at).copied(), came.get(at).copied());
                if let (Some(old), Some(new)) = (old, new) {
                    self.versions.insert(Key::of_component(old), new);
                    self.origins.insert(Key::of_component(new), old);
                }
                self.changes.push(ComponentChange {
                    name: name.to_owned(),
                    kind: kind.to_owned(),
                    before: old.map(|component| component.version.clone()),
                    after: new.map(|component| component.version.clone()),
                });
            }
        }
    }

    /// From what is surely the same to what is the same vulnerability in another version of the component.
    fn pair_findings(&mut self, before: &'a [Finding], after: &'a [Finding]) {
        let mut open = Open { before: before.iter().collect(), after: after.iter().collect() };
        let mut found = open.pair(|finding| vec![finding.clone()], |finding| vec![finding.clone()]);
        let placed = |finding: &Finding| vec![(Key::of_finding(finding), finding.id.clone(), finding.layer)];
        found.extend(open.pair(placed, placed));
        let named = |finding: &Finding| vec![(Key::of_finding(finding), finding.id.clone())];
        found.extend(open.pair(named, named));
        let known = |finding: &Finding| with_ids(&Key::of_finding(finding), finding);
        found.extend(open.pair(known, known));
        let moved = |finding: &Finding| match self.versions.get(&Key::of_finding(finding)) {
            Some(new) => with_ids(&Key::of_component(new), finding),
            None => Vec::new(),
        };
        found.extend(open.pair(moved, known));
        self.findings = found.into_iter().map(|(old, new)| (Some(old), Some(new))).collect();
        self.findings.extend(open.before.into_iter().map(|old| (Some(old), None)));
        self.findings.extend(open.after.into_iter().map(|new| (None, Some(new))));
    }
}

/// A component with every id of a vulnerability.
fn with_ids(key: &Key, finding: &Finding) -> Vec<(Key, String)> {
    std::iter::once(&finding.id).chain(&finding.aliases).map(|id| (key.clone(), id.clone())).collect()
}

/// Components of one list that the other does not have, as often as it does not.
fn without<'a>(list: &'a [Component], other: &[Component]) -> Vec<&'a Component> {
    let mut left: HashMap<Key, u64> = HashMap::new();
    other.iter().for_each(|component| *left.entry(Key::of_component(component)).or_default() += 1);
    let is_new = |component: &&Component| match left.get_mut(&Key::of_component(component)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    list.iter().filter(is_new).collect()
}

/// Findings that have no partner yet.
struct Open<'a> {
    before: Vec<&'a Finding>,
    after: Vec<&'a Finding>,
}

impl<'a> Open<'a> {
    /// Pair those that have a key in common, in their order, and take them out.
    fn pair<K: Ord>(
        &mut self,
        old: impl Fn(&Finding) -> Vec<K>,
        new: impl Fn(&Finding) -> Vec<K>,
    ) -> Vec<(&'a Finding, &'a Finding)> {
        let mut by_key: BTreeMap<K, Vec<usize>> = BTreeMap::new();
        for (at, finding) in self.after.iter().enumerate().rev() {
            new(finding).into_iter().for_each(|key| by_key.entry(key).or_default().push(at));
        }
        let mut taken = vec![false; self.after.len()];
        let mut pairs = Vec::new();
        self.before.retain(|finding| {
            for key in old(finding) {
                let Some(list) = by_key.get_mut(&key) else { continue };
                while let Some(at) = list.pop() {
                    if !std::mem::replace(&mut taken[at], true) {
                        pairs.push((*finding, self.after[at]));
                        return false;
                    }
                }
            }
            true
        });
        let mut taken = taken.into_iter();
        self.after.retain(|_| !taken.next().unwrap_or_default());
        pairs
    }
}
