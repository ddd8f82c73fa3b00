//! Digests: the name of content is the hash of its bytes.

use std::{fmt, str};

use base::InvalidName;
use sha2::{Digest as _, Sha256, Sha512, digest::common::hazmat::SerializableState};

use crate::text::text_type;

/// `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits. Other algorithms of the OCI grammar are refused:
/// a registry that cannot compute a digest cannot keep its promise.
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests>
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    text: Box<str>,
    algorithm: Algorithm,
}

/// The registered algorithms of the OCI image specification that we compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    #[default]
    Sha256,
    Sha512,
}

/// A digest in the making, fed chunk by chunk.
#[derive(Clone, Debug)]
pub enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Digest {
    /// The SHA-256 digest of these bytes.
    pub fn sha256_of(bytes: &[u8]) -> Digest {
        Digest::of(Algorithm::Sha256, bytes)
    }

    /// The digest of these bytes by `algorithm`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The part after the colon.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm.as_str().len() + 1..]
    }

    fn from_parts(algorithm: Algorithm, hex: &str) -> Digest {
        Digest { text: format!("{algorithm}:{hex}").into(), algorithm }
    }
}

impl Algorithm {
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Sha512 => 128,
        }
    }
}

impl Hasher {
    pub fn new(algorithm: Algorithm) -> Hasher {
        match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            Hasher::Sha256(_) => Algorithm::Sha256,
            Hasher::Sha512(_) => Algorithm::Sha512,
        }
    }

    pub fn update(&mut self, chunk: &[u8]) {
        match self {
            Hasher::Sha256(state) => state.update(chunk),
            Hasher::Sha512(state) => state.update(chunk),
        }
    }

    /// The inner state, to go on in another process from [`Hasher::restore`].
    pub fn save(&self) -> Vec<u8> {
        match self {
            Hasher::Sha256(state) => state.serialize().to_vec(),
            Hasher::Sha512(state) => state.serialize().to_vec(),
        }
    }

    /// Go on from a state that was saved after `length` bytes; nothing when it is no such state.
    pub fn restore(algorithm: Algorithm, saved: &[u8], length: u64) -> Option<Hasher> {
        let hasher = match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::deserialize(&saved.try_into().ok()?).ok()?),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::deserialize(&saved.try_into().ok()?).ok()?),
        };
        (hashed(algorithm, saved) == Some(u128::from(length))).then_some(hasher)
    }

    pub fn finish(self) -> Digest {
        match self {
            Hasher::Sha256(state) => Digest::from_parts(Algorithm::Sha256, &hex::encode(state.finalize())),
            Hasher::Sha512(state) => Digest::from_parts(Algorithm::Sha512, &hex::encode(state.finalize())),
        }
    }
}

/// How many bytes a saved state stands for: chaining values, the number of whole blocks, the bytes in the unfinished one.
fn hashed(algorithm: Algorithm, saved: &[u8]) -> Option<u128> {
    let (blocks, block_bytes) = match algorithm {
        Algorithm::Sha256 => (u64::from_le_bytes(saved.get(32..40)?.try_into().ok()?).into(), 64),
        Algorithm::Sha512 => (u128::from_le_bytes(saved.get(64..80)?.try_into().ok()?), 128),
    };
    let begun = match algorithm {
        Algorithm::Sha256 => saved.get(40)?,
        Algorithm::Sha512 => saved.get(80)?,
    };
    u128::checked_add(u128::checked_mul(blocks, block_bytes)?, u128::from(*begun))
}

impl str::FromStr for Digest {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Digest, InvalidName> {
        const EXPECTED: &str = "sha256: and 64, or sha512: and 128, of 0-9 and a-f";
        let refused = || InvalidName::new("digest", text, EXPECTED);
        let (algorithm, hex) = text.split_once(':').ok_or_else(refused)?;
        let algorithm: Algorithm = algorithm.parse().map_err(|_| refused())?;
        let hexadecimal = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex.len() == algorithm.hex_length() && hexadecimal {
            Ok(Digest { text: text.into(), algorithm })
        } else {
            Err(refused())
        }
    }
}

impl str::FromStr for Algorithm {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Algorithm, InvalidName> {
        match text {
            "sha256" => Ok(Algorithm::Sha256),
            "sha512" => Ok(Algorithm::Sha512),
            _ => Err(InvalidName::new("digest algorithm", text, "sha256 or sha512")),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

text_type!(Digest);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Algorithm, Digest, Hasher};

    #[test]
    fn known_answers() {
        // FIPS 180-4 examples.
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::sha256_of(b"").as_str(), empty);
        let abc = Digest::of(Algorithm::Sha512, b"abc");
        assert!(abc.hex().starts_with("ddaf35a193617abacc417349ae204131"), "{abc}");
        assert_eq!(abc.algorithm(), Algorithm::Sha512);
    }

    #[test]
    fn refuses_what_is_not_exact() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let upper = hex.to_uppercase();
        for bad in [
            String::new(),
            hex.to_owned(),
            format!("sha256:{upper}"),
            format!("SHA256:{hex}"),
            format!("sha256:{hex}0"),
            format!("sha256:{}", &hex[1..]),
            format!("sha512:{hex}"),
            format!("sha256+b64:{hex}"),
            format!("md5:{hex}"),
            format!("sha256:{hex}\n"),
            format!(" sha256:{hex}"),
            "sha256:baddigeststring".to_owned(),
            format!("sha256:{}/../", &hex[4..]),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn in_chunks_or_at_once_is_the_same(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8)) {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let mut hasher = Hasher::new(algorithm);
                chunks.iter().for_each(|chunk| hasher.update(chunk));
                let digest = hasher.finish();
                prop_assert_eq!(&digest, &Digest::of(algorithm, &chunks.concat()));
                prop_assert_eq!(digest.as_str().parse::<Digest>(), Ok(digest));
            }
        }

        #[test]
        fn a_saved_state_goes_on_elsewhere(before in prop::collection::vec(any::<u8>(), 0..400), after in prop::collection::vec(any::<u8>(), 0..400)) {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let mut hasher = Hasher::new(algorithm);
                hasher.update(&before);
                let (saved, length) = (hasher.save(), before.len() as u64);
                prop_assert!(Hasher::restore(algorithm, &saved, length + 1).is_none());
                prop_assert!(Hasher::restore(algorithm, &saved[1..], length).is_none());
                let mut restored = Hasher::restore(algorithm, &saved, length).expect("it was just saved");
                restored.update(&after);
                prop_assert_eq!(restored.finish(), Digest::of(algorithm, &[&before[..], &after].concat()));
            }
        }

        #[test]
        fn restoring_never_panics(saved in prop::collection::vec(any::<u8>(), 0..220), length in any::<u64>()) {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                if let Some(hasher) = Hasher::restore(algorithm, &saved, length) {
                    prop_assert_eq!(hasher.save(), &saved[..]);
                }
            }
        }

        #[test]
        fn never_panics(text in ".{0,200}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
