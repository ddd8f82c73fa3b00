//! Which records speak of the same vulnerability.
//!
//! ```text
//!   GHSA-1 ─ alias ─ CVE-1 ─ alias ─ PYSEC-7        one vulnerability, CVE-1
//!                      │
//!   DSA-9 ── covers ───┤                            a bulletin: it joins each, and welds none
//!                      └─ and CVE-2                 another vulnerability
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::Advisory;

/// What a set of records is about.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    /// Sorted by id; each with the positions of the records about it.
    pub(crate) vulnerabilities: Vec<(String, Vec<u32>)>,
    /// By record: the vulnerabilities it is about.
    pub(crate) of_record: Vec<Vec<u32>>,
    /// Every id and alias with the vulnerability it stands for; a bulletin's stands for several. Sorted.
    pub(crate) names: Vec<(String, u32)>,
}

/// Sets of ids that grow together. A set holds one CVE at most: where a record would weld two, it does not.
#[derive(Default)]
struct Sets<'a> {
    nodes: HashMap<&'a str, usize>,
    ids: Vec<&'a str>,
    parent: Vec<usize>,
    /// Of a set's first node: its CVE.
    cve: Vec<Option<usize>>,
}

impl<'a> Sets<'a> {
    fn node(&mut self, id: &'a str) -> usize {
        let next = self.ids.len();
        let node = *self.nodes.entry(id).or_insert(next);
        if node == next {
            self.ids.push(id);
            self.parent.push(next);
            self.cve.push(id.starts_with("CVE-").then_some(next));
        }
        node
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }

    fn weld(&mut self, left: &'a str, right: &'a str, whatever: bool) {
        let (left, right) = (self.node(left), self.node(right));
        let (left, right) = (self.root(left), self.root(right));
        let one = self.cve[left].is_none() || self.cve[right].is_none();
        if left != right && (one || whatever) {
            let (low, high) = (left.min(right), left.max(right));
            self.parent[high] = low;
            self.cve[low] = self.cve[low].or(self.cve[high]);
        }
    }
}

/// Leave out records that no statement about a package needs, however far off: a catalogue's lines about other products.
///
/// What is kept hangs together with a record that names a package, so that leaving the rest out changes no group.
pub(crate) fn needed(records: Vec<Advisory>) -> Vec<Advisory> {
    let mut sets = Sets::default();
    for record in &records {
        sets.node(&record.id);
        for other in record.aliases.iter().chain(&record.covers) {
            sets.weld(&record.id, other, true);
        }
    }
    let mut named = BTreeSet::new();
    for record in records.iter().filter(|record| !record.affected.is_empty()) {
        let node = sets.node(&record.id);
        named.insert(sets.root(node));
    }
    let kept: Vec<bool> = records
        .iter()
        .map(|record| {
            let node = sets.node(&record.id);
            named.contains(&sets.root(node))
        })
        .collect();
    drop(sets);
    records.into_iter().zip(kept).filter_map(|(record, kept)| kept.then_some(record)).collect()
}

/// Group records, which are sorted by id and source. The same records give the same groups.
pub(crate) fn group(records: &[Advisory]) -> Groups {
    let mut sets = Sets::default();
    for record in records {
        if record.is_bulletin() {
            for target in targets(record) {
                sets.node(target);
            }
        } else {
            sets.node(&record.id);
            for alias in &record.aliases {
                sets.weld(&record.id, alias, false);
            }
        }
    }
    // By set: its records.
    let mut of_set: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    let mut sets_of_record: Vec<Vec<usize>> = Vec::with_capacity(records.len());
    for (position, record) in (0_u32..).zip(records) {
        let ids: Vec<&str> = if record.is_bulletin() { targets(record) } else { vec![&record.id] };
        let mut roots: Vec<usize> = ids
            .into_iter()
            .map(|id| {
                let node = sets.node(id);
                sets.root(node)
            })
            .collect();
        roots.sort_unstable();
        roots.dedup();
        for root in &roots {
            of_set.entry(*root).or_default().push(position);
        }
        sets_of_record.push(roots);
    }
    let recorded: BTreeSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
    named(records, sets, of_set, sets_of_record, &recorded)
}

