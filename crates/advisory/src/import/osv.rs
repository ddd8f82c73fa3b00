//! Records in the Open Source Vulnerability format (OSV schema 1.7), as JSON and as YAML, of every database that uses it.

use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use base::limits::ADVISORY_BYTES;
use serde::Deserialize;
use serde_json::Value;
use version::compare;

use super::{
    Import,
    elements::{self, or_default},
    ids, osv_source, refused, text, time, yaml,
};
use crate::{Advisory, Affected, Ecosystem, Error, Family, Range, Rating, Status};

/// The fields we read; the schema has many more.
#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    aliases: Vec<String>,
    /// The records of others that this one passes on: a Debian advisory lists its CVEs here.
    #[serde(default, deserialize_with = "or_default")]
    upstream: Vec<String>,
    /// Bulletins of older schema versions list theirs here.
    #[serde(default, deserialize_with = "or_default")]
    related: Vec<String>,
    withdrawn: Option<String>,
    published: Option<String>,
    modified: Option<String>,
    summary: Option<String>,
    details: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<Score>,
    #[serde(default, deserialize_with = "or_default")]
    affected: Vec<Entry>,
    #[serde(default, deserialize_with = "or_default")]
    references: Vec<Reference>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default, rename = "type")]
    kind: String,
    score: String,
}

#[derive(Deserialize)]
struct Entry {
    package: Option<Package>,
    #[serde(default, deserialize_with = "or_default")]
    ranges: Vec<EventRange>,
    #[serde(default, deserialize_with = "or_default")]
    versions: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<Score>,
    #[serde(default)]
    ecosystem_specific: Value,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    ecosystem: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct EventRange {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<BTreeMap<String, String>>,
}

/// One record, or a list of them.
pub(super) fn read_json(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let list = bytes.trim_ascii_start().starts_with(b"[");
    if !list {
        fits(name, bytes)?;
        let record: Record = serde_json::from_slice(bytes).map_err(|error| refused(name, error))?;
        return record_of(record, name, import);
    }
    let mut each = |value: Value| match serde_json::from_value(value) {
        Ok(record) => record_of(record, name, import),
        Err(error) => {
            import.wrong(name, error.to_string());
            Ok(())
        }
    };
    elements::list(bytes, "vulns", &mut each).map_err(|stopped| stopped.of(name))
}

pub(super) fn read_yaml(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    fits(name, bytes)?;
    let value = yaml::read(&text(bytes)).map_err(|reason| refused(name, reason))?;
    let record: Record = serde_json::from_value(value).map_err(|error| refused(name, error))?;
    record_of(record, name, import)
}

fn fits(name: &str, bytes: &[u8]) -> Result<(), Error> {
    match bytes.len() {
        length if length > ADVISORY_BYTES => {
            Err(refused(name, format!("it has {length} bytes, more than the limit of {ADVISORY_BYTES}")))
        }
        _ => Ok(()),
    }
}

fn record_of(record: Record, name: &str, import: &mut Import) -> Result<(), Error> {
    if record.id.is_empty() {
        return Err(refused(name, "its id is empty"));
    }
    if record.withdrawn.is_some() {
        import.skip("withdrawn");
        return Ok(());
    }
    let source = osv_source::source_of(&record.id);
    let (aliases, covers) = others(&record);
    if covers.is_empty() && aliases.is_empty() && osv_source::is_no_security(&record.id) {
        import.skip("bulletin about bugs, not vulnerabilities");
        return Ok(());
    }
    let ratings = ratings(&record, &source);
    let mut affected = Vec::new();
    for entry in record.affected {
        match self::affected(entry, &source) {
            Ok(entries) => affected.extend(entries),
            Err(reason) => import.skip(reason),
        }
    }
    if affected.is_empty() {
        import.skip("record without any entry we can use");
        return Ok(());
    }
    let cpes = texts(record.database_specific.get("cpes"));
    let summary =
        record.summary.filter(|summary| !summary.is_empty()).or_else(|| first_line(record.details.as_deref()));
    import.push(Advisory {
        affected,
        aliases,
        covers,
        cpes,
        modified: record.modified.as_deref().and_then(time),
        name: (source == "malicious-packages").then(|| "malicious package".to_owned()),
        published: record.published.as_deref().and_then(time),
        ratings,
        references: record.references.into_iter().map(|reference| reference.url).collect(),
        summary,
        id: record.id,
        source,
        ..Advisory::default()
    })
}

/// Aliases, and what a bulletin covers. One upstream record is the same vulnerability, unless a bulletin says so.
fn others(record: &Record) -> (Vec<String>, Vec<String>) {
    let (mut aliases, mut covers) = (record.aliases.clone(), record.upstream.clone());
    if osv_source::is_bulletin(&record.id) {
        if covers.is_empty() {
            covers.extend(record.related.iter().filter(|id| ids::is_cve(id)).cloned());
        }
        covers.extend(aliases.extract_if(.., |alias| ids::is_cve(alias)));
    } else if covers.len() == 1 {
        aliases.append(&mut covers);
    }
    (aliases, covers)
}

/// The vectors, the scores without one, and the database's own word.
fn ratings(record: &Record, source: &str) -> Vec<Rating> {
    let rater = osv_source::rater(source);
    let scores = record.severity.iter().chain(record.affected.iter().flat_map(|entry| &entry.severity));
    let mut ratings: Vec<Rating> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |rating: Rating| {
        if seen.insert(rating.clone()) {
            ratings.push(rating);
        }
    };
    scores.for_each(|score| add(rating(rater, score)));
    let specific = |value: &Value| value.get("severity").and_then(Value::as_str).map(str::to_owned);
    let word = specific(&record.database_specific)
        .or_else(|| record.affected.iter().find_map(|entry| specific(&entry.database_specific)));
    if let Some(word) = word {
        add(Rating::of_word(rater, word));
    }
    // A RustSec record has its vector with the package.
    let vector = record.affected.iter().find_map(|entry| entry.database_specific.get("cvss").and_then(Value::as_str));
    if let Some(vector) = vector {
        add(Rating::of_vector(rater, vector));
    }
    // AlmaLinux says "Important: gupnp security update", and nothing else.
    let said = record.summary.as_deref().and_then(|summary| summary.split_once(": ")).map(|(word, _)| word);
    let said = said.filter(|word| matches!(*word, "Critical" | "Important" | "Moderate" | "Low"));
    if let Some(word) = said.filter(|_| osv_source::is_bulletin(&record.id)) {
        add(Rating::of_word(rater, word));
    }
    if source == "malicious-packages" {
        add(Rating::of_word(rater, "critical"));
    }
    ratings
}

fn rating(rater: &str, score: &Score) -> Rating {
    let text = score.score.trim();
    if score.kind.starts_with("CVSS") || text.contains(":") {
        return Rating::of_vector(rater, text);
    }
    Rating::of_word(rater, text)
}

fn affected(entry: Entry, source: &str) -> Result<Vec<Affected>, &'static str> {
    let only_commits = !entry.ranges.is_empty() && entry.ranges.iter().all(|range| range.kind == "GIT");
    let package = match entry.package {
        Some(package) if !package.name.is_empty() => package,
        _ if only_commits => return Err("entry with commits only"),
        _ => return Err("entry without a package"),
    };
    let maintained = entry.database_specific.get("informational").and_then(Value::as_str);
    if matches!(maintained, Some("unmaintained" | "notice")) {
        return Err("about maintenance, not a vulnerability");
    }
    let (ecosystem, channel) = ecosystem(&package.ecosystem)?;
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
    let rater = osv_source::rater(source);
    let words = ["severity", "urgency", "ubuntu_priority"];
    let word = words.iter().find_map(|key| entry.ecosystem_specific.get(key).and_then(Value::as_str));
    let rating = word.map(|word| Rating::of_word(rater, word));
    let package = family.spelling(&package.name).into_owned();
    let status = Status::Affected;
    let one = Affected { ranges, exact, rating, channel, status, ..Affected::new(ecosystem, package) };
    Ok(osv_source::names(family).iter().map(|named| Affected { named: *named, ..one.clone() }).collect())
}

