//! A snapshot's file written from records: the same records give the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use base::limits::SNAPSHOT_BYTES;
use sha2::{Digest as _, Sha256};
use version::Scheme;

use crate::{
    About, Advisory, Affected, Ecosystem, Error, Family, Named, Range, Rating, Status,
    alias::{self, Groups},
    layout::{self, HEADER_BYTES, MAGIC, Section, VERSION},
    merge::{self, Merged},
    pool::{Lists, Map, Pool, Rows},
    rating,
};

/// The order is the code that entries hold.
pub(crate) const STATUSES: [Status; 6] = [
    Status::Affected,
    Status::Deferred,
    Status::EndOfLife,
    Status::NotAffected,
    Status::UnderInvestigation,
    Status::WillNotFix,
];

/// The code that entries hold is one more than the position, and 0 for the family's own.
pub(crate) const NAMES: [Named; 2] = [Named::Binary, Named::Source];

/// Write the file.
pub(crate) fn build(about: &About, advisories: Vec<Advisory>) -> Result<Vec<u8>, Error> {
    let Merged { mut records, epss } = merge::merge(advisories)?;
    let groups = alias::group(&records);
    let affected: Vec<Vec<Affected>> = records.iter_mut().map(|record| std::mem::take(&mut record.affected)).collect();
    let mut writer = Writer::default();
    for (record, vulnerabilities) in records.iter().zip(&groups.of_record) {
        writer.record(record, vulnerabilities);
    }
    for (id, about) in &groups.vulnerabilities {
        let ratings = about.iter().map(|at| &records[*at as usize]).filter(|record| !record.is_bulletin());
        let best = rating::first(ratings.flat_map(|record| &record.ratings));
        let epss = epss.get(id).cloned().unwrap_or_default();
        let (id, list, best) = (writer.text(id), writer.lists.place(about), writer.rating_or_none(best));
        let date = writer.text(&epss.date);
        let row = [id, list, best, epss.probability_1e5, epss.percentile_1e5, date];
        row.iter().for_each(|word| put(writer.out(Section::Vulnerabilities), *word));
    }
    for (name, vulnerability) in &groups.names {
        let name = writer.text(name);
        put(writer.out(Section::Names), name);
        put(writer.out(Section::Names), *vulnerability);
    }
    let ecosystems: BTreeSet<&Ecosystem> =
        affected.iter().flatten().map(|entry| &entry.ecosystem).chain(&about.covered).collect();
    let ecosystems = writer.ecosystems(&ecosystems)?;
    writer.packages(&affected, &ecosystems, &hashes(&records, &groups));
    writer.finish(about)
}

/// What is shown of each record's vulnerabilities, apart from EPSS, which moves every day: a hash by record.
fn hashes(records: &[Advisory], groups: &Groups) -> Vec<[u8; 32]> {
    let content: Vec<[u8; 32]> = records
        .iter()
        .map(|record| Sha256::digest(serde_json::to_vec(record).expect("texts and numbers always serialise")).into())
        .collect();
    let vulnerabilities: Vec<[u8; 32]> = groups
        .vulnerabilities
        .iter()
        .map(|(id, about)| {
            let mut hash = Sha256::new_with_prefix(id);
            about.iter().for_each(|at| hash.update(content[*at as usize]));
            hash.finalize().into()
        })
        .collect();
    content
        .iter()
        .zip(&groups.of_record)
        .map(|(content, about)| {
            let mut hash = Sha256::new_with_prefix(content);
            about.iter().for_each(|at| hash.update(vulnerabilities[*at as usize]));
            hash.finalize().into()
        })
        .collect()
}

#[derive(Default)]
struct Writer {
    sections: BTreeMap<usize, Vec<u8>>,
    strings: Pool,
    keys: Pool,
    lists: Lists,
    ratings: Rows<4>,
    qualifiers: Rows<4>,
    ranges: Rows<3>,
    versions: Rows<2>,
    /// Version numbers by scheme and text: a key is made once.
    known: Map<(Scheme, String), u32>,
}

impl Writer {
    fn out(&mut self, section: Section) -> &mut Vec<u8> {
        self.sections.entry(section as usize).or_default()
    }

    fn text(&mut self, text: &str) -> u32 {
        self.strings.place(text.as_bytes())
    }