/// Give each set its id, and sort.
fn named<'a>(
    records: &'a [Advisory],
    mut sets: Sets<'a>,
    mut of_set: BTreeMap<usize, Vec<u32>>,
    sets_of_record: Vec<Vec<usize>>,
    recorded: &BTreeSet<&str>,
) -> Groups {
    let mut best: BTreeMap<usize, (u8, &str)> = BTreeMap::new();
    let mut members: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for node in 0..sets.ids.len() {
        let (root, id) = (sets.root(node), sets.ids[node]);
        let candidate = (preference(id, recorded.contains(id)), id);
        let chosen = best.entry(root).or_insert(candidate);
        *chosen = candidate.min(*chosen);
        members.entry(root).or_default().push(id);
    }
    let mut order: Vec<(&str, usize)> =
        best.iter().filter(|(root, _)| of_set.contains_key(root)).map(|(root, (_, id))| (*id, *root)).collect();
    order.sort_unstable();
    let mut groups = Groups::default();
    let mut position: BTreeMap<usize, u32> = BTreeMap::new();
    for (at, (id, root)) in (0_u32..).zip(order) {
        position.insert(root, at);
        groups.vulnerabilities.push((id.to_owned(), of_set.remove(&root).unwrap_or_default()));
        groups.names.extend(members[&root].iter().map(|member| ((*member).to_owned(), at)));
    }
    // An id that stands for a vulnerability of its own does not stand for those that it also covers.
    let own: BTreeSet<String> = groups.names.iter().map(|(name, _)| name.clone()).collect();
    for (record, roots) in records.iter().zip(sets_of_record) {
        let mut about: Vec<u32> = roots.iter().filter_map(|root| position.get(root).copied()).collect();
        about.sort_unstable();
        if record.is_bulletin() {
            let ids = std::iter::once(&record.id).chain(&record.aliases).filter(|id| !own.contains(*id));
            groups.names.extend(ids.flat_map(|id| about.iter().map(|at| (id.clone(), *at))));
        }
        groups.of_record.push(about);
    }
    groups.names.sort_unstable();
    groups.names.dedup();
    groups
}

/// What a bulletin is about.
fn targets(record: &Advisory) -> Vec<&str> {
    let mut targets: Vec<&str> = record.covers.iter().map(String::as_str).chain(record.cves()).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// What a vulnerability is called when it has several ids: its CVE, else GitHub's id, else the first of a record.
fn preference(id: &str, recorded: bool) -> u8 {
    match (id.starts_with("CVE-"), id.starts_with("GHSA-"), recorded) {
        (true, ..) => 0,
        (_, true, true) => 1,
        (_, false, true) => 2,
        (_, true, false) => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, aliases: &[&str], covers: &[&str]) -> Advisory {
        let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Advisory { id: id.to_owned(), aliases: owned(aliases), covers: owned(covers), ..Advisory::default() }
    }

    fn groups(records: &[Advisory]) -> Vec<String> {
        let found = group(records);
        let ids = |records: &Vec<u32>, of: &[Advisory]| {
            records.iter().map(|at| of[*at as usize].id.clone()).collect::<Vec<_>>().join(" ")
        };
        found.vulnerabilities.iter().map(|(id, about)| format!("{id}: {}", ids(about, records))).collect()
    }

    #[test]
    fn aliases_are_one_and_bulletins_weld_nothing() {
        let records = [
            record("ALSA-1", &[], &["CVE-1", "CVE-2"]),
            record("CVE-1", &[], &[]),
            record("DSA-1", &["CVE-2", "CVE-3"], &[]),
            record("DSA-2", &[], &[]),
            record("GHSA-1", &["CVE-1"], &[]),
            record("GHSA-9", &[], &[]),
            record("GO-1", &["GHSA-9"], &[]),
            record("PYSEC-1", &["GHSA-1"], &[]),
        ];
        assert_eq!(
            groups(&records),
            [
                "CVE-1: ALSA-1 CVE-1 GHSA-1 PYSEC-1",
                "CVE-2: ALSA-1 DSA-1",
                "CVE-3: DSA-1",
                "DSA-2: DSA-2",
                "GHSA-9: GHSA-9 GO-1"
            ]
        );
        let names = group(&records).names;
        let of = |id: &str| names.iter().filter(|(name, _)| name == id).map(|(_, at)| *at).collect::<Vec<_>>();
        assert_eq!((of("ALSA-1"), of("PYSEC-1"), of("GO-1")), (vec![0, 1], vec![0], vec![4]));
    }

    #[test]
    fn a_chain_of_aliases_never_holds_two_cves() {
        let records = [record("A-1", &["CVE-1", "X-1"], &[]), record("B-1", &["CVE-2", "X-1"], &[])];
        assert_eq!(groups(&records), ["CVE-1: A-1", "CVE-2: B-1"]);
    }

    #[test]
    fn what_names_no_package_is_kept_for_what_does() {
        let mut package = record("GHSA-1", &["CVE-1"], &[]);
        package.affected.push(crate::Affected::new("npm".parse().unwrap(), "x"));
        let all = vec![record("CVE-1", &[], &[]), record("CVE-2", &[], &[]), package.clone()];
        assert_eq!(needed(all), [record("CVE-1", &[], &[]), package]);
    }
}
