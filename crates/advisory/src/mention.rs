//! Whether a snapshot knows a vulnerability in a package at all: what tells a withdrawn record from a narrowed range.

use std::collections::BTreeSet;

use crate::{
    Ecosystem, Family, Profile, Snapshot, Subject, find_distinct,
    layout::Section,
    read::{EntryRow, RecordRow},
};

/// What is said of one vulnerability in one package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mention {
    /// No record speaks of the vulnerability in this package.
    Nothing,
    /// A record does, and says that this version is not affected, or nothing of it.
    OtherVersions,
    /// This version is affected.
    ThisVersion,
}

impl Snapshot {
    /// What it says of the vulnerability that any of these ids or aliases names, in the subject's package.
    pub fn mention(&self, subject: &Subject<'_>, ids: &[&str]) -> Mention {
        let wanted: BTreeSet<u32> = ids.iter().flat_map(|id| self.vulnerabilities_named(id)).collect();
        let hits = find_distinct(std::slice::from_ref(subject), self, Profile::default());
        if hits.all().iter().any(|hit| wanted.contains(&hit.vulnerability)) {
            return Mention::ThisVersion;
        }
        if self.speaks_of_package(subject, &wanted) { Mention::OtherVersions } else { Mention::Nothing }
    }

    /// The packages that records speak of under this id or alias, in their family's spelling. Goes over all of it once.
    pub fn packages_named(&self, id: &str) -> BTreeSet<(Family, &str)> {
        let wanted: BTreeSet<u32> = self.vulnerabilities_named(id).collect();
        let tables = &self.tables;
        let speaks = |entry: u32| {
            let record = EntryRow::new(tables, entry).and_then(|entry| RecordRow::new(tables, entry.record()));
            record.is_some_and(|record| record.vulnerabilities().iter().any(|number| wanted.contains(&number)))
        };
        let mut found = BTreeSet::new();
        if wanted.is_empty() {
            return found;
        }
        for (family, packages) in self.families.iter() {
            for package in packages.clone() {
                let Some(row) = tables.row(Section::Packages, package) else { break };
                let (first, end) = (row.word(4), row.word(4).saturating_add(row.word(8)));
                if (first..end.min(tables.rows(Section::Entries))).any(speaks) {
                    found.insert((*family, tables.text(row.word(0))));
                }
            }
        }
        found
    }

    fn speaks_of_package(&self, subject: &Subject<'_>, wanted: &BTreeSet<u32>) -> bool {
        let Some(ecosystem) = &subject.ecosystem else { return false };
        let family = ecosystem.family();
        let worlds = [self.number_of(ecosystem), self.number_of(&Ecosystem::new(family, None))];
        let tables = &self.tables;
        subject.names().filter_map(|name| self.package(family, &name)).any(|package| {
            let Some(row) = tables.row(Section::Packages, package) else { return false };
            let (first, end) = (row.word(4), row.word(4).saturating_add(row.word(8)));
            (first..end.min(tables.rows(Section::Entries)))
                .filter_map(|number| EntryRow::new(tables, number))
                .filter(|entry| worlds.contains(&Some(entry.ecosystem())))
                .filter_map(|entry| RecordRow::new(tables, entry.record()))
                .any(|record| record.vulnerabilities().iter().any(|number| wanted.contains(&number)))
        })
    }
}
