//! Records in the Open Source Vulnerability format (OSV schema 1.7), as osv.dev gives them for Debian, Alpine and PyPI.

use std::{cmp::Ordering, collections::BTreeMap};

use base::limits::{ADVISORY_BYTES, SNAPSHOT_ADVISORIES};
use serde::Deserialize;
use serde_json::Value;
use version::compare;

use crate::{Advisory, Affected, Ecosystem, Error, Family, Range, Rating, Status};

/// Wrong records that are kept to be shown; a folder of other files would name each of them.
const ERRORS_SHOWN: usize = 100;

/// What came of a set of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    pub advisories: Vec<Advisory>,
    /// Records and entries that were left out for a good reason, counted by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// The first hundred records that could not be read, with their file names.
    pub wrong: Vec<Error>,
    pub wrong_total: u64,
}

/// Read records, each with the name of its file. One that is wrong is named, and the rest goes on.
pub fn import<N: AsRef<str>, B: AsRef<[u8]>>(records: impl IntoIterator<Item = (N, B)>) -> Result<Import, Error> {
    let mut import = Import::default();
    for (name, bytes) in records {
        if import.advisories.len() == SNAPSHOT_ADVISORIES {
            return Err(Error::TooLarge { what: "the number of records".to_owned(), limit: SNAPSHOT_ADVISORIES });
        }
        match record(bytes.as_ref(), &mut import.skipped) {
            Ok(advisory) => import.advisories.extend(advisory),
            Err(reason) => {
                import.wrong_total += 1;
                if import.wrong.len() < ERRORS_SHOWN {
                    import.wrong.push(Error::Record { file: name.as_ref().to_owned(), reason });
                }
            }
        }
    }
    Ok(import)
}

/// The fields we read; the schema has many more.
#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    aliases: Vec<String>,
    /// The records of others that this one passes on: a Debian advisory lists its CVEs here.
    #[serde(default)]
    upstream: Vec<String>,
    withdrawn: Option<String>,
    #[serde(default)]
    severity: Vec<Score>,
    #[serde(default)]
    affected: Vec<Entry>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct Score {
    score: String,
}

#[derive(Deserialize)]
struct Entry {
    package: Option<Package>,
    #[serde(default)]
    ranges: Vec<EventRange>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    severity: Vec<Score>,
    #[serde(default)]
    ecosystem_specific: Value,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct EventRange {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<BTreeMap<String, String>>,
}

fn record(bytes: &[u8], skipped: &mut BTreeMap<&'static str, u64>) -> Result<Option<Advisory>, String> {
    if bytes.len() > ADVISORY_BYTES {
        return Err(format!("it has {} bytes, more than the limit of {ADVISORY_BYTES}", bytes.len()));
    }
    let record: Record = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if record.id.is_empty() {
        return Err("its id is empty".to_owned());
    }
    let mut skip = |reason| *skipped.entry(reason).or_default() += 1;
    if record.withdrawn.is_some() {
        skip("withdrawn");
        return Ok(None);
    }
    let source = source_of(&record);
    let ratings = ratings(&record, &source);
    let mut affected = Vec::new();
    for entry in record.affected {
        match self::affected(entry, &source) {
            Ok(entry) => affected.push(entry),
            Err(reason) => skip(reason),
        }
    }
    if affected.is_empty() {
        skip("record without any entry we can use");
        return Ok(None);
    }
    // One upstream record is the same vulnerability, several are what a bulletin is about.
    let (mut aliases, mut covers) = (record.aliases, record.upstream);
    if covers.len() == 1 {
        aliases.append(&mut covers);
    }
    Ok(Some(Advisory { affected, aliases, covers, id: record.id, ratings, source, ..Advisory::default() }))
}

/// The database, from the id's prefix: `GHSA-…`, `DEBIAN-CVE-…`.
fn source_of(record: &Record) -> String {
    record.id.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}

/// The vectors, and the database's own word.
fn ratings(record: &Record, source: &str) -> Vec<Rating> {
    let vectors = record.severity.iter().chain(record.affected.iter().flat_map(|entry| &entry.severity));
    let mut ratings: Vec<Rating> = vectors.map(|score| Rating::of_vector(source, score.score.clone())).collect();
    let word = record.database_specific.get("severity").and_then(Value::as_str);
    ratings.extend(word.map(|word| Rating::of_word(source, word)));
    ratings
}

fn affected(entry: Entry, source: &str) -> Result<Affected, &'static str> {
    let package = entry.package.ok_or("entry without a package")?;
    let (ecosystem, channel) = Ecosystem::read(&package.ecosystem).map_err(|_| "entry of another ecosystem")?;
    let family = ecosystem.family();
    let ranges: Vec<Range> = entry
        .ranges
        .iter()
        .filter(|range| range.kind == "ECOSYSTEM" || range.kind == "SEMVER")
        .flat_map(|range| ranges(family, &range.events))
        .collect();
    if ranges.is_empty() && entry.versions.is_empty() {
        return Err(if entry.ranges.is_empty() { "entry without versions" } else { "entry with commits only" });
    }
    // Where ranges are given the list repeats them, for thousands of versions.
    let exact = if ranges.is_empty() { entry.versions } else { Vec::new() };
    let words = ["severity", "urgency"].map(|key| entry.ecosystem_specific.get(key).and_then(Value::as_str));
    let rating = words.into_iter().flatten().next().map(|word| Rating::of_word(source, word));
    let package = family.spelling(&package.name).into_owned();
    Ok(Affected { ranges, exact, rating, channel, status: Status::Affected, ..Affected::new(ecosystem, package) })
}

/// "Events" of the schema: a set without order, each opening or closing a range.
fn ranges(family: Family, events: &[BTreeMap<String, String>]) -> Vec<Range> {
    let mut events: Vec<(&str, &str)> =
        events.iter().flatten().map(|(kind, version)| (kind.as_str(), version.as_str())).collect();
    events.sort_by(|left, right| match (*left, *right) {
        (("introduced", "0"), ("introduced", "0")) => Ordering::Equal,
        (("introduced", "0"), _) => Ordering::Less,
        (_, ("introduced", "0")) => Ordering::Greater,
        ((_, left), (_, right)) => compare(family.scheme(), left, right),
    });
    let mut ranges = Vec::new();
    let mut open: Option<Range> = None;
    for (kind, version) in events {
        match kind {
            "introduced" => {
                let introduced = Some(version.to_owned()).filter(|version| version != "0");
                open.get_or_insert(Range { introduced, ..Range::default() });
            }
            "fixed" => ranges.extend(open.take().map(|range| Range { fixed: Some(version.to_owned()), ..range })),
            "last_affected" => {
                ranges.extend(open.take().map(|range| Range { last_affected: Some(version.to_owned()), ..range }));
            }
            _ => {}
        }
    }
    ranges.extend(open);
    ranges
}
