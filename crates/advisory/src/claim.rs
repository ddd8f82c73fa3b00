//! What is signed of a snapshot: a few lines that name it, the text of a signed note (C2SP signed-note).
//!
//! ```text
//!   assay-advisories
//!   sha256:…                     the digest of the file
//!   2026-11-01T00:00:00Z         when its newest record was taken: an older one is not to replace a newer
//!   osv                          its name
//! ```
//!
//! Signing and verifying are the caller's, as the keys are.

use std::{fmt, str::FromStr};

use base::{Timestamp, limits::NOTE_BYTES};

use crate::{Error, Snapshot};

const FIRST: &str = "assay-advisories";

/// The lines that a signature is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub digest: String,
    pub created: Timestamp,
    pub name: String,
}

impl Claim {
    /// What is to be signed of this snapshot.
    pub fn of(snapshot: &Snapshot) -> Claim {
        let about = snapshot.about();
        // A name of several lines would be read as something else.
        let name = about.name.split(char::is_control).collect::<Vec<_>>().join(" ");
        Claim { digest: snapshot.digest().to_owned(), created: about.created, name }
    }

    /// True when it names this snapshot and no other.
    pub fn is_of(&self, snapshot: &Snapshot) -> bool {
        *self == Claim::of(snapshot)
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{FIRST}\n{}\n{}\n{}", self.digest, self.created, self.name)
    }
}

impl FromStr for Claim {
    type Err = Error;

    fn from_str(text: &str) -> Result<Claim, Error> {
        let wrong = |reason: &str| Error::File { reason: format!("the signed text is wrong: {reason}") };
        if text.len() > NOTE_BYTES {
            return Err(Error::TooLarge { what: "the signed text".to_owned(), limit: NOTE_BYTES });
        }
        let lines: Vec<&str> = text.split('\n').collect();
        let [FIRST, digest, created, name, ""] = lines[..] else {
            return Err(wrong("its lines are not assay-advisories, a digest, a date and a name"));
        };
        let hex = digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64);
        if !hex.is_some_and(|hex| hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))) {
            return Err(wrong("its second line is no digest"));
        }
        let created = created.parse().map_err(|_| wrong("its third line is no date"))?;
        let claim = Claim { digest: digest.to_owned(), created, name: name.to_owned() };
        // One text for one claim: what is signed is what was read.
        if claim.to_string() != text {
            return Err(wrong("its date is not written as dates are here"));
        }
        Ok(claim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_comes_back_and_others_are_refused() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let claim = Claim { digest, created: "2026-11-01T00:00:00Z".parse().unwrap(), name: "a name".into() };
        let text = claim.to_string();
        assert_eq!(text.parse::<Claim>().unwrap(), claim);
        for (from, to, expected) in [
            ("assay-advisories\n", "assay-inventories\n", "its lines"),
            ("a name\n", "a name", "its lines"),
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00.000Z", "date"),
            ("2026-11-01T00:00:00Z", "today", "no date"),
            ("sha256:", "sha512:", "digest"),
            ("sha256:0", "sha256:g", "digest"),
        ] {
            let message = text.replacen(from, to, 1).parse::<Claim>().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
