//! What one snapshot's file needs to become another: the records that differ, for machines that have yesterday's.
//!
//! ```text
//!   {"format":"assay-advisories-delta/1","new":"sha256:…","old":"sha256:…"}        one line
//!   zlib of JSON: about, changed records, EPSS scores by date, removed (id, source)
//! ```
//!
//! A file is a function of its records, so that building old records with these changes gives the new file to the byte, and
//! its digest says whether it did.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
};

use base::limits::{SNAPSHOT_ABOUT_BYTES, SNAPSHOT_BYTES};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use serde::{Deserialize, Serialize};

use crate::{About, Advisory, Epss, Error, Snapshot, read::EPSS};

const FORMAT: &str = "assay-advisories-delta/1";

/// The difference of two snapshots.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    old: String,
    new: String,
    body: Body,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    new: String,
    old: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    about: About,
    changed: Vec<Advisory>,
    /// By date: id, probability and percentile in hundred-thousandths.
    epss: BTreeMap<String, Vec<(String, u32, u32)>>,
    /// Id and source.
    removed: Vec<(String, String)>,
}

type Records = BTreeMap<(String, String), Advisory>;

impl Delta {
    /// What leads from one to the other.
    pub fn between(old: &Snapshot, new: &Snapshot) -> Result<Delta, Error> {
        let (mut from, mut body) = (by_id(old)?, Body { about: new.about().clone(), ..Body::default() });
        for (key, record) in by_id(new)? {
            if from.remove(&key).as_ref() == Some(&record) {
                continue;
            }
            match record.epss {
                Some(Epss { date, percentile_1e5, probability_1e5 }) => {
                    body.epss.entry(date).or_default().push((record.id, probability_1e5, percentile_1e5));
                }
                None => body.changed.push(record),
            }
        }
        body.removed = from.into_keys().collect();
        Ok(Delta { old: old.digest().to_owned(), new: new.digest().to_owned(), body })
    }

    /// Whether a file begins as a delta does.
    pub(crate) fn begins(bytes: &[u8]) -> bool {
        bytes.starts_with(br#"{"format":"assay-advisories-delta/"#)
    }

    /// The digest of the snapshot that it is applied to.
    pub fn old(&self) -> &str {
        &self.old
    }

    /// The digest of what comes out.
    pub fn new_digest(&self) -> &str {
        &self.new
    }

    /// How many records are added or changed, and how many removed; EPSS scores count as one record each.
    pub fn counts(&self) -> (usize, usize) {
        (self.body.changed.len() + self.body.epss.values().map(Vec::len).sum::<usize>(), self.body.removed.len())
    }

    /// Make the new snapshot. Refused when the old one is another, or when what comes out is not what the delta names.
    pub fn apply(&self, old: &Snapshot) -> Result<Snapshot, Error> {
        if old.digest() != self.old {
            let reason = format!("this delta is for the snapshot {}, and the one here is {}", self.old, old.digest());
            return Err(Error::File { reason });
        }
        let mut records = by_id(old)?;
        for key in &self.body.removed {
            records.remove(key);
        }
        for record in &self.body.changed {
            records.insert((record.id.clone(), record.source.clone()), record.clone());
        }
        for (date, scores) in &self.body.epss {
            for (id, probability_1e5, percentile_1e5) in scores {
                let epss =
                    Epss { date: date.clone(), percentile_1e5: *percentile_1e5, probability_1e5: *probability_1e5 };
                let record =
                    Advisory { id: id.clone(), source: EPSS.to_owned(), epss: Some(epss), ..Advisory::default() };
                records.insert((id.clone(), EPSS.to_owned()), record);
            }
        }
        let new = Snapshot::new(self.body.about.clone(), records.into_values().collect())?;
        if new.digest() != self.new {
            let reason = format!("the delta promises {} and makes {}", self.new, new.digest());
            return Err(Error::File { reason });
        }
        Ok(new)
    }

    pub fn serialise(&self) -> Vec<u8> {
        let head = Head { format: FORMAT.to_owned(), new: self.new.clone(), old: self.old.clone() };
        let mut out = serde_json::to_vec(&head).expect("texts always serialise");
        out.push(b'\n');
        let body = serde_json::to_vec(&self.body).expect("texts and numbers always serialise");
        let mut packed = ZlibEncoder::new(out, Compression::best());
        packed.write_all(&body).expect("memory always writes");
        packed.finish().expect("memory always writes")
    }

    /// Read what [`Delta::serialise`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Delta, Error> {
        let wrong = |reason: String| Error::File { reason: format!("this is no delta of advisories: {reason}") };
        let end = bytes.iter().take(SNAPSHOT_ABOUT_BYTES).position(|byte| *byte == b'\n');
        let (head, packed) = bytes.split_at(end.ok_or_else(|| wrong("its first line has no end".to_owned()))?);
        let head: Head = serde_json::from_slice(head).map_err(|error| wrong(error.to_string()))?;
        if head.format != FORMAT {
            return Err(wrong(format!("its format is {}, not {FORMAT}", head.format)));
        }
        let mut body = Vec::new();
        let limit = SNAPSHOT_BYTES as u64;
        let unpacked = ZlibDecoder::new(&packed[1..]).take(limit + 1).read_to_end(&mut body);
        unpacked.map_err(|error| wrong(error.to_string()))?;
        if body.len() as u64 > limit {
            return Err(Error::TooLarge { what: "what the delta unpacks to".to_owned(), limit: SNAPSHOT_BYTES });
        }
        let body = serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))?;
        Ok(Delta { old: head.old, new: head.new, body })
    }
}

fn by_id(snapshot: &Snapshot) -> Result<Records, Error> {
    let records = snapshot.records()?.into_iter();
    Ok(records.map(|record| ((record.id.clone(), record.source.clone()), record)).collect())
}