    fn texts(&mut self, texts: &[String]) -> u32 {
        let places: Vec<u32> = texts.iter().map(|text| self.strings.place(text.as_bytes())).collect();
        self.lists.place(&places)
    }

    fn optional(&mut self, text: &Option<String>) -> u32 {
        self.text(text.as_deref().unwrap_or_default())
    }

    fn rating(&mut self, rating: &Rating) -> u32 {
        let score = rating.score_tenths.map_or(0, |tenths| u32::from(tenths) + 1);
        let row = [self.text(&rating.source), self.optional(&rating.vector), self.optional(&rating.word), score];
        self.ratings.number(row)
    }

    fn rating_or_none(&mut self, rating: Option<&Rating>) -> u32 {
        rating.map_or(0, |rating| self.rating(rating) + 1)
    }

    fn record(&mut self, record: &Advisory, vulnerabilities: &[u32]) {
        let kev = record.kev.as_ref().map(|kev| [self.strings.place(kev.added.as_bytes()), u32::from(kev.ransomware)]);
        let ratings: Vec<u32> = record.ratings.iter().map(|rating| self.rating(rating)).collect();
        let head = [
            self.text(&record.id),
            self.text(&record.source),
            self.optional(&record.summary),
            self.optional(&record.name),
        ];
        let tail = [
            self.texts(&record.aliases),
            self.texts(&record.covers),
            self.texts(&record.cpes),
            self.texts(&record.references),
            self.lists.place(&ratings),
            self.lists.place(vulnerabilities),
            kev.map_or(0, |kev| self.lists.place(&kev)),
            self.rating_or_none(rating::first(&record.ratings)),
        ];
        let out = self.out(Section::Records);
        head.iter().for_each(|word| put(out, *word));
        for time in [record.published, record.modified] {
            // The first moment of all stands for none.
            out.extend(time.map_or(i64::MIN, |time| time.as_second()).to_le_bytes());
        }
        tail.iter().for_each(|word| put(out, *word));
    }

