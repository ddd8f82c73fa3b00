//! Private keys at rest: AES-256-GCM under a key that is not in the database.
//!
//! ```text
//!   sealed = nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes)        the label is authenticated, not stored
//! ```

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::{Entropy, Secret};

use crate::Error;

/// Seals and opens under one key-encryption key.
pub struct Sealer(LessSafeKey);

impl fmt::Debug for Sealer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Sealer")
    }
}

impl Sealer {
    pub fn new(key: &Secret<[u8; 32]>) -> Sealer {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).expect("a key of AES-256 has 32 bytes");
        Sealer(LessSafeKey::new(key))
    }

    /// `label` says what is sealed, so that one sealed value cannot be put in another's place.
    pub(crate) fn seal(&self, entropy: &Entropy, label: &str, plain: &Secret<Vec<u8>>) -> Vec<u8> {
        // 96 random bits per value: a few keys per repository never come near the bound of 2^32 values.
        let nonce: [u8; NONCE_LEN] = entropy.bytes();
        let mut sealed = plain.expose().clone();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(label.as_bytes()), &mut sealed)
            .expect("a key of some hundred bytes is far below the limit of the cipher");
        [nonce.as_slice(), &sealed].concat()
    }

    pub(crate) fn open(&self, label: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Error> {
        let refused = || {
            Error::Internal(format!(
                "{label} cannot be opened: it was altered, or sealed under another key; see keys/seal.key"
            ))
        };
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
        let mut rest = rest.to_vec();
        let plain = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(label.as_bytes()), &mut rest)
            .map_err(|_| refused())?
            .to_vec();
        Ok(Secret::new(plain))
    }
}

#[cfg(test)]
mod tests {
    use base::{Entropy, Secret};

    use super::Sealer;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let sealer = Sealer::new(&Secret::new([7; 32]));
        let plain = Secret::new(b"private".to_vec());
        let sealed = sealer.seal(&Entropy::System, "a", &plain);
        assert_eq!(sealer.open("a", &sealed).unwrap(), plain);
        assert_ne!(sealer.seal(&Entropy::System, "a", &plain), sealed);
        assert!(sealer.open("b", &sealed).is_err());
        assert!(Sealer::new(&Secret::new([8; 32])).open("a", &sealed).is_err());
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert!(sealer.open("a", &altered).is_err());
            assert!(sealer.open("a", &sealed[..index]).is_err());
        }
    }
}
