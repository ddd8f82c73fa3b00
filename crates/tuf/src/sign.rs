//! Private keys: made, loaded from PEM, signing.

use std::fmt;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base::Secret;

use crate::{Error, KeyId, KeyType, PublicKey, Signature, material::Material};

/// An ECDSA key on P-256, which is what Notary's server and Docker's clients make. Its randomness comes from the operating
/// system inside aws-lc-rs: there is no other way to make keys and signatures with it, and no test depends on the value.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl SigningKey {
    pub fn generate() -> SigningKey {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .expect("making a P-256 key only fails when the operating system gives no randomness");
        SigningKey::of(pair)
    }

    /// From unencrypted PKCS#8 DER, as [`SigningKey::to_pkcs8`] gives it.
    pub fn from_pkcs8(der: &[u8]) -> Result<SigningKey, Error> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map(SigningKey::of)
            .map_err(|_| Error::Key("not an unencrypted PKCS#8 key on the curve P-256".into()))
    }

    /// From PEM: `PRIVATE KEY` (PKCS#8) or `EC PRIVATE KEY` (SEC 1), the first of them in the text.
    pub fn from_pem(text: &[u8]) -> Result<SigningKey, Error> {
        let blocks = pem::parse_many(text).map_err(|_| Error::Key("a private key must be PEM text".into()))?;
        let Some(block) = blocks.iter().find(|block| block.tag().ends_with("PRIVATE KEY")) else {
            return Err(Error::Key("the PEM text holds no private key".into()));
        };
        match block.tag() {
            "PRIVATE KEY" | "EC PRIVATE KEY" if block.headers().get("Proc-Type").is_none() => {
                EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, block.contents())
                    .map(SigningKey::of)
                    .map_err(|_| Error::Key("the private key is not an ECDSA key on the curve P-256".into()))
            }
            "RSA PRIVATE KEY" => Err(Error::Key("RSA keys cannot sign here; bring an ECDSA key on P-256".into())),
            _ => Err(Error::Key("the private key is encrypted; decrypt it first".into())),
        }
    }

    /// PKCS#8 DER, to be sealed and stored.
    pub fn to_pkcs8(&self) -> Secret<Vec<u8>> {
        let document = self.pair.to_pkcs8v1().expect("a key that was made or loaded can be written");
        Secret::new(document.as_ref().to_vec())
    }

    /// Of type `ecdsa`.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The raw `r‖s`, 64 bytes, over SHA-256 of `message`.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), message).expect("signing with a valid P-256 key succeeds");
        signature.as_ref().to_vec()
    }

    /// A signature in a document, under the id by which the role knows this key.
    pub(crate) fn signature(&self, keyid: &KeyId, message: &[u8]) -> Signature {
        Signature { keyid: keyid.to_string(), method: "ecdsa".into(), sig: self.sign(message) }
    }

    fn of(pair: EcdsaKeyPair) -> SigningKey {
        let point = pair.public_key().as_ref().to_vec();
        let public = PublicKey::new(KeyType::Ecdsa, Material::P256(point).info())
            .expect("the public half of a valid P-256 key is valid");
        SigningKey { pair, public }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKey({})", self.public.id())
    }
}