    fn ecosystems<'a>(&mut self, sorted: &BTreeSet<&'a Ecosystem>) -> Result<Map<&'a Ecosystem, u16>, Error> {
        let mut numbers = Map::default();
        for (number, ecosystem) in sorted.iter().enumerate() {
            let limit = usize::from(u16::MAX);
            let number = u16::try_from(number)
                .map_err(|_| Error::TooLarge { what: "the number of releases".to_owned(), limit })?;
            let family = self.text(ecosystem.family().as_str());
            let release = self.text(ecosystem.release().unwrap_or_default());
            put(self.out(Section::Ecosystems), family);
            put(self.out(Section::Ecosystems), release);
            numbers.insert(*ecosystem, number);
        }
        Ok(numbers)
    }

    /// Families, packages and entries, sorted.
    fn packages(&mut self, affected: &[Vec<Affected>], ecosystems: &Map<&Ecosystem, u16>, hashes: &[[u8; 32]]) {
        let mut entries: Vec<(Family, &Affected, u32)> = Vec::new();
        for (record, affected) in (0_u32..).zip(affected) {
            entries.extend(affected.iter().map(|entry| (entry.ecosystem.family(), entry, record)));
        }
        entries.sort_by_key(|(family, entry, record)| {
            (*family, entry.package.as_str(), &entry.ecosystem, *record, *entry)
        });
        let (mut first_entry, mut package) = (0_u32, 0_u32);
        for of_family in entries.chunk_by(|left, right| left.0 == right.0) {
            let (first_package, family) = (package, of_family[0].0);
            for of_package in of_family.chunk_by(|left, right| left.1.package == right.1.package) {
                let mut hash = Sha256::new();
                for (_, entry, record) in of_package {
                    hash.update(serde_json::to_vec(entry).expect("texts and numbers always serialise"));
                    hash.update(hashes[*record as usize]);
                    self.entry(entry, *record, ecosystems[&entry.ecosystem]);
                }
                let name = self.text(&of_package[0].1.package);
                let out = self.out(Section::Packages);
                [name, first_entry, of_package.len() as u32].iter().for_each(|word| put(out, *word));
                out.extend(&hash.finalize()[..16]);
                first_entry += of_package.len() as u32;
                package += 1;
            }
            let name = self.text(family.as_str());
            let out = self.out(Section::Families);
            [name, first_package, package - first_package].iter().for_each(|word| put(out, *word));
        }
    }

    fn entry(&mut self, entry: &Affected, record: u32, ecosystem: u16) {
        let scheme = entry.ecosystem.family().scheme();
        let ranges: Vec<u32> = entry.ranges.iter().map(|range| self.range(scheme, range)).collect();
        let mut exact: Vec<u32> = entry.exact.iter().map(|exact| self.version(scheme, exact)).collect();
        exact.sort_by(|left, right| {
            let key = |version: &u32| layout::run(&self.keys.bytes, self.versions.rows[*version as usize][1]);
            key(left).cmp(key(right)).then(left.cmp(right))
        });
        let qualifier = [&entry.module, &entry.architecture, &entry.channel, &entry.vendor]
            .map(|text| text.as_deref().unwrap_or_default());
        let qualifier = if qualifier.iter().all(|text| text.is_empty()) {
            0
        } else {
            let row = qualifier.map(|text| self.strings.place(text.as_bytes()));
            self.qualifiers.number(row) + 1
        };
        let words = [
            self.lists.place(&ranges),
            self.lists.place(&exact),
            self.rating_or_none(entry.rating.as_ref()),
            qualifier,
        ];
        let status = STATUSES.iter().position(|status| *status == entry.status).unwrap_or_default();
        let named = entry.named.and_then(|named| NAMES.iter().position(|one| *one == named)).map_or(0, |at| at + 1);
        let out = self.out(Section::Entries);
        put(out, record);
        out.extend(ecosystem.to_le_bytes());
        out.extend([status as u8, named as u8]);
        words.iter().for_each(|word| put(out, *word));
    }

    fn range(&mut self, scheme: Scheme, range: &Range) -> u32 {
        let bounds = [&range.introduced, &range.fixed, &range.last_affected];
        let row = bounds.map(|bound| bound.as_ref().map_or(0, |bound| self.version(scheme, bound) + 1));
        self.ranges.number(row)
    }

    fn version(&mut self, scheme: Scheme, text: &str) -> u32 {
        if let Some(number) = self.known.get(&(scheme, text.to_owned())) {
            return *number;
        }
        let row = [self.text(text), self.keys.place(&version::key(scheme, text))];
        let number = self.versions.number(row);
        self.known.insert((scheme, text.to_owned()), number);
        number
    }

    fn finish(mut self, about: &About) -> Result<Vec<u8>, Error> {
        let about = serde_json::to_vec(about).expect("texts and dates always serialise");
        let rows = [
            (Section::Qualifiers, flat(&self.qualifiers.rows)),
            (Section::Ranges, flat(&self.ranges.rows)),
            (Section::Versions, flat(&self.versions.rows)),
            (Section::Ratings, flat(&self.ratings.rows)),
            (Section::Lists, self.lists.words.iter().flat_map(|word| word.to_le_bytes()).collect()),
            (Section::About, about),
            (Section::Strings, self.strings.bytes),
            (Section::Keys, self.keys.bytes),
        ];
        self.sections.extend(rows.into_iter().map(|(section, bytes)| (section as usize, bytes)));
        let mut place = HEADER_BYTES + Section::COUNT * 16;
        let length = place + self.sections.values().map(Vec::len).sum::<usize>();
        if length > SNAPSHOT_BYTES {
            return Err(Error::TooLarge { what: "the snapshot's file".to_owned(), limit: SNAPSHOT_BYTES });
        }
        let mut file = Vec::with_capacity(length);
        file.extend(MAGIC);
        put(&mut file, VERSION);
        put(&mut file, Section::COUNT as u32 | version::KEY_FORMAT << 16);
        file.extend((length as u64).to_le_bytes());
        let none = Vec::new();
        for section in Section::ALL {
            let bytes = self.sections.get(&(section as usize)).unwrap_or(&none);
            file.extend((place as u64).to_le_bytes());
            file.extend((bytes.len() as u64).to_le_bytes());
            place += bytes.len();
        }
        for section in Section::ALL {
            file.extend(self.sections.get(&(section as usize)).unwrap_or(&none));
        }
        Ok(file)
    }
}

fn put(out: &mut Vec<u8>, word: u32) {
    out.extend(word.to_le_bytes());
}

fn flat<const N: usize>(rows: &[[u32; N]]) -> Vec<u8> {
    rows.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
}
