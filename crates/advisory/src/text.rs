//! Snapshots as text: what version 1 of this program kept, which is still read, and an export that people can look into.
//!
//! ```text
//!   {"about":{"created":"…","label":"…","name":"…"},"format":"assay-advisories/2"}
//!   {"affected":[…],"id":"CVE-2014-0160","source":"nvd"}                               one record a line
//! ```
//! Version 1 has the parts of `about` in its first line, and one severity in each record.

use std::collections::BTreeSet;

use base::{
    Timestamp,
    limits::{ADVISORY_BYTES, SNAPSHOT_ADVISORIES},
};
use serde::{Deserialize, Serialize};

use crate::{About, Advisory, Affected, Ecosystem, Error, Range, Rating, Snapshot};

const OLD_FORMAT: &str = "assay-advisories/1";
const FORMAT: &str = "assay-advisories/2";

/// The source of records that do not name one.
const UNNAMED: &str = "imported";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    about: About,
    format: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldHead {
    created: Timestamp,
    format: String,
    label: String,
    name: String,
    never_stale: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldRecord {
    affected: Vec<OldAffected>,
    #[serde(default)]
    aliases: Vec<String>,
    cvss_tenths: Option<u8>,
    id: String,
    name: Option<String>,
    severity: String,
    source_severity: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldAffected {
    ecosystem: Ecosystem,
    #[serde(default)]
    exact: Vec<String>,
    package: String,
    #[serde(default)]
    ranges: Vec<Range>,
}

impl Snapshot {
    /// As text. Reading it makes the same file again.
    pub fn export(&self) -> Result<Vec<u8>, Error> {
        let head = Head { about: self.about().clone(), format: FORMAT.to_owned() };
        let mut out = serde_json::to_vec(&head).expect("texts and dates always serialise");
        out.push(b'\n');
        for record in self.records()? {
            serde_json::to_writer(&mut out, &record).expect("texts and numbers always serialise, memory always writes");
            out.push(b'\n');
        }
        Ok(out)
    }
}

/// Read either version; lines may stand in any order behind the first.
pub(crate) fn parse(bytes: &[u8]) -> Result<(About, Vec<Advisory>), Error> {
    let wrong = |line: usize, reason: String| Error::Line { line: line + 1, reason };
    let mut lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    let (at, first) = lines.next().ok_or_else(|| wrong(0, "it is empty".to_owned()))?;
    let (about, old) = head(first).map_err(|reason| wrong(at, reason))?;
    let mut advisories = Vec::new();
    for (at, line) in lines {
        if line.len() > ADVISORY_BYTES {
            return Err(Error::TooLarge { what: format!("line {}", at + 1), limit: ADVISORY_BYTES });
        }
        if advisories.len() == SNAPSHOT_ADVISORIES {
            return Err(Error::TooLarge { what: "the number of advisories".to_owned(), limit: SNAPSHOT_ADVISORIES });
        }
        let record =
            if old { old_record(line) } else { serde_json::from_slice(line).map_err(|error| error.to_string()) };
        advisories.push(record.map_err(|reason| wrong(at, reason))?);
    }
    Ok((about, advisories))
}

/// What it says of itself, and whether it is of version 1.
fn head(line: &[u8]) -> Result<(About, bool), String> {
    let head = match serde_json::from_slice::<Head>(line) {
        Ok(head) if head.format == FORMAT => return Ok((head.about, false)),
        Ok(head) => return Err(format!("its format is {}, not {FORMAT}", head.format)),
        Err(error) => serde_json::from_slice::<OldHead>(line).map_err(|_| {
            format!("it does not begin as an advisory snapshot does, neither as a file nor as text ({error})")
        })?,
    };
    if head.format != OLD_FORMAT {
        return Err(format!("its format is {}, not {OLD_FORMAT}", head.format));
    }
    let OldHead { created, label, name, never_stale, .. } = head;
    Ok((About { created, label, name, never_stale, covered: BTreeSet::new(), sources: Vec::new() }, true))
}

fn old_record(line: &[u8]) -> Result<Advisory, String> {
    let old: OldRecord = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let affected = old.affected.into_iter().map(|entry| Affected {
        exact: entry.exact,
        ranges: entry.ranges,
        ..Affected::new(entry.ecosystem, entry.package)
    });
    let vector = old.source_severity.filter(|said| said.contains(':'));
    let word = vector.is_none().then_some(old.severity).filter(|word| word != "unknown");
    let rating = Rating { source: UNNAMED.to_owned(), score_tenths: old.cvss_tenths, vector, word };
    let affected = affected.collect();
    let ratings = vec![rating];
    Ok(Advisory {
        affected,
        aliases: old.aliases,
        id: old.id,
        name: old.name,
        ratings,
        source: UNNAMED.to_owned(),
        ..Advisory::default()
    })
}
