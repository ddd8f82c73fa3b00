//! Public keys as Notary writes them, and their ids.

use std::{fmt, str};

use base::{InvalidName, digest_hex, limits};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Value, json};

use crate::{Error, canonical, certificate, error::short, material::Material};

/// A public key of the kinds `ecdsa`, `rsa`, `ed25519`, `ecdsa-x509`, `rsa-x509`.
///
/// As JSON: `{"keytype","keyval":{"private":null,"public":"<base64>"}}`, where `public` is a DER `SubjectPublicKeyInfo`, 32
/// bare bytes for Ed25519, or the PEM of a certificate or bundle (leaf first).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    keytype: KeyType,
    public: Vec<u8>,
    material: Material,
    id: KeyId,
    canonical_id: KeyId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    Ecdsa,
    Rsa,
    Ed25519,
    EcdsaX509,
    RsaX509,
}

/// The hex SHA-256 of a key's canonical JSON, the `"private":null` included.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Box<str>);

impl PublicKey {
    pub fn new(keytype: KeyType, public: Vec<u8>) -> Result<PublicKey, Error> {
        if public.len() > limits::TRUST_KEY_BYTES {
            return Err(Error::Key(format!("a public key is larger than {} bytes", limits::TRUST_KEY_BYTES)));
        }
        let material = match keytype {
            KeyType::Ecdsa | KeyType::Rsa => Material::from_der(&public)?,
            KeyType::Ed25519 => Material::Ed25519(
                public.as_slice().try_into().map_err(|_| Error::Key("an Ed25519 key is 32 bytes".into()))?,
            ),
            KeyType::EcdsaX509 | KeyType::RsaX509 => certificate::material(&public)?,
        };
        let bare = match &material {
            Material::P256(_) | Material::P384(_) => KeyType::Ecdsa,
            Material::Rsa { .. } => KeyType::Rsa,
            Material::Ed25519(_) => KeyType::Ed25519,
        };
        if bare != keytype.bare() {
            return Err(Error::Key(format!("a key says it is {} but holds another kind of key", keytype.as_str())));
        }
        let id = KeyId::of(keytype, &public);
        let canonical_id = KeyId::of(bare, &material.info());
        Ok(PublicKey { keytype, public, material, id, canonical_id })
    }

    /// From the JSON body of a `.key` answer or a `keys` member.
    pub fn parse(bytes: &[u8]) -> Result<PublicKey, Error> {
        serde_json::from_value(canonical::parse(bytes)?).map_err(|error| Error::Key(error.to_string()))
    }

    pub fn keytype(&self) -> KeyType {
        self.keytype
    }

    /// DER, bare bytes or PEM, as the key type says.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The id of the bare key: the same for a key and every certificate of it. This is what a threshold counts, and what
    /// `docker trust inspect` shows for signers.
    pub fn canonical_id(&self) -> &KeyId {
        &self.canonical_id
    }

    /// Whether `signature`, made by `method` (`ecdsa`, `rsapss`, `rsapkcs1v15`, `eddsa`), is of this key over `message`.
    pub fn verifies(&self, method: &str, message: &[u8], signature: &[u8]) -> bool {
        self.material.verifies(method, message, signature)
    }

    /// The JSON form; for `GET …/timestamp.key`.
    pub fn to_value(&self) -> Value {
        key_value(self.keytype, &self.public)
    }
}

impl KeyType {
    pub fn as_str(self) -> &'static str {
        match self {
            KeyType::Ecdsa => "ecdsa",
            KeyType::Rsa => "rsa",
            KeyType::Ed25519 => "ed25519",
            KeyType::EcdsaX509 => "ecdsa-x509",
            KeyType::RsaX509 => "rsa-x509",
        }
    }

    pub fn is_certificate(self) -> bool {
        matches!(self, KeyType::EcdsaX509 | KeyType::RsaX509)
    }

    fn bare(self) -> KeyType {
        match self {
            KeyType::EcdsaX509 => KeyType::Ecdsa,
            KeyType::RsaX509 => KeyType::Rsa,
            bare => bare,
        }
    }
}

impl str::FromStr for KeyType {
    type Err = Error;

    fn from_str(text: &str) -> Result<KeyType, Error> {
        [KeyType::Ecdsa, KeyType::Rsa, KeyType::Ed25519, KeyType::EcdsaX509, KeyType::RsaX509]
            .into_iter()
            .find(|keytype| keytype.as_str() == text)
            .ok_or_else(|| Error::Key(format!("keys of type {} are not supported", short(text))))
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
        let Raw { keytype, keyval: RawValue { private: (), public } } = Raw::deserialize(deserializer)?;
        let public = STANDARD.decode(public).map_err(|_| de::Error::custom("a public key is not base64"))?;
        let keytype = keytype.parse().map_err(de::Error::custom)?;
        PublicKey::new(keytype, public).map_err(de::Error::custom)
    }
}

impl KeyId {
    fn of(keytype: KeyType, public: &[u8]) -> KeyId {
        let canonical = canonical::encode(&key_value(keytype, public)).expect("a key holds no number");
        KeyId(digest_hex(&canonical).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl str::FromStr for KeyId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<KeyId, InvalidName> {
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(KeyId(text.into()))
        } else {
            Err(InvalidName::new("key id", text, "64 characters of 0-9 and a-f"))
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<KeyId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    keytype: String,
    keyval: RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValue {
    /// Null or absent. A private key inside a public document is an accident to stop, not to store.
    #[serde(default)]
    private: (),
    public: String,
}

fn key_value(keytype: KeyType, public: &[u8]) -> Value {
    json!({"keytype": keytype.as_str(), "keyval": {"private": null, "public": STANDARD.encode(public)}})
}
