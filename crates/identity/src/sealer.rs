//! Sealing what must be stored but not be read from the database: AES-256-GCM under a key that lies in a file of its own.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::{Entropy, Secret};

/// Seals and opens. Cheap to clone.
///
/// ```text
///   sealed = nonce (12 bytes, random) ‖ ciphertext ‖ tag (16 bytes);  additional data = what the value is about
/// ```
///
/// What it is about (`webhook/<id>/endpoint`) is bound in, so that a sealed value moved to another row does not open. Random
/// nonces are safe for some 2^32 values under one key (NIST SP 800-38D, 8.3), far more than one installation seals.
#[derive(Clone)]
pub struct Sealer(Arc<LessSafeKey>);

/// The value was altered, belongs to something else, or was sealed under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open; was keys/seal.key replaced, or the row altered?")]
pub struct DoesNotOpen;

impl std::fmt::Debug for Sealer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Sealer")
    }
}

impl Sealer {
    pub fn new(key: &Secret<[u8; 32]>) -> Sealer {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).expect("AES-256 takes 32 bytes");
        Sealer(Arc::new(LessSafeKey::new(key)))
    }

    pub fn seal(&self, entropy: &Entropy, about: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = entropy.bytes();
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about.as_bytes()), &mut sealed)
            .expect("AES-GCM seals what fits in memory");
        [nonce.as_slice(), &sealed].concat()
    }

    pub fn open(&self, about: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, DoesNotOpen> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(DoesNotOpen)?;
        let mut rest = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.0.open_in_place(nonce, Aad::from(about.as_bytes()), &mut rest).map_err(|_| DoesNotOpen)?;
        Ok(Secret::new(plain.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use base::{Entropy, Secret};
    use proptest::prelude::*;

    use super::Sealer;

    proptest! {
        #[test]
        fn opens_what_it_sealed_and_nothing_else(plain: Vec<u8>, flip: prop::sample::Index, about in "[a-z/]{0,12}") {
            let sealer = Sealer::new(&Secret::new([7; 32]));
            let sealed = sealer.seal(&Entropy::System, &about, &plain);
            let opened = sealer.open(&about, &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &plain);
            prop_assert!(sealer.open("another", &sealed).is_err());
            prop_assert!(Sealer::new(&Secret::new([8; 32])).open(&about, &sealed).is_err());
            let mut altered = sealed.clone();
            altered[flip.index(sealed.len())] ^= 1;
            prop_assert!(sealer.open(&about, &altered).is_err());
        }

        #[test]
        fn never_panics(bytes: Vec<u8>) {
            prop_assert!(Sealer::new(&Secret::new([7; 32])).open("", &bytes).is_err());
        }
    }
}
