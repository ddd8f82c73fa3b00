//! Rows of a snapshot's file read back as the records they were written from.

use std::collections::BTreeMap;

use base::{
    Timestamp,
    limits::{SNAPSHOT_ADVISORIES, SNAPSHOT_DECODED_BYTES},
};

use crate::{
    Advisory, Affected, Epss, Error, Kev, Range, Rating, Snapshot,
    build::{NAMES, STATUSES},
    layout::{List, Row, Section, Tables},
};

/// The source that EPSS scores come from.
pub(crate) const EPSS: &str = "epss";

impl Tables {
    pub(crate) fn rating(&self, number: u32) -> Option<Rating> {
        let row = self.row(Section::Ratings, number)?;
        Some(Rating {
            source: self.text(row.word(0)).to_owned(),
            vector: self.optional(row.word(4)),
            word: self.optional(row.word(8)),
            score_tenths: u8::try_from(row.word(12)).ok().and_then(|score| score.checked_sub(1)),
        })
    }

    pub(crate) fn optional(&self, place: u32) -> Option<String> {
        Some(self.text(place)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub(crate) fn texts(&self, list: List<'_>) -> Vec<String> {
        list.iter().map(|place| self.text(place).to_owned()).collect()
    }

    /// The text of a version; the number is one more than its row, and 0 for none.
    fn bound(&self, number: u32) -> Option<String> {
        let row = self.row(Section::Versions, number.checked_sub(1)?)?;
        Some(self.text(row.word(0)).to_owned())
    }

    pub(crate) fn range(&self, number: u32) -> Range {
        let Some(row) = self.row(Section::Ranges, number) else { return Range::default() };
        Range {
            introduced: self.bound(row.word(0)),
            fixed: self.bound(row.word(4)),
            last_affected: self.bound(row.word(8)),
        }
    }

    pub(crate) fn kev(&self, list: List<'_>) -> Option<Kev> {
        (list.len() == 2).then(|| Kev { added: self.text(list.get(0)).to_owned(), ransomware: list.get(1) != 0 })
    }
}

/// The columns of a record's row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordRow<'a> {
    pub(crate) tables: &'a Tables,
    row: Row<'a>,
}

impl<'a> RecordRow<'a> {
    pub(crate) fn new(tables: &'a Tables, number: u32) -> Option<RecordRow<'a>> {
        Some(RecordRow { tables, row: tables.row(Section::Records, number)? })
    }

    pub(crate) fn id(self) -> &'a str {
        self.tables.text(self.row.word(0))
    }

    pub(crate) fn source(self) -> &'a str {
        self.tables.text(self.row.word(4))
    }

    pub(crate) fn summary(self) -> &'a str {
        self.tables.text(self.row.word(8))
    }

    pub(crate) fn name(self) -> &'a str {
        self.tables.text(self.row.word(12))
    }

    pub(crate) fn published(self) -> Option<Timestamp> {
        Timestamp::from_second(self.row.long(16)).ok()
    }

    pub(crate) fn modified(self) -> Option<Timestamp> {
        Timestamp::from_second(self.row.long(24)).ok()
    }

    pub(crate) fn aliases(self) -> List<'a> {
        self.tables.list(self.row.word(32))
    }

    pub(crate) fn covers(self) -> List<'a> {
        self.tables.list(self.row.word(36))
    }

    fn cpes(self) -> List<'a> {
        self.tables.list(self.row.word(40))
    }

    pub(crate) fn references(self) -> List<'a> {
        self.tables.list(self.row.word(44))
    }

    pub(crate) fn ratings(self) -> List<'a> {
        self.tables.list(self.row.word(48))
    }

    pub(crate) fn vulnerabilities(self) -> List<'a> {
        self.tables.list(self.row.word(52))
    }

    pub(crate) fn kev(self) -> Option<Kev> {
        self.tables.kev(self.tables.list(self.row.word(56)))
    }

    /// The number of the rating that counts, plus one.
    pub(crate) fn best(self) -> u32 {
        self.row.word(60)
    }

    /// True when it is about several vulnerabilities, or says that it is a bulletin: its rating is of all of them.
    pub(crate) fn is_bulletin(self) -> bool {
        self.covers().len() > 0 || self.vulnerabilities().len() > 1
    }

    fn decode(self) -> Advisory {
        let tables = self.tables;
        Advisory {
            affected: Vec::new(),
            aliases: tables.texts(self.aliases()),
            covers: tables.texts(self.covers()),
            cpes: tables.texts(self.cpes()),
            epss: None,
            id: self.id().to_owned(),
            kev: self.kev(),
            modified: self.modified(),
            name: tables.optional(self.row.word(12)),
            published: self.published(),
            ratings: self.ratings().iter().filter_map(|number| tables.rating(number)).collect(),
            references: tables.texts(self.references()),
            source: self.source().to_owned(),
            summary: tables.optional(self.row.word(8)),
        }
    }
}

/// How much may be made of a file whose rows point to each other as they like.
struct Budget(usize);

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<(), Error> {
        let left = self.0.checked_sub(bytes);
        let limit = SNAPSHOT_DECODED_BYTES;
        self.0 =
            left.ok_or_else(|| Error::TooLarge { what: "what the snapshot's file unfolds to".to_owned(), limit })?;
        Ok(())
    }
}

