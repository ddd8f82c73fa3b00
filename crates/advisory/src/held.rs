//! Whether an entry holds a version, and which rating of it counts: numbers and bytes compared, nothing copied.

use crate::{
    Family, Profile, Severity, Snapshot,
    find::{ALL, EXACT},
    layout::{List, Section},
    read::{EntryRow, RecordRow},
};

impl Snapshot {
    /// What of the entry holds the version of this key.
    pub(crate) fn held(&self, entry: EntryRow<'_>, key: &[u8]) -> Option<u32> {
        let (ranges, exact) = (entry.ranges(), entry.exact());
        if ranges.len() == 0 && exact.len() == 0 {
            return Some(ALL);
        }
        let range = ranges.iter().find(|number| self.range_holds(*number, key));
        range.or_else(|| self.exactly(exact, key).map(|version| version | EXACT))
    }

    fn range_holds(&self, number: u32, key: &[u8]) -> bool {
        let Some(row) = self.tables.row(Section::Ranges, number) else { return false };
        let order = |bound: u32| bound.checked_sub(1).map(|version| key.cmp(self.key_of(version)));
        order(row.word(0)).is_none_or(|order| order.is_ge())
            && order(row.word(4)).is_none_or(|order| order.is_lt())
            && order(row.word(8)).is_none_or(|order| order.is_le())
    }

    /// The version of a list, which is sorted by key, that is this one.
    fn exactly(&self, list: List<'_>, key: &[u8]) -> Option<u32> {
        let (mut low, mut high) = (0, list.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.key_of(list.get(middle)).cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Some(list.get(middle) & !EXACT),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn key_of(&self, version: u32) -> &[u8] {
        self.tables.row(Section::Versions, version).map_or(&[], |row| self.tables.key(row.word(4)))
    }

    /// True when what holds a version names the version that mends it.
    pub(crate) fn has_fix(&self, held: u32) -> bool {
        held & EXACT == 0 && self.tables.row(Section::Ranges, held).is_some_and(|row| row.word(4) != 0)
    }

    /// The severity of an entry's vulnerability and the number of the rating that says so, plus one.
    ///
    /// The entry's own rating first; then, for a distribution's package, the rating of the distribution's record, where it is
    /// about this vulnerability alone; then the one that counts among all sources; at last a bulletin's, which is the highest
    /// of all it is about.
    pub(crate) fn rating_that_counts(
        &self,
        entry: u32,
        vulnerability: u32,
        family: Family,
        profile: Profile,
    ) -> (Severity, u32) {
        let Some(entry) = EntryRow::new(&self.tables, entry) else { return (Severity::Unknown, 0) };
        let (of_record, alone) = RecordRow::new(&self.tables, entry.record())
            .map_or((0, false), |record| (record.best(), family.is_distribution() && !record.is_bulletin()));
        let of_all = self.tables.row(Section::Vulnerabilities, vulnerability).map_or(0, |row| row.word(8));
        let order = if alone { [entry.rating(), of_record, of_all] } else { [entry.rating(), of_all, of_record] };
        let known = order.into_iter().map(|rating| (self.severity(rating, profile), rating));
        known
            .into_iter()
            .find(|(severity, _)| *severity != Severity::Unknown)
            .unwrap_or_else(|| (Severity::Unknown, order.into_iter().find(|rating| *rating != 0).unwrap_or_default()))
    }

    /// Of the rating that counts among all sources of a vulnerability.
    pub(crate) fn severity_of(&self, vulnerability: u32, profile: Profile) -> Severity {
        let row = self.tables.row(Section::Vulnerabilities, vulnerability);
        row.map_or(Severity::Unknown, |row| self.severity(row.word(8), profile))
    }

    /// Of a rating's number plus one.
    pub(crate) fn severity(&self, rating: u32, profile: Profile) -> Severity {
        let row = rating.checked_sub(1).and_then(|number| self.tables.row(Section::Ratings, number));
        row.map_or(Severity::Unknown, |row| {
            let score = u8::try_from(row.word(12)).ok().and_then(|score| score.checked_sub(1));
            profile.of(score, Some(self.tables.text(row.word(8))))
        })
    }
}
