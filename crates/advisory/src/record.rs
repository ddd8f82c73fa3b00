//! One published vulnerability record, as an importer hands it over.
//!
//! An importer fills in what its source says and leaves the rest empty. It does not merge: which records speak of the same
//! vulnerability is decided when a snapshot is built, from their ids and aliases.

use base::{
    Timestamp,
    limits::{ADVISORY_REFERENCES, ADVISORY_SUMMARY_BYTES, ADVISORY_URL_BYTES},
};
use serde::{Deserialize, Serialize};

use crate::{Affected, Rating};

/// A record of one source about one vulnerability, or, for a bulletin, about several. One source has an id once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Advisory {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub affected: Vec<Affected>,
    /// Other ids of the same vulnerability. Where they and the id hold more than one CVE, the record counts as a bulletin
    /// about each of them: two CVEs are never welded together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// For a bulletin (DSA, ALSA, RHSA, USN, ELSA, …): the vulnerabilities it is about. Empty when the record is about one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// CPE 2.3 names that the source gives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpes: Vec<String>,
    /// From the EPSS feed: a record with this and an id only. It is kept when some other record needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<Epss>,
    /// `CVE-2021-44228`, `GHSA-…`, `DSA-5000-1`.
    pub id: String,
    /// From the catalogue of known exploited vulnerabilities: a record with this, an id and perhaps a summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kev: Option<Kev>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// What people call it: `Heartbleed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// What the record as a whole is rated, by whom.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ratings: Vec<Rating>,
    /// Addresses; the first four are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// The database: `nvd`, `ghsa`, `debian-tracker`, `almalinux`, `golang`, `kev`.
    pub source: String,
    /// One line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// CISA's catalogue of vulnerabilities that are known to be exploited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kev {
    /// `2021-12-10`.
    pub added: String,
    /// True when ransomware is known to use it.
    pub ransomware: bool,
}

/// FIRST's estimate of how likely the vulnerability is exploited within 30 days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epss {
    /// Of the scores, `2026-08-20`.
    pub date: String,
    /// The share of vulnerabilities with the same or a lower probability, in hundred-thousandths.
    pub percentile_1e5: u32,
    /// In hundred-thousandths, which is the precision FIRST publishes.
    pub probability_1e5: u32,
}

impl Advisory {
    /// True when it is about several vulnerabilities, or says that it is a bulletin.
    pub fn is_bulletin(&self) -> bool {
        !self.covers.is_empty() || self.cves().len() > 1
    }

    /// The CVE ids among id and aliases, sorted.
    pub fn cves(&self) -> Vec<&str> {
        let ids = std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str));
        let mut cves: Vec<&str> = ids.filter(|id| id.starts_with("CVE-")).collect();
        cves.sort_unstable();
        cves.dedup();
        cves
    }

    /// The one form of this record: lists sorted and each item once, texts cut to their limits. What a snapshot holds.
    pub(crate) fn canonical(mut self) -> Advisory {
        for affected in &mut self.affected {
            affected.make_canonical();
        }
        self.affected.sort();
        self.affected.dedup();
        for list in [&mut self.aliases, &mut self.covers, &mut self.cpes] {
            list.retain(|item| !item.is_empty());
            list.sort();
            list.dedup();
        }
        self.aliases.retain(|alias| *alias != self.id);
        self.covers.retain(|covered| *covered != self.id);
        self.ratings.iter_mut().for_each(Rating::make_canonical);
        self.ratings.sort();
        self.ratings.dedup();
        let mut seen = Vec::new();
        self.references.retain(|url| {
            let kept = !url.is_empty()
                && url.len() <= ADVISORY_URL_BYTES
                && seen.len() < ADVISORY_REFERENCES
                && !seen.contains(url);
            if kept {
                seen.push(url.clone());
            }
            kept
        });
        self.summary = self.summary.as_deref().and_then(one_line);
        self.name = self.name.as_deref().and_then(one_line);
        self.published = self.published.map(whole_seconds);
        self.modified = self.modified.map(whole_seconds);
        self
    }
}

/// Spaces for line ends and runs of them, cut between two letters, and marked where it was cut.
fn one_line(text: &str) -> Option<String> {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() > ADVISORY_SUMMARY_BYTES {
            let room = ADVISORY_SUMMARY_BYTES - '…'.len_utf8();
            let end = (0..=room).rev().find(|at| out.is_char_boundary(*at)).unwrap_or_default();
            out.truncate(end);
            out.push('…');
            break;
        }
    }
    Some(out).filter(|out| !out.is_empty())
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).expect("the second of a point in time is one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_stays_as_it_is() {
        let record = Advisory {
            id: "CVE-1".into(),
            aliases: vec!["GHSA-2".into(), "CVE-1".into(), "GHSA-2".into(), String::new()],
            summary: Some(format!("two\n  lines {}", "word ".repeat(200))),
            references: (0..9).map(|at| format!("https://example.org/{}", at / 2)).collect(),
            published: Some("2026-01-01T00:00:00.5Z".parse().unwrap()),
            ..Advisory::default()
        };
        let once = record.canonical();
        assert_eq!(once.aliases, ["GHSA-2"]);
        assert_eq!(once.references.len(), ADVISORY_REFERENCES);
        let summary = once.summary.clone().unwrap();
        assert!(summary.starts_with("two lines word") && summary.ends_with('…'), "{summary}");
        assert!(summary.len() <= ADVISORY_SUMMARY_BYTES);
        assert_eq!(once.clone().canonical(), once);
        assert!(one_line(&"é".repeat(500)).unwrap().len() <= ADVISORY_SUMMARY_BYTES);
    }

    #[test]
    fn a_record_of_two_cves_is_a_bulletin() {
        let record = |aliases: &[&str], covers: &[&str]| Advisory {
            id: "X-1".into(),
            aliases: aliases.iter().map(|id| (*id).to_owned()).collect(),
            covers: covers.iter().map(|id| (*id).to_owned()).collect(),
            ..Advisory::default()
        };
        assert!(!record(&["CVE-1", "GHSA-1"], &[]).is_bulletin());
        assert!(record(&["CVE-1", "CVE-2"], &[]).is_bulletin());
        assert!(record(&[], &["CVE-1"]).is_bulletin());
    }
}
