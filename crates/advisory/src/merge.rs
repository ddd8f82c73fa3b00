//! Records brought into the one form and order that a snapshot holds them in.

use std::collections::BTreeMap;

use base::limits::{ADVISORY_ENTRIES, SNAPSHOT_ADVISORIES};

use crate::{Advisory, Epss, Error, alias};

/// What a snapshot is written from.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// Sorted by id and source, each once, in canonical form, without EPSS.
    pub(crate) records: Vec<Advisory>,
    pub(crate) epss: BTreeMap<String, Epss>,
}

/// Join what one source says twice of one id, take EPSS out, and leave out what nothing needs.
pub(crate) fn merge(advisories: Vec<Advisory>) -> Result<Merged, Error> {
    let mut merged = Merged::default();
    let mut records = Vec::with_capacity(advisories.len());
    for mut advisory in advisories {
        if let Some(epss) = advisory.epss.take() {
            // The newest date wins, whichever record comes first.
            let kept = merged.epss.entry(advisory.id.clone()).or_default();
            let newer = (&epss.date, epss.probability_1e5, epss.percentile_1e5)
                > (&kept.date, kept.probability_1e5, kept.percentile_1e5);
            if newer {
                *kept = epss;
            }
            if is_bare(&advisory) {
                continue;
            }
        }
        records.push(advisory);
    }
    if records.len() > SNAPSHOT_ADVISORIES {
        return Err(Error::TooLarge { what: "the number of advisories".to_owned(), limit: SNAPSHOT_ADVISORIES });
    }
    records.sort_by(|left, right| (&left.id, &left.source).cmp(&(&right.id, &right.source)));
    merged.records = alias::needed(joined(records)?);
    Ok(merged)
}

/// True when it said nothing but an EPSS score.
fn is_bare(advisory: &Advisory) -> bool {
    let bare = Advisory { id: advisory.id.clone(), source: advisory.source.clone(), ..Advisory::default() };
    *advisory == bare
}

fn joined(records: Vec<Advisory>) -> Result<Vec<Advisory>, Error> {
    let mut out: Vec<Advisory> = Vec::with_capacity(records.len());
    for mut next in records {
        match out.last_mut().filter(|last| last.id == next.id && last.source == next.source) {
            Some(last) => {
                last.affected.append(&mut next.affected);
                last.aliases.append(&mut next.aliases);
                last.covers.append(&mut next.covers);
                last.cpes.append(&mut next.cpes);
                last.ratings.append(&mut next.ratings);
                last.references.append(&mut next.references);
                last.references.sort();
                // Sorted, and the smaller of two, so that the order of the records does not matter.
                last.name = least(last.name.take(), next.name);
                last.summary = least(last.summary.take(), next.summary);
                last.published = least(last.published, next.published);
                last.modified = last.modified.max(next.modified);
                last.kev = match (last.kev.take(), next.kev) {
                    (Some(left), Some(right)) => {
                        Some(if (&left.added, left.ransomware) <= (&right.added, right.ransomware) {
                            left
                        } else {
                            right
                        })
                    }
                    (left, right) => left.or(right),
                };
            }
            None => out.push(next),
        }
    }
    if let Some(large) = out.iter().find(|record| record.affected.len() > ADVISORY_ENTRIES) {
        return Err(Error::TooLarge { what: format!("the entries of {}", large.id), limit: ADVISORY_ENTRIES });
    }
    Ok(out.into_iter().map(Advisory::canonical).collect())
}

fn least<T: Ord>(left: Option<T>, right: Option<T>) -> Option<T> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}
