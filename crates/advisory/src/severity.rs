//! How bad: the three classes of the reference architecture, and unknown.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// In the order of concern. Unknown stands first only for sorting: it never counts as harmless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    #[default]
    Unknown,
    Minor,
    Major,
    Critical,
}

impl Severity {
    /// From a CVSS base score in tenths, as the reference architecture counts ([`Profile::Dtr`]).
    pub fn from_cvss(tenths: u8) -> Severity {
        Profile::Dtr.of_score(tenths)
    }

    /// From the words that databases use (CVSS, GitHub, Debian's urgency), in [`Profile::Dtr`].
    pub fn from_word(word: &str) -> Severity {
        Profile::Dtr.of_word(word)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Unknown => "unknown",
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Critical => "critical",
        }
    }
}

/// How scores and words become the three classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// As the reference architecture counts: a CVSS score of 7.0 and more is critical, 4.0 major, anything above zero
    /// minor. Words stand for the scores they are given for: "high" and Red Hat's "important" begin at 7.0.
    #[default]
    Dtr,
    /// As CVSS names its ratings: only 9.0 and more is critical, 4.0 major.
    Cvss,
    /// The vendor's word before any score, and "critical" only where that is the word.
    Vendor,
}

impl Profile {
    pub const ALL: [Profile; 3] = [Profile::Dtr, Profile::Cvss, Profile::Vendor];

    pub fn as_str(self) -> &'static str {
        match self {
            Profile::Dtr => "dtr",
            Profile::Cvss => "cvss",
            Profile::Vendor => "vendor",
        }
    }

    /// From what a source says: its score and its word.
    pub fn of(self, score_tenths: Option<u8>, word: Option<&str>) -> Severity {
        let of_score = || score_tenths.map(|tenths| self.of_score(tenths)).unwrap_or_default();
        let of_word = || word.map(|word| self.of_word(word)).unwrap_or_default();
        let known = |severity: Severity| Some(severity).filter(|severity| *severity != Severity::Unknown);
        match self {
            Profile::Vendor => known(of_word()).unwrap_or_else(of_score),
            _ => known(of_score()).unwrap_or_else(of_word),
        }
    }

    /// From a CVSS base score in tenths. Zero says that nothing is lost, which no published vulnerability means: unknown.
    pub fn of_score(self, tenths: u8) -> Severity {
        let critical = if self == Profile::Dtr { 70 } else { 90 };
        match tenths {
            0 => Severity::Unknown,
            tenths if tenths >= critical => Severity::Critical,
            40.. => Severity::Major,
            _ => Severity::Minor,
        }
    }

    /// From the words of CVSS, GitHub, Red Hat, SUSE, Ubuntu and Debian's urgency.
    pub fn of_word(self, word: &str) -> Severity {
        let is = |words: &[&str]| words.iter().any(|one| word.trim().eq_ignore_ascii_case(one));
        if is(&["critical", "urgent", "emergency"]) {
            Severity::Critical
        } else if is(&["high", "important"]) {
            if self == Profile::Dtr { Severity::Critical } else { Severity::Major }
        } else if is(&["medium", "moderate", "major"]) {
            Severity::Major
        } else if is(&["low", "minor", "negligible", "unimportant"]) {
            Severity::Minor
        } else {
            Severity::Unknown
        }
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(word: &str) -> Result<Profile, String> {
        let found = Profile::ALL.into_iter().find(|profile| profile.as_str() == word);
        found.ok_or_else(|| format!("{word:?} is no profile of severities; these are: dtr, cvss, vendor"))
    }
}

/// Numbers of findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub critical: u64,
    pub major: u64,
    pub minor: u64,
    pub unknown: u64,
}

impl Tally {
    /// Unknown severities count too: unknown is not clean.
    pub fn all(&self) -> u64 {
        self.critical + self.major + self.minor + self.unknown
    }
}

impl FromIterator<Severity> for Tally {
    fn from_iter<I: IntoIterator<Item = Severity>>(severities: I) -> Tally {
        let mut tally = Tally::default();
        for severity in severities {
            match severity {
                Severity::Critical => tally.critical += 1,
                Severity::Major => tally.major += 1,
                Severity::Minor => tally.minor += 1,
                Severity::Unknown => tally.unknown += 1,
            }
        }
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_those_of_the_reference_architecture() {
        for (tenths, expected) in [
            (100, "critical"),
            (70, "critical"),
            (69, "major"),
            (40, "major"),
            (39, "minor"),
            (1, "minor"),
            (0, "unknown"),
        ] {
            assert_eq!(Severity::from_cvss(tenths).as_str(), expected);
        }
        assert_eq!(Severity::from_word("HIGH"), Severity::Critical);
        assert_eq!(Severity::from_word("not yet assigned"), Severity::Unknown);
        let tally: Tally = [Severity::Critical, Severity::Unknown].into_iter().collect();
        assert_eq!(tally.all(), 2);
    }
}