/// OSS-Fuzz names projects, whose versions are those of their repositories: upstream's.
fn ecosystem(name: &str) -> Result<(Ecosystem, Option<String>), &'static str> {
    match name {
        "OSS-Fuzz" => Ok((Ecosystem::new(Family::Upstream, None), None)),
        "" => Err("entry without a package"),
        _ => Ecosystem::read(name).map_err(|_| "entry of another ecosystem"),
    }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What a record without a summary begins with.
fn first_line(details: Option<&str>) -> Option<String> {
    let mut lines = details?.lines().map(|line| line.trim().trim_start_matches('#').trim());
    let first = lines.find(|line| !line.is_empty())?;
    Some(first.to_owned())
}

/// "Events" of the schema: a set without order, each opening or closing a range.
fn ranges(family: Family, events: &[BTreeMap<String, String>]) -> Vec<Range> {
    let mut events: Vec<(&str, Cow<'_, str>)> =
        events.iter().flatten().map(|(kind, version)| (kind.as_str(), Cow::Borrowed(version.as_str()))).collect();
    events.sort_by(|left, right| match (is_start(left), is_start(right)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compare(family.scheme(), &left.1, &right.1),
    });
    let mut ranges = Vec::new();
    let mut open: Option<Range> = None;
    for (kind, version) in events {
        let version = version.into_owned();
        match kind {
            "introduced" => {
                let introduced = Some(version).filter(|version| version != "0");
                open.get_or_insert(Range { introduced, ..Range::default() });
            }
            "fixed" => ranges.extend(open.take().map(|range| Range { fixed: Some(version), ..range })),
            "last_affected" => {
                ranges.extend(open.take().map(|range| Range { last_affected: Some(version), ..range }));
            }
            _ => {}
        }
    }
    ranges.extend(open);
    ranges
}

fn is_start(event: &(&str, Cow<'_, str>)) -> bool {
    event.0 == "introduced" && event.1 == "0"
}