impl Snapshot {
    /// The records it was built of, sorted by id and source; building them again gives the same file. EPSS scores come as
    /// records of the source `epss`. Everything is copied: this is for merging and exporting, not for matching.
    pub fn records(&self) -> Result<Vec<Advisory>, Error> {
        let tables = &self.tables;
        let mut budget = Budget(SNAPSHOT_DECODED_BYTES);
        if tables.rows(Section::Records) as usize > SNAPSHOT_ADVISORIES {
            return Err(Error::TooLarge { what: "the number of advisories".to_owned(), limit: SNAPSHOT_ADVISORIES });
        }
        let mut records = Vec::new();
        for number in 0..tables.rows(Section::Records) {
            let Some(row) = RecordRow::new(tables, number) else { break };
            for list in [row.aliases(), row.covers(), row.cpes(), row.references()] {
                budget.take(24 * list.len() + list.iter().map(|place| tables.text(place).len()).sum::<usize>())?;
            }
            budget.take(256 + 128 * row.ratings().len() + row.summary().len() + row.id().len())?;
            records.push(row.decode());
        }
        self.attach_affected(&mut records, &mut budget)?;
        for number in 0..tables.rows(Section::Vulnerabilities) {
            records.extend(self.epss_record(number));
        }
        records.sort_by(|left, right| (&left.id, &left.source).cmp(&(&right.id, &right.source)));
        Ok(records)
    }

    fn attach_affected(&self, records: &mut [Advisory], budget: &mut Budget) -> Result<(), Error> {
        let tables = &self.tables;
        for number in 0..tables.rows(Section::Packages) {
            let Some(package) = tables.row(Section::Packages, number) else { break };
            let (name, first, count) = (tables.text(package.word(0)), package.word(4), package.word(8));
            budget.take(64 + name.len())?;
            for entry in first..first.saturating_add(count).min(tables.rows(Section::Entries)) {
                let Some(row) = EntryRow::new(tables, entry) else { break };
                budget.take(160 + name.len() + 96 * row.ranges().len() + 32 * row.exact().len())?;
                let affected = self.affected(row, name);
                if let (Some(affected), Some(record)) = (affected, records.get_mut(row.record() as usize)) {
                    record.affected.push(affected);
                }
            }
        }
        records.iter_mut().for_each(|record| record.affected.sort());
        Ok(())
    }

    fn affected(&self, row: EntryRow<'_>, package: &str) -> Option<Affected> {
        let tables = &self.tables;
        let ecosystem = self.ecosystems.get(usize::from(row.ecosystem())).cloned().flatten()?;
        let mut exact: Vec<String> =
            row.exact().iter().filter_map(|version| tables.bound(version.wrapping_add(1))).collect();
        exact.sort();
        let [module, architecture, channel, vendor] =
            row.qualifier().map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
        Some(Affected {
            ranges: row.ranges().iter().map(|number| tables.range(number)).collect(),
            exact,
            status: row.status(),
            named: row.named(),
            rating: row.rating().checked_sub(1).and_then(|number| tables.rating(number)),
            module,
            architecture,
            channel,
            vendor,
            ..Affected::new(ecosystem, package)
        })
    }

    fn epss_record(&self, vulnerability: u32) -> Option<Advisory> {
        let row = self.tables.row(Section::Vulnerabilities, vulnerability)?;
        let epss = self.epss_of(row)?;
        let id = self.tables.text(row.word(0)).to_owned();
        Some(Advisory { id, source: EPSS.to_owned(), epss: Some(epss), ..Advisory::default() })
    }

    pub(crate) fn epss_of(&self, row: Row<'_>) -> Option<Epss> {
        let epss = Epss {
            date: self.tables.text(row.word(20)).to_owned(),
            percentile_1e5: row.word(16),
            probability_1e5: row.word(12),
        };
        Some(epss).filter(|epss| *epss != Epss::default())
    }

    /// Every source of the records, with how many it has.
    pub fn sources(&self) -> BTreeMap<&str, u64> {
        let mut sources = BTreeMap::new();
        for number in 0..self.tables.rows(Section::Records) {
            if let Some(row) = RecordRow::new(&self.tables, number) {
                *sources.entry(row.source()).or_default() += 1;
            }
        }
        sources
    }
}

/// The columns of an entry's row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryRow<'a> {
    tables: &'a Tables,
    row: Row<'a>,
}

impl<'a> EntryRow<'a> {
    pub(crate) fn new(tables: &'a Tables, number: u32) -> Option<EntryRow<'a>> {
        Some(EntryRow { tables, row: tables.row(Section::Entries, number)? })
    }

    pub(crate) fn record(self) -> u32 {
        self.row.word(0)
    }

    pub(crate) fn ecosystem(self) -> u16 {
        self.row.half(4)
    }

    pub(crate) fn status(self) -> crate::Status {
        STATUSES.get(usize::from(self.row.byte(6))).copied().unwrap_or_default()
    }

    /// None for the family's own kind of name.
    pub(crate) fn named(self) -> Option<crate::Named> {
        NAMES.get(usize::from(self.row.byte(7)).checked_sub(1)?).copied()
    }

    pub(crate) fn ranges(self) -> List<'a> {
        self.tables.list(self.row.word(8))
    }

    pub(crate) fn exact(self) -> List<'a> {
        self.tables.list(self.row.word(12))
    }

    /// The number of its rating, plus one.
    pub(crate) fn rating(self) -> u32 {
        self.row.word(16)
    }

    /// Module, architecture, channel and vendor.
    pub(crate) fn qualifier(self) -> [&'a str; 4] {
        let row = self.row.word(20).checked_sub(1).and_then(|number| self.tables.row(Section::Qualifiers, number));
        row.map_or([""; 4], |row| [0, 4, 8, 12].map(|at| self.tables.text(row.word(at))))
    }
}
