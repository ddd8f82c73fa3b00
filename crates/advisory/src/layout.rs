//! How a snapshot's file is laid out: every number little-endian, every row of one width, nothing to be parsed first.
//!
//! ```text
//!   0  magic 89 'ASSADV' 0A        8 version u32 = 2     12 sections u16 = 15     14 key format u16     16 length of the file u64
//!  24  per section: offset u64, length u64
//!
//!   about ─────── JSON of About
//!   families ──── name, first package, packages                       by name
//!   packages ──── name, first entry, entries, hash[16]                by family, then name
//!   entries ───── record, ecosystem u16, status u8, named u8, ranges*, exact*, rating+1, qualifier+1     by package
//!   ecosystems ── family, release                                     sorted; which entry is of which release
//!   qualifiers ── module, architecture, channel, vendor
//!   ranges ────── introduced+1, fixed+1, last affected+1              each a version, 0 is an open end
//!   versions ──── text, key                                           keys compare as bytes, as version::key makes them
//!   records ───── id, source, summary, name, published i64, modified i64, aliases*, covers*, cpes*, references*,
//!                 ratings*, vulnerabilities*, kev*, best rating+1      by id, then source
//!   ratings ───── source, vector, word, score+1
//!   vulns ─────── id, records*, best rating+1, epss probability, percentile, date       by id
//!   names ─────── id, vulnerability                                   by id: every id and alias there is
//!   lists ─────── count, then so many numbers                         what a * points to; 0 is the empty list
//!   strings ───── length as varint, then UTF-8                        what a name or text points to; 0 is the empty one
//!   keys ──────── length as varint, then bytes
//!
//!   package ─► entries ─► record ─► vulnerabilities ─► their records: ratings, KEV, aliases of every source
//! ```
//!
//! A reader goes from a package's name to its entries by two binary searches, and compares one key with the bounds of each
//! entry's ranges. A number that points outside its section reads as zero or nothing: no file can make a reader fail. Whether
//! the file says what it should is what [`crate::Snapshot::verify`] finds out, once, when it is imported.

use std::{fmt, sync::Arc};

use crate::Error;

pub(crate) const MAGIC: [u8; 8] = *b"\x89ASSADV\n";
pub(crate) const VERSION: u32 = 2;
pub(crate) const HEADER_BYTES: usize = 24;

/// The sections, in the order of the file's table. Each knows how wide a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    About,
    Families,
    Packages,
    Entries,
    Ecosystems,
    Qualifiers,
    Ranges,
    Versions,
    Records,
    Ratings,
    Vulnerabilities,
    Names,
    Lists,
    Strings,
    Keys,
}

impl Section {
    pub(crate) const COUNT: usize = 15;

    pub(crate) const ALL: [Section; Section::COUNT] = [
        Section::About,
        Section::Families,
        Section::Packages,
        Section::Entries,
        Section::Ecosystems,
        Section::Qualifiers,
        Section::Ranges,
        Section::Versions,
        Section::Records,
        Section::Ratings,
        Section::Vulnerabilities,
        Section::Names,
        Section::Lists,
        Section::Strings,
        Section::Keys,
    ];

    /// Bytes of one row; 1 where a section is one run of bytes.
    pub(crate) const fn width(self) -> usize {
        match self {
            Section::About | Section::Strings | Section::Keys => 1,
            Section::Lists => 4,
            Section::Ecosystems | Section::Versions | Section::Names => 8,
            Section::Families | Section::Ranges => 12,
            Section::Qualifiers | Section::Ratings => 16,
            Section::Entries | Section::Vulnerabilities => 24,
            Section::Packages => 28,
            Section::Records => 64,
        }
    }
}

/// Bytes that a snapshot lies in: a mapped file, or memory.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The file and where its sections are. Every read is checked.
#[derive(Clone)]
pub(crate) struct Tables {
    bytes: Bytes,
    sections: [(usize, usize); Section::COUNT],
    /// [`version::KEY_FORMAT`] of the program that wrote it.
    pub(crate) key_format: u32,
}

