//! Values that are kept so that only this installation's key opens them: AES-256-GCM, `nonce ‖ ciphertext ‖ tag`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base::{Ctx, Secret};

use crate::Error;

/// The key of one installation.
#[derive(Debug)]
pub(crate) struct Sealer(LessSafeKey);

impl Sealer {
    pub(crate) fn new(key: &Secret<[u8; 32]>) -> Sealer {
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).expect("the key has 32 bytes");
        Sealer(LessSafeKey::new(key))
    }

    /// Seal a value to a place: moved to another row, it does not open.
    pub(crate) fn seal(&self, ctx: &Ctx, place: &str, value: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = ctx.entropy.bytes();
        let mut sealed = value.to_vec();
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(nonce_of, Aad::from(place.as_bytes()), &mut sealed)
            .expect("values are far shorter than what one nonce can seal");
        [&nonce[..], &sealed].concat()
    }

    /// The value that was sealed to this place.
    pub(crate) fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let broken = || Error::Internal(format!("the sealed value {place} cannot be opened; was the key changed?"));
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
        let mut value = sealed.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(place.as_bytes()), &mut value).map_err(|_| broken())?;
        Ok(opened.to_vec())
    }

    pub(crate) fn open_text(&self, place: &str, sealed: &[u8]) -> Result<String, Error> {
        String::from_utf8(self.open(place, sealed)?)
            .map_err(|_| Error::Internal(format!("the sealed value {place} is not text")))
    }
}

#[cfg(test)]
mod tests {
    use base::{Clock, Ctx, Entropy, Secret};

    use super::Sealer;

    #[test]
    fn opens_only_at_its_place_and_unaltered() {
        let ctx = Ctx::system("test", &Clock::System, &Entropy::System);
        let sealer = Sealer::new(&Secret::new([7; 32]));
        let mut sealed = sealer.seal(&ctx, "a", b"value");
        assert_ne!(sealed, sealer.seal(&ctx, "a", b"value"));
        assert_eq!(sealer.open_text("a", &sealed).unwrap(), "value");
        assert!(sealer.open("b", &sealed).is_err());
        assert!(Sealer::new(&Secret::new([8; 32])).open("a", &sealed).is_err());
        sealed[14] ^= 1;
        assert!(sealer.open("a", &sealed).is_err());
        assert!(sealer.open("a", b"short").is_err());
    }
}
