//! What is remembered of an upload between two requests, so that it goes on after a restart and on another replica.
//!
//! ```text
//!   in a folder    length, running hash                          the bytes are in the upload's file, which may be longer by now
//!   in a bucket    length, running hash, multipart id, parts,    each part has `PART_BYTES`; what is left over is the tail,
//!                  tail                                          an object of its own: uploads/ID/tail-LENGTH
//! ```

use std::{fmt, str};

use base::limits;
use oci::{Algorithm, Digest, Hasher};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The state of an upload; `Display` and `FromStr` are its text form for a database. Whoever keeps it must keep it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadState {
    pub(crate) length: u64,
    /// The running SHA-256 after `length` bytes, as [`Hasher::save`] gives it.
    hash: Vec<u8>,
    pub(crate) place: Place,
}

/// Where the bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "in", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Place {
    Folder,
    Bucket(Sent),
}

/// What a bucket holds of an upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    /// The multipart upload's id, once there is a whole part.
    pub(crate) multipart: Option<String>,
    /// What the store calls the parts, in order.
    pub(crate) parts: Vec<String>,
    /// The digest of the bytes after the last part.
    pub(crate) tail: Option<Digest>,
    /// The length that names a tail nobody needs any more.
    pub(crate) stale: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    length: u64,
    sha256: String,
    place: Place,
}

impl UploadState {
    pub(crate) fn new(length: u64, hasher: &Hasher, place: Place) -> UploadState {
        UploadState { length, hash: hasher.save(), place }
    }

    /// How many bytes of the upload are there.
    pub fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn hasher(&self) -> Hasher {
        Hasher::restore(Algorithm::Sha256, &self.hash, self.length).expect("checked when the state was made or read")
    }

    /// Whether parts, tail and length fit together.
    fn check(&self) -> Result<(), &'static str> {
        if Hasher::restore(Algorithm::Sha256, &self.hash, self.length).is_none() {
            return Err("its running hash is none of so many bytes");
        }
        let Place::Bucket(sent) = &self.place else { return Ok(()) };
        let whole = (sent.parts.len() as u64).saturating_mul(limits::PART_BYTES as u64);
        let fits = match (&sent.tail, self.length.checked_sub(whole)) {
            (None, Some(0)) => true,
            (Some(_), Some(left)) => left > 0 && left < limits::PART_BYTES as u64,
            _ => false,
        };
        if !fits || self.length > limits::BLOB_BYTES {
            return Err("parts, tail and length do not fit together");
        }
        if sent.multipart.is_none() && !sent.parts.is_empty() {
            return Err("it has parts of no multipart upload");
        }
        let names = || sent.parts.iter().chain(&sent.multipart);
        if names().any(|name| name.is_empty() || name.len() > limits::STORE_NAME_BYTES) {
            return Err("a name of the store is empty or too long");
        }
        Ok(())
    }
}

impl fmt::Display for UploadState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Text { length: self.length, sha256: hex::encode(&self.hash), place: self.place.clone() };
        out.write_str(&serde_json::to_string(&text).map_err(|_| fmt::Error)?)
    }
}

impl str::FromStr for UploadState {
    type Err = Error;

    fn from_str(text: &str) -> Result<UploadState, Error> {
        let read: Text = serde_json::from_str(text).map_err(|error| Error::State(error.to_string()))?;
        let hash =
            hex::decode(&read.sha256).map_err(|_| Error::State("its running hash is no hexadecimal".to_owned()))?;
        let state = UploadState { length: read.length, hash, place: read.place };
        state.check().map_err(|problem| Error::State(problem.to_owned()))?;
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use base::limits;
    use oci::{Algorithm, Digest, Hasher};
    use proptest::prelude::*;

    use super::{Place, Sent, UploadState};

    fn state(length: u64, sent: Sent) -> UploadState {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(&vec![7; usize::try_from(length).unwrap()]);
        UploadState::new(length, &hasher, Place::Bucket(sent))
    }

    fn sent(parts: usize, tail: bool) -> Sent {
        let tail = tail.then(|| Digest::sha256_of(b"tail"));
        Sent {
            multipart: (parts > 0).then(|| "m".to_owned()),
            parts: vec!["\"e\"".to_owned(); parts],
            tail,
            stale: None,
        }
    }

    #[test]
    fn goes_through_its_text_form() {
        let part = limits::PART_BYTES as u64;
        let mut folder = state(9, Sent::default());
        folder.place = Place::Folder;
        for state in [state(0, sent(0, false)), state(3, sent(0, true)), state(part, sent(1, false)), folder] {
            assert_eq!(state.to_string().parse::<UploadState>().unwrap(), state);
        }
    }

    #[test]
    fn refuses_what_does_not_fit_together() {
        let part = limits::PART_BYTES as u64;
        let nameless = Sent { parts: vec![String::new()], ..sent(1, false) };
        let homeless = Sent { multipart: None, ..sent(1, false) };
        for bad in [
            state(3, sent(0, false)),
            state(0, sent(0, true)),
            state(3, sent(1, true)),
            state(part, sent(0, true)),
            state(part + 1, sent(1, false)),
            state(part, nameless),
            state(part, homeless),
        ] {
            assert!(bad.to_string().parse::<UploadState>().is_err(), "{bad}");
        }
        let good = state(3, sent(0, true)).to_string();
        for bad in [good.replace("3,", "4,"), good.replace("bucket", "moon"), good.replace("\"length\"", "\"l\"")] {
            assert_ne!(bad, good);
            assert!(bad.parse::<UploadState>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,200}") {
            prop_assert!(text.parse::<UploadState>().is_err());
        }
    }
}
