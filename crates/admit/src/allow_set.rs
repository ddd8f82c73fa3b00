//! The allow-set: every verdict about every signed tag, computed beforehand, and the question it answers.

use std::fmt;

use base::{AccountName, Timestamp};
use oci::{Digest, ImageRef, Reference, RepoName, Tag};
use serde::{Deserialize, Serialize};

use crate::TeamName;

/// What may run, at one moment. Members stand in the order of their names, so that equal sets have equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowSet {
    /// `host:port` of the registry, as it stands in references.
    pub authority: String,
    /// Off: everything may run, from wherever.
    pub enabled: bool,
    /// From then on this set allows nothing.
    pub expires_at: Timestamp,
    /// One per signed tag, by repository and tag.
    pub images: Vec<Entry>,
    pub issued_at: Timestamp,
    /// Of each of these teams a member must have signed; with none, any signature does.
    pub teams: Vec<TeamName>,
}

/// The verdict about one signed tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub allowed: bool,
    /// What the tag names in the registry now; `None` when it is no more.
    pub current_digest: Option<Digest>,
    /// A sentence for a person: who signed, and who did not.
    pub reason: String,
    pub repository: RepoName,
    pub signed_digest: Digest,
    /// The accounts whose keys signed.
    pub signers: Vec<AccountName>,
    pub tag: Tag,
}

/// The answer to "may this run?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    /// The digest the verdict is about, where one is known. Only this digest is allowed by an allowing verdict.
    pub digest: Option<Digest>,
    /// A sentence for a person.
    pub reason: String,
}

impl AllowSet {
    /// May the image of this reference run? Whatever the set does not say is refused.
    pub fn judge(&self, now: Timestamp, reference: &ImageRef) -> Verdict {
        if self.is_expired(now) {
            let why = "ask its operator whether it runs";
            return Verdict::refused(None, format!("{self} ended and the server gave no newer one; {why}"));
        }
        if !self.enabled {
            let digest = reference.digest().cloned();
            return Verdict { allowed: true, digest, reason: "any image may run, signed or not".to_owned() };
        }
        if !reference.is_on(&self.authority) {
            let reason = format!("only images of {} may run here, and {reference} is not one", self.authority);
            return Verdict::refused(None, reason);
        }
        let Ok(repository) = reference.repo() else {
            let reason = format!("{reference} does not name a repository of {}, account/name", self.authority);
            return Verdict::refused(None, reason);
        };
        match reference.reference() {
            Reference::Digest(digest) => self.judge_digest(reference, &repository, digest),
            Reference::Tag(tag) => self.judge_tag(&repository, &tag),
        }
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// The entries of one repository.
    pub fn entries_of<'a>(&'a self, repository: &RepoName) -> &'a [Entry] {
        let name = repository.as_str();
        let start = self.images.partition_point(|entry| entry.repository.as_str() < name);
        let length = self.images[start..].partition_point(|entry| entry.repository.as_str() == name);
        &self.images[start..start + length]
    }

    /// Whether the entries stand in order, each tag once: what [`AllowSet::entries_of`] relies on.
    pub(crate) fn is_ordered(&self) -> bool {
        self.images.is_sorted_by(|left, right| left.place() < right.place())
    }

    pub(crate) fn order(&mut self) {
        self.images.sort_by(|left, right| left.place().cmp(&right.place()));
        self.images.dedup_by(|left, right| left.place() == right.place());
    }

    /// A digest is allowed when it was signed under any tag of its repository, also when that tag has moved since.
    fn judge_digest(&self, reference: &ImageRef, repository: &RepoName, digest: Digest) -> Verdict {
        let entries = self.entries_of(repository).iter().filter(|entry| entry.signed_digest == digest);
        let found = entries.max_by_key(|entry| entry.allowed);
        match found {
            Some(entry) => Verdict { allowed: entry.allowed, digest: Some(digest), reason: entry.reason.clone() },
            None => Verdict::refused(Some(digest), format!("{reference} is not signed")),
        }
    }

    fn judge_tag(&self, repository: &RepoName, tag: &Tag) -> Verdict {
        let entries = self.entries_of(repository);
        let Some(entry) = entries.iter().find(|entry| entry.tag == *tag) else {
            return Verdict::refused(None, format!("{}/{repository}:{tag} is not signed", self.authority));
        };
        let signed = Some(entry.signed_digest.clone());
        if !entry.allowed {
            return Verdict::refused(signed, entry.reason.clone());
        }
        match &entry.current_digest {
            Some(current) if *current == entry.signed_digest => {
                Verdict { allowed: true, digest: signed, reason: entry.reason.clone() }
            }
            Some(current) => {
                let moved = format!(
                    "the tag {}/{repository}:{tag} moved after it was signed: signed {}, now {current}; sign it again",
                    self.authority, entry.signed_digest
                );
                Verdict::refused(Some(current.clone()), moved)
            }
            None => {
                let gone = format!("the tag {}/{repository}:{tag} was deleted after it was signed", self.authority);
                Verdict::refused(signed, gone)
            }
        }
    }
}

impl Entry {
    fn place(&self) -> (&str, &str) {
        (self.repository.as_str(), self.tag.as_str())
    }
}

impl Verdict {
    pub fn refused(digest: Option<Digest>, reason: String) -> Verdict {
        Verdict { allowed: false, digest, reason }
    }
}

impl fmt::Display for AllowSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "the list of signed images of {}, issued {}, valid until {},",
            self.authority, self.issued_at, self.expires_at
        )
    }
}

#[cfg(test)]
pub(crate) mod tests;
