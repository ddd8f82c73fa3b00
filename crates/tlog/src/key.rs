//! The keys that sign notes: a name, an id derived from it, and Ed25519 (C2SP signed-note, "Signatures").

use std::{fmt, str};

use aws_lc_rs::{
    encoding::{AsBigEndian as _, Curve25519SeedBin},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base::{Entropy, Secret, limits};
use sha2::{Digest as _, Sha256};

use crate::{
    error::{Error, at_most, quoted},
    hash::{decode_base64, encode_base64},
};

/// The type byte of Ed25519 signatures over the note's text, the one kind this crate checks.
const ED25519_TYPE: u8 = 0x01;
/// What the text of a signing key begins with.
const PRIVATE: &str = "PRIVATE+KEY+";

/// The first four bytes of SHA-256 over name, newline, type and public key. Short: it finds a key, it does not prove one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; KeyId::BYTES]);

/// The name of a key: not empty, without spaces and plus signs. For a log's key it is the log's origin.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(Box<str>);

/// The public half of a key, written `name+id+base64`: what an auditor is given once and trusts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    public: [u8; 32],
}

/// The private half. It shows only its public half.
pub struct Signer {
    key: VerifierKey,
    pair: Ed25519KeyPair,
}

impl KeyId {
    pub const BYTES: usize = 4;
}

impl KeyName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl VerifierKey {
    /// The key of this name with this Ed25519 public key (RFC 8032).
    pub fn ed25519(name: KeyName, public: [u8; 32]) -> VerifierKey {
        let hash = Sha256::new().chain_update(name.as_str()).chain_update([b'\n', ED25519_TYPE]).chain_update(public);
        let id = KeyId(*hash.finalize().first_chunk().expect("a SHA-256 hash has more than 4 bytes"));
        VerifierKey { name, id, public }
    }

    pub fn name(&self) -> &KeyName {
        &self.name
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    pub fn public_bytes(&self) -> &[u8; 32] {
        &self.public
    }

    /// Whether the Ed25519 signature fits the text.
    pub(crate) fn fits(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(text.as_bytes(), signature).is_ok()
    }
}

impl Signer {
    /// A new key from 32 random bytes.
    pub fn generate(name: KeyName, entropy: &Entropy) -> Signer {
        Signer::from_seed(name, &Secret::new(entropy.bytes()))
    }

    /// The key with this Ed25519 private key of 32 bytes (RFC 8032).
    pub fn from_seed(name: KeyName, seed: &Secret<[u8; 32]>) -> Signer {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("any 32 bytes are an Ed25519 private key");
        Signer::new(name, pair)
    }

    /// The key from PKCS#8 DER, version 1 or 2 (RFC 5958, RFC 8410). [`Error::Malformed`] for anything else.
    pub fn from_pkcs8(name: KeyName, der: &Secret<Vec<u8>>) -> Result<Signer, Error> {
        let refused = |_| Error::malformed("signing key", "it is not an Ed25519 private key in PKCS#8 DER");
        Ok(Signer::new(name, Ed25519KeyPair::from_pkcs8(der.expose()).map_err(refused)?))
    }

    /// PKCS#8 version 1, which OpenSSL reads too.
    pub fn to_pkcs8(&self) -> Secret<Vec<u8>> {
        let der = self.pair.to_pkcs8v1().expect("a key pair in memory has its PKCS#8 form");
        Secret::new(der.as_ref().to_vec())
    }

    /// The key from the one line that [`Signer::to_text`] wrote; an error never quotes it.
    pub fn from_text(text: &Secret) -> Result<Signer, Error> {
        let refused = |why: &str| Error::malformed("signing key", why.to_owned());
        let rest = text.expose().trim_end().strip_prefix(PRIVATE);
        let rest = rest.ok_or_else(|| refused("it does not begin with PRIVATE+KEY+"))?;
        let parts = rest.split_once('+').and_then(|(name, rest)| Some((name, rest.split_once('+')?)));
        let (name, (id, key)) = parts.ok_or_else(|| refused("it is not PRIVATE+KEY+NAME+ID+KEY"))?;
        let key = decode_base64(key).unwrap_or_default();
        let [ED25519_TYPE, seed @ ..] = key.as_slice() else {
            return Err(refused("it is not an Ed25519 key of type 1 in base64"));
        };
        let seed = seed.try_into().map_err(|_| refused("it has no private key of 32 bytes"))?;
        let signer = Signer::from_seed(name.parse()?, &Secret::new(seed));
        if signer.key.id.to_string() == id { Ok(signer) } else { Err(refused("its id is not of this key")) }
    }

    /// `PRIVATE+KEY+name+id+base64(type, private key)`: how golang.org/x/mod/sumdb/note writes signing keys.
    pub fn to_text(&self) -> Secret {
        let seed = self.pair.seed().expect("a key pair in memory has its private key");
        let seed: Curve25519SeedBin<'_> = seed.as_be_bytes().expect("an Ed25519 private key has 32 bytes");
        let key = encode_base64(&[&[ED25519_TYPE], seed.as_ref()].concat());
        Secret::new(format!("{PRIVATE}{}+{}+{key}", self.key.name, self.key.id))
    }

    pub fn verifier(&self) -> &VerifierKey {
        &self.key
    }

    pub(crate) fn sign(&self, text: &str) -> Vec<u8> {
        self.pair.sign(text.as_bytes()).as_ref().to_vec()
    }

    fn new(name: KeyName, pair: Ed25519KeyPair) -> Signer {
        let public = pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes");
        Signer { key: VerifierKey::ed25519(name, public), pair }
    }
}

impl str::FromStr for KeyName {
    type Err = Error;

    fn from_str(text: &str) -> Result<KeyName, Error> {
        at_most("key name", text.len(), limits::NOTE_KEY_NAME_BYTES)?;
        if text.is_empty() || text.contains(|char: char| char.is_whitespace() || char.is_control() || char == '+') {
            let detail = format!("{} must not be empty or have spaces or plus signs", quoted(text));
            return Err(Error::malformed("key name", detail));
        }
        Ok(KeyName(text.into()))
    }
}

impl str::FromStr for VerifierKey {
    type Err = Error;

    /// `name+id+base64(type, public key)`; the id must be the one that follows from the rest.
    fn from_str(text: &str) -> Result<VerifierKey, Error> {
        let refused = |why: &str| Error::malformed("verifier key", format!("{} {why}", quoted(text)));
        let form = || refused("is not NAME+ID+KEY");
        // The key may have plus signs of base64; name and id have none.
        let (name, rest) = text.split_once('+').ok_or_else(form)?;
        let (_, key) = rest.split_once('+').ok_or_else(form)?;
        at_most("verifier key", key.len(), 2 * limits::NOTE_KEY_NAME_BYTES)?;
        let (kind, public) = match decode_base64(key).as_deref() {
            Some([kind, public @ ..]) => (*kind, public.to_vec()),
            _ => return Err(refused("has a key that is not base64")),
        };
        if kind != ED25519_TYPE {
            return Err(refused("is not an Ed25519 key of type 1"));
        }
        let public = public.try_into().map_err(|_| refused("has no public key of 32 bytes"))?;
        let verifier = VerifierKey::ed25519(name.parse()?, public);
        if verifier.to_string() == text { Ok(verifier) } else { Err(refused("has an id that is not of this key")) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", &*self.0)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519_TYPE], &self.public[..]].concat();
        write!(out, "{}+{}+{}", self.name, self.id, encode_base64(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signer({})", self.key)
    }
}