impl Tables {
    /// Reads the header and the table, nothing else.
    pub(crate) fn open(bytes: Bytes) -> Result<Tables, Error> {
        let file: &[u8] = (*bytes).as_ref();
        let wrong = |reason: &str| Error::File { reason: reason.to_owned() };
        if !file.starts_with(&MAGIC) {
            return Err(wrong("it is no advisory snapshot: its first bytes are others"));
        }
        let word = |at: usize| file.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
        let long = |at: usize| file.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map(u64::from_le_bytes);
        let cut = || wrong("it is cut off in its header");
        let version = word(8).ok_or_else(cut)?;
        if version != VERSION {
            return Err(Error::File {
                reason: format!("its format is version {version}, and this program reads version {VERSION}"),
            });
        }
        let numbers = word(12).ok_or_else(cut)?;
        if (numbers & 0xffff) as usize != Section::COUNT {
            return Err(wrong("it has another number of sections than its version has"));
        }
        let length = long(16).ok_or_else(cut)?;
        if length != file.len() as u64 {
            return Err(Error::File {
                reason: format!("it says it is {length} bytes long and is {}: it was cut off or added to", file.len()),
            });
        }
        let mut sections = [(0, 0); Section::COUNT];
        for (at, section) in Section::ALL.iter().enumerate() {
            let place = HEADER_BYTES + at * 16;
            let start = usize::try_from(long(place).ok_or_else(cut)?).map_err(|_| cut())?;
            let bytes = usize::try_from(long(place + 8).ok_or_else(cut)?).map_err(|_| cut())?;
            let end = start.checked_add(bytes).filter(|end| *end <= file.len());
            if end.is_none() || bytes % section.width() != 0 {
                return Err(Error::File { reason: format!("its section {section:?} does not fit into it") });
            }
            sections[at] = (start, bytes);
        }
        Ok(Tables { bytes, sections, key_format: numbers >> 16 })
    }

    pub(crate) fn file(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }

    pub(crate) fn section(&self, section: Section) -> &[u8] {
        let (start, bytes) = self.sections[section as usize];
        self.file().get(start..start + bytes).unwrap_or_default()
    }

    /// How many rows a section has.
    pub(crate) fn rows(&self, section: Section) -> u32 {
        u32::try_from(self.sections[section as usize].1 / section.width()).unwrap_or(u32::MAX)
    }

    /// One row; None behind the end.
    pub(crate) fn row(&self, section: Section, row: u32) -> Option<Row<'_>> {
        let start = (row as usize).checked_mul(section.width())?;
        self.section(section).get(start..start + section.width()).map(Row)
    }

    /// The text at this place of the strings.
    pub(crate) fn text(&self, place: u32) -> &str {
        std::str::from_utf8(self.bytes(place)).unwrap_or_default()
    }

    /// The same as bytes, which have the order of the text.
    pub(crate) fn bytes(&self, place: u32) -> &[u8] {
        run(self.section(Section::Strings), place)
    }

    /// The key at this place of the keys.
    pub(crate) fn key(&self, place: u32) -> &[u8] {
        run(self.section(Section::Keys), place)
    }

    /// The numbers of a list; none behind the end.
    pub(crate) fn list(&self, place: u32) -> List<'_> {
        let all = self.section(Section::Lists);
        let place = place as usize * 4;
        let count = all.get(place..place + 4).map_or(0, |four| Row(four).word(0)) as usize;
        let items = all.get(place + 4..).unwrap_or_default();
        List(&items[..items.len().min(count.saturating_mul(4))])
    }

    /// Rows before the first for which `before` does not hold, among `first..end`, which are sorted by it.
    pub(crate) fn partition(&self, section: Section, first: u32, end: u32, before: impl Fn(Row<'_>) -> bool) -> u32 {
        let (mut low, mut high) = (first, end.min(self.rows(section)).max(first));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.row(section, middle).is_some_and(&before) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// A varint's length and so many bytes.
pub(crate) fn run(pool: &[u8], place: u32) -> &[u8] {
    let mut at = place as usize;
    let (mut length, mut shift) = (0_usize, 0);
    while let Some(byte) = pool.get(at) {
        at += 1;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return at.checked_add(length).and_then(|end| pool.get(at..end)).unwrap_or_default();
        }
        shift += 7;
        if shift > 28 {
            break;
        }
    }
    &[]
}

impl fmt::Debug for Tables {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tables").field("bytes", &self.file().len()).finish_non_exhaustive()
    }
}

/// One row of a section. What lies outside it is zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a>(&'a [u8]);

impl<'a> Row<'a> {
    /// The four bytes from `at` on.
    pub(crate) fn word(self, at: usize) -> u32 {
        self.0.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
    }

    pub(crate) fn half(self, at: usize) -> u16 {
        self.0.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_le_bytes)
    }

    pub(crate) fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn long(self, at: usize) -> i64 {
        self.0.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, i64::from_le_bytes)
    }

    /// The rest from `at` on.
    pub(crate) fn tail(self, at: usize) -> &'a [u8] {
        self.0.get(at..).unwrap_or_default()
    }
}

/// Numbers in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a>(&'a [u8]);

impl<'a> List<'a> {
    pub(crate) fn len(self) -> usize {
        self.0.len() / 4
    }

    pub(crate) fn get(self, at: usize) -> u32 {
        Row(self.0).word(at * 4)
    }

    pub(crate) fn iter(self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.0.chunks_exact(4).map(|four| Row(four).word(0))
    }
}
