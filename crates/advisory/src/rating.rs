//! What one source says about how bad a vulnerability is, and which saying counts.

use serde::{Deserialize, Serialize};

use crate::{Profile, Severity, cvss};

/// The words of one source, kept as they are. The ratings of all sources stay beside each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rating {
    /// Who says it: `nvd`, `ghsa`, `debian`, `redhat`, or the record's own source.
    pub source: String,
    /// CVSS base score in tenths, as the source gives it or as its vector has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_tenths: Option<u8>,
    /// `CVSS:3.1/AV:N/…`, or a version 2 vector without prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<String>,
    /// `important`, `unimportant`, `HIGH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}

impl Rating {
    /// From a CVSS vector; the score is computed, and absent when the vector is broken.
    pub fn of_vector(source: impl Into<String>, vector: impl Into<String>) -> Rating {
        let vector = vector.into();
        Rating { source: source.into(), score_tenths: cvss::score(&vector), vector: Some(vector), word: None }
    }

    /// From the source's own word.
    pub fn of_word(source: impl Into<String>, word: impl Into<String>) -> Rating {
        Rating { source: source.into(), word: Some(word.into()), ..Rating::default() }
    }

    /// From a score without a vector.
    pub fn of_score(source: impl Into<String>, score_tenths: u8) -> Rating {
        Rating { source: source.into(), score_tenths: Some(score_tenths.min(100)), ..Rating::default() }
    }

    /// What it means in a profile's three classes.
    pub fn severity(&self, profile: Profile) -> Severity {
        profile.of(self.score_tenths, self.word.as_deref())
    }

    /// The source's own words: the vector, or else the word, or else the score.
    pub fn said(&self) -> String {
        match (&self.vector, &self.word, self.score_tenths) {
            (Some(vector), ..) => vector.clone(),
            (None, Some(word), _) => word.clone(),
            (None, None, Some(tenths)) => format!("CVSS {}.{}", tenths / 10, tenths % 10),
            (None, None, None) => String::new(),
        }
    }

    /// No empty texts, no score above ten.
    pub(crate) fn make_canonical(&mut self) {
        self.score_tenths = self.score_tenths.map(|tenths| tenths.min(100));
        for text in [&mut self.vector, &mut self.word] {
            *text = text.take().filter(|text| !text.is_empty());
        }
    }

    /// Where it stands among the ratings of one vulnerability: the lowest counts. NVD first and GitHub next, as they
    /// rate everything by one method; then every other source. A score goes before a word, and CVSS 3 before 4 and 2,
    /// as most records have it and scores of different versions do not compare.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        let source = match self.source.as_str() {
            "nvd" => 0_u8,
            "ghsa" => 1,
            _ => 2,
        };
        let version = match self.vector.as_deref() {
            Some(vector) if vector.starts_with("CVSS:3.1/") => 0_u8,
            Some(vector) if vector.starts_with("CVSS:3.0/") => 1,
            Some(vector) if vector.starts_with("CVSS:4.0/") => 2,
            None if self.score_tenths.is_some() => 3,
            Some(_) => 4,
            None => 5,
        };
        let says_nothing = self.severity(Profile::Dtr) == Severity::Unknown;
        (says_nothing, self.score_tenths.is_none(), source, version, std::cmp::Reverse(self.score_tenths))
    }
}

/// The rating that counts among those of all sources.
pub(crate) fn first<'a>(ratings: impl IntoIterator<Item = &'a Rating>) -> Option<&'a Rating> {
    ratings.into_iter().min_by(|left, right| left.rank().cmp(&right.rank()).then_with(|| left.cmp(right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nvd_counts_before_github_and_a_score_before_a_word() {
        let nvd = Rating::of_vector("nvd", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
        let old = Rating::of_vector("nvd", "AV:N/AC:L/Au:N/C:C/I:C/A:C");
        let github = Rating::of_vector("ghsa", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H");
        let word = Rating::of_word("alpine", "low");
        let nothing = Rating::of_word("nvd", "not yet assigned");
        let all = [&nothing, &word, &github, &old, &nvd];
        for (count, expected) in [(5, &nvd), (4, &old), (3, &github), (2, &word), (1, &nothing)] {
            assert_eq!(first(all[..count].iter().copied()), Some(expected));
        }
        assert_eq!(first([]), None);
    }

    #[test]
    fn a_profile_decides_whether_the_word_or_the_score_speaks() {
        let rating = Rating { word: Some("moderate".into()), ..Rating::of_score("redhat", 78) };
        assert_eq!(rating.severity(Profile::Dtr), Severity::Critical);
        assert_eq!(rating.severity(Profile::Cvss), Severity::Major);
        assert_eq!(rating.severity(Profile::Vendor), Severity::Major);
        assert_eq!(Rating::of_score("x", 95).severity(Profile::Cvss), Severity::Critical);
        assert_eq!(Rating::of_word("debian", "unimportant").severity(Profile::Dtr), Severity::Minor);
        assert_eq!(Rating::default().severity(Profile::Dtr), Severity::Unknown);
    }
}
