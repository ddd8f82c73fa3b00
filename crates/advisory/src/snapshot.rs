//! A digest-named set of advisories.
//!
//! ```text
//!   {"created":"2026-11-01T00:00:00Z","format":"assay-advisories/1","label":"…","name":"…","never_stale":false}
//!   {"affected":[…],"id":"CVE-2014-0160",…}          one advisory a line, sorted by id
//!   …                                                 the digest is the SHA-256 of all of it
//! ```

use std::collections::{BTreeSet, HashMap};

use base::{
    Timestamp,
    limits::{SNAPSHOT_ADVISORIES, SNAPSHOT_BYTES},
};
use serde::{Deserialize, Serialize};

use crate::{Advisory, Affected, Ecosystem, Error, Family};

const FORMAT: &str = "assay-advisories/1";

/// What a snapshot says about itself. It is part of the digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// When its newest record was taken.
    pub created: Timestamp,
    /// A sentence for people, shown wherever the snapshot is used.
    pub label: String,
    pub name: String,
    /// True for the starter set only: it is never current, so it cannot grow old either.
    pub never_stale: bool,
}

/// Immutable, so that its digest names it for good.
#[derive(Clone, Debug)]
pub struct Snapshot {
    about: About,
    advisories: Vec<Advisory>,
    digest: String,
    /// Advisory and affected entry, by family and package.
    index: HashMap<Family, HashMap<String, Vec<(usize, usize)>>>,
    covered: BTreeSet<Ecosystem>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    created: Timestamp,
    format: String,
    label: String,
    name: String,
    never_stale: bool,
}

impl Snapshot {
    /// Records of one id are joined; what they list twice is kept once.
    pub fn new(about: About, advisories: Vec<Advisory>) -> Result<Snapshot, Error> {
        if advisories.len() > SNAPSHOT_ADVISORIES {
            return Err(Error::TooLarge { what: "the number of advisories".to_owned(), limit: SNAPSHOT_ADVISORIES });
        }
        let mut snapshot = Snapshot {
            about,
            advisories: joined(advisories),
            digest: String::new(),
            index: HashMap::new(),
            covered: BTreeSet::new(),
        };
        for (at, advisory) in snapshot.advisories.iter().enumerate() {
            for (entry, affected) in advisory.affected.iter().enumerate() {
                let packages = snapshot.index.entry(affected.ecosystem.family()).or_default();
                packages.entry(affected.package.clone()).or_default().push((at, entry));
                snapshot.covered.insert(affected.ecosystem.clone());
            }
        }
        snapshot.digest = format!("sha256:{}", base::digest_hex(&snapshot.serialise()));
        Ok(snapshot)
    }

    /// Read what [`Snapshot::serialise`] wrote, in whatever order its lines are.
    pub fn parse(bytes: &[u8]) -> Result<Snapshot, Error> {
        if bytes.len() > SNAPSHOT_BYTES {
            return Err(Error::TooLarge { what: "the snapshot's file".to_owned(), limit: SNAPSHOT_BYTES });
        }
        let wrong = |line: usize, reason: String| Error::Line { line: line + 1, reason };
        let mut lines =
            bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
        let (at, head) = lines.next().ok_or_else(|| wrong(0, "it is empty".to_owned()))?;
        let head: Head = serde_json::from_slice(head).map_err(|error| wrong(at, error.to_string()))?;
        if head.format != FORMAT {
            return Err(wrong(at, format!("its format is {}, not {FORMAT}", head.format)));
        }
        let mut advisories = Vec::new();
        for (at, line) in lines {
            advisories.push(serde_json::from_slice(line).map_err(|error| wrong(at, error.to_string()))?);
        }
        let Head { created, label, name, never_stale, .. } = head;
        Snapshot::new(About { created, label, name, never_stale }, advisories)
    }

    /// The canonical text, which the digest is of.
    pub fn serialise(&self) -> Vec<u8> {
        let About { created, label, name, never_stale } = self.about.clone();
        let head = Head { created, format: FORMAT.to_owned(), label, name, never_stale };
        let mut out = serde_json::to_vec(&head).expect("strings and a date always serialise");
        out.push(b'\n');
        for advisory in &self.advisories {
            serde_json::to_writer(&mut out, advisory)
                .expect("strings and numbers always serialise, memory always writes");
            out.push(b'\n');
        }
        out
    }

    /// `sha256:…` of the canonical text.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    /// Sorted by id.
    pub fn advisories(&self) -> &[Advisory] {
        &self.advisories
    }

    /// True when nothing newer came for `max_age_seconds`, and findings are therefore unknown.
    pub fn is_stale(&self, now: Timestamp, max_age_seconds: i64) -> bool {
        !self.about.never_stale && now.duration_since(self.about.created).as_secs() > max_age_seconds
    }

    /// True when it has records that would speak of this ecosystem.
    pub fn covers(&self, ecosystem: &Ecosystem) -> bool {
        self.covered.contains(ecosystem) || self.covered.contains(&Ecosystem::new(ecosystem.family(), None))
    }

    /// Records of a package, by advisory, in the order of their ids.
    pub(crate) fn entries(&self, family: Family, package: &str) -> impl Iterator<Item = (&Advisory, &Affected)> {
        let found = self.index.get(&family).and_then(|packages| packages.get(package));
        found.into_iter().flatten().map(|(at, entry)| {
            let advisory = &self.advisories[*at];
            (advisory, &advisory.affected[*entry])
        })
    }
}

fn joined(mut advisories: Vec<Advisory>) -> Vec<Advisory> {
    advisories.sort_by(|left, right| left.id.cmp(&right.id));
    let mut out: Vec<Advisory> = Vec::with_capacity(advisories.len());
    for mut advisory in advisories {
        match out.last_mut().filter(|last| last.id == advisory.id) {
            Some(last) => {
                last.affected.append(&mut advisory.affected);
                last.aliases.append(&mut advisory.aliases);
                last.ratings.append(&mut advisory.ratings);
                last.covers.append(&mut advisory.covers);
                last.name = last.name.take().or(advisory.name);
            }
            None => out.push(advisory),
        }
    }
    out.into_iter().map(Advisory::canonical).collect()
}
