//! Which packages two snapshots speak of differently: a merge of two sorted indexes, one comparison of hashes a package.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use crate::{Ecosystem, Family, Snapshot, Subject, layout::Section};

/// What must be matched again. What no change touches keeps its findings; EPSS scores aside, which are looked up when they
/// are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    packages: BTreeMap<Family, BTreeSet<String>>,
    /// Ecosystems that one of the two covers and the other does not: whether their packages are judged at all has changed.
    pub ecosystems: BTreeSet<Ecosystem>,
}

/// Compare two snapshots.
pub fn changed(old: &Snapshot, new: &Snapshot) -> Changed {
    let mut changed = Changed::default();
    for family in Family::all() {
        let (mut left, mut right) = (old.packages_of(family), new.packages_of(family));
        let (mut from, mut to) = (left.next(), right.next());
        loop {
            let order = match (&from, &to) {
                (Some((old, _)), Some((new, _))) => old.cmp(new),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let differs = match (&from, &to) {
                (Some((_, old)), Some((_, new))) if order.is_eq() => old != new,
                _ => true,
            };
            let name = if order.is_le() { from.as_ref() } else { to.as_ref() };
            if let Some((name, _)) = name.filter(|_| differs) {
                changed.packages.entry(family).or_default().insert((*name).to_owned());
            }
            if order.is_le() {
                from = left.next();
            }
            if order.is_ge() {
                to = right.next();
            }
        }
    }
    let covered = |snapshot: &Snapshot| snapshot.covered().cloned().collect::<BTreeSet<_>>();
    changed.ecosystems = covered(old).symmetric_difference(&covered(new)).cloned().collect();
    changed
}

impl Changed {
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.ecosystems.is_empty()
    }

    /// The packages, in the order of families and names.
    pub fn packages(&self) -> impl Iterator<Item = (Family, &str)> {
        self.packages.iter().flat_map(|(family, names)| names.iter().map(|name| (*family, name.as_str())))
    }

    /// True when this package's entries differ. The name is in the family's spelling.
    pub fn has(&self, family: Family, package: &str) -> bool {
        self.packages.get(&family).is_some_and(|names| names.contains(package))
    }

    /// True when what is said of the subject may have changed.
    pub fn touches(&self, subject: &Subject<'_>) -> bool {
        let Some(ecosystem) = &subject.ecosystem else { return false };
        let family = ecosystem.family();
        let covered = self.ecosystems.contains(ecosystem) || self.ecosystems.contains(&Ecosystem::new(family, None));
        covered || subject.names().any(|name| self.has(family, &name))
    }
}

impl Snapshot {
    /// The family's packages, by name, with the hash of what is said of them.
    fn packages_of(&self, family: Family) -> impl Iterator<Item = (&str, &[u8])> {
        let range = self.families.iter().find(|(known, _)| *known == family).map(|(_, range)| range.clone());
        range.unwrap_or_default().map_while(|number| {
            let row = self.tables.row(Section::Packages, number)?;
            Some((self.tables.text(row.word(0)), row.tail(12)))
        })
    }
}
