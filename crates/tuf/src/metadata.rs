//! Signed documents: the envelope, and what root, snapshot and timestamp say.

use std::collections::BTreeMap;

use base::{Timestamp, limits};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Authority, Error, KeyId, PublicKey, RoleName, canonical,
    field::{self, read_as},
};

/// One document with its bytes as they came, which are what is stored, served and hashed.
#[derive(Clone, Debug)]
pub struct Document<T> {
    pub bytes: Vec<u8>,
    pub envelope: Envelope,
    pub signed: T,
}

/// `{"signed":…,"signatures":[…]}`, with the canonical bytes of `signed` that signatures are verified over.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub signed: Value,
    pub signatures: Vec<Signature>,
    pub payload: Vec<u8>,
}

/// One signature; `sig` is base64 on the wire. An unknown method or key id is no error: it just does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub keyid: String,
    /// In lower case.
    pub method: String,
    pub sig: Vec<u8>,
}

/// What all four kinds of documents have in common.
pub trait Payload: Sized {
    /// Reads `signed` and checks the structure rules of its role.
    fn read(role: &RoleName, signed: &Value) -> Result<Self, Error>;
    fn version(&self) -> u64;
    fn expires(&self) -> Timestamp;
}

/// The keys of the four roles. Every key id of a role is in `keys`, and every key stands under its own id.
#[derive(Clone, Debug)]
pub struct Root {
    pub version: u64,
    pub expires: Timestamp,
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// Of root, targets, snapshot and timestamp; all four are there.
    roles: BTreeMap<RoleName, RoleKeys>,
}

/// Length and checksums of every other document except the timestamp.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub version: u64,
    pub expires: Timestamp,
    pub meta: BTreeMap<RoleName, Meta>,
}

/// Length and checksum of the snapshot: the document that proves freshness.
#[derive(Clone, Debug)]
pub struct Timestamped {
    pub version: u64,
    pub expires: Timestamp,
    pub snapshot: Meta,
}

/// Length in bytes and checksums of one document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    pub hashes: Hashes,
    pub length: u64,
}

/// Checksums, base64 on the wire. Docker's targets carry only SHA-256.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hashes {
    #[serde(default, with = "field::base64_text", skip_serializing_if = "Option::is_none")]
    pub sha256: Option<[u8; 32]>,
    #[serde(default, with = "field::base64_text", skip_serializing_if = "Option::is_none")]
    pub sha512: Option<[u8; 64]>,
}

/// Which keys a role needs, and how many of them: 1 to [`limits::TRUST_KEYS`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleKeys {
    #[serde(deserialize_with = "field::nullable")]
    pub(crate) keyids: Vec<KeyId>,
    #[serde(deserialize_with = "field::threshold")]
    pub(crate) threshold: u32,
}

impl<T: Payload> Document<T> {
    /// Reads a document of `role`; signatures are not verified yet, see [`crate::verify`].
    pub fn parse(role: &RoleName, bytes: &[u8]) -> Result<Document<T>, Error> {
        if bytes.len() > limits::TRUST_UPLOAD_BYTES {
            return Err(Error::Malformed(format!("{role} is larger than {} bytes", limits::TRUST_UPLOAD_BYTES)));
        }
        let envelope = Envelope::parse(bytes)?;
        let signed = T::read(role, &envelope.signed)?;
        Ok(Document { bytes: bytes.to_vec(), envelope, signed })
    }

    pub(crate) fn check_expiry(&self, role: &RoleName, now: Timestamp) -> Result<(), Error> {
        let at = self.signed.expires();
        if now < at { Ok(()) } else { Err(Error::Expired { role: role.clone(), at }) }
    }
}

impl Envelope {
    pub fn parse(bytes: &[u8]) -> Result<Envelope, Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Raw {
            signed: Value,
            #[serde(default, deserialize_with = "field::nullable")]
            signatures: Vec<RawSignature>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct RawSignature {
            keyid: String,
            method: String,
            sig: String,
        }

        let raw: Raw = serde_json::from_value(canonical::parse(bytes)?)
            .map_err(|error| Error::Malformed(format!("not a signed document: {error}")))?;
        if raw.signatures.len() > limits::TRUST_SIGNATURES {
            return Err(Error::Malformed(format!("more than {} signatures on one document", limits::TRUST_SIGNATURES)));
        }
        let payload = canonical::encode(&raw.signed)?;
        let mut signatures = Vec::with_capacity(raw.signatures.len());
        for RawSignature { keyid, method, sig } in raw.signatures {
            let sig = STANDARD.decode(sig).map_err(|_| Error::Malformed("a signature is not base64".into()))?;
            signatures.push(Signature { keyid, method: method.to_ascii_lowercase(), sig });
        }
        Ok(Envelope { signed: raw.signed, signatures, payload })
    }
}

impl Root {
    /// The keys of one of the four roles; `None` for a delegation.
    pub fn authority(&self, role: &RoleName) -> Option<Authority<'_>> {
        let RoleKeys { keyids, threshold } = self.roles.get(role)?;
        let keys = keyids.iter().filter_map(|id| self.keys.get_key_value(id)).collect();
        Some(Authority { role: role.clone(), keys, threshold: *threshold })
    }
}

impl Payload for Root {
    fn read(role: &RoleName, signed: &Value) -> Result<Root, Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Raw {
            #[serde(rename = "_type")]
            kind: String,
            #[serde(default, rename = "consistent_snapshot")]
            _consistent_snapshot: bool,
            #[serde(deserialize_with = "field::rfc3339")]
            expires: Timestamp,
            #[serde(deserialize_with = "field::nullable")]
            keys: BTreeMap<KeyId, PublicKey>,
            roles: BTreeMap<RoleName, RoleKeys>,
            #[serde(deserialize_with = "field::version")]
            version: u64,
        }

        let raw: Raw = read_as(role, "Root", signed, |raw: &Raw| &raw.kind)?;
        let four = [RoleName::Root, RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets];
        if !raw.roles.keys().eq(&four) {
            return Err(Error::Malformed("root must define root, targets, snapshot and timestamp, and no more".into()));
        }
        check_keys(role, &raw.keys)?;
        let mut roles = BTreeMap::new();
        for (named, keys) in raw.roles {
            let keys = keys.checked(&named, &raw.keys)?;
            roles.insert(named, keys);
        }
        Ok(Root { version: raw.version, expires: raw.expires, keys: raw.keys, roles })
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl Payload for Snapshot {
    fn read(role: &RoleName, signed: &Value) -> Result<Snapshot, Error> {
        let RawMeta { expires, meta, version, .. } = read_as(role, "Snapshot", signed, |raw: &RawMeta| &raw.kind)?;
        for needed in [RoleName::Root, RoleName::Targets] {
            if meta.get(&needed).is_none_or(|meta| meta.hashes.sha256.is_none()) {
                return Err(Error::Malformed(format!("snapshot must list the sha256 of {needed}")));
            }
        }
        if meta.contains_key(&RoleName::Snapshot) || meta.contains_key(&RoleName::Timestamp) {
            return Err(Error::Malformed("snapshot must not list itself or the timestamp".into()));
        }
        Ok(Snapshot { version, expires, meta })
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl Payload for Timestamped {
    fn read(role: &RoleName, signed: &Value) -> Result<Timestamped, Error> {
        let RawMeta { expires, mut meta, version, .. } = read_as(role, "Timestamp", signed, |raw: &RawMeta| &raw.kind)?;
        match meta.remove(&RoleName::Snapshot) {
            Some(snapshot) if meta.is_empty() && snapshot.hashes.sha256.is_some() => {
                Ok(Timestamped { version, expires, snapshot })
            }
            _ => Err(Error::Malformed("timestamp must list the sha256 of the snapshot, and nothing else".into())),
        }
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl RoleKeys {
    /// Itself, if every key id it names is one of `keys`.
    pub(crate) fn checked(self, role: &RoleName, keys: &BTreeMap<KeyId, PublicKey>) -> Result<RoleKeys, Error> {
        if self.keyids.len() > limits::TRUST_KEYS {
            return Err(Error::Malformed(format!("{role} names more than {} keys", limits::TRUST_KEYS)));
        }
        match self.keyids.iter().find(|id| !keys.contains_key(*id)) {
            Some(id) => Err(Error::Malformed(format!("{role} names key {id}, which is not among the keys"))),
            None => Ok(self),
        }
    }
}

/// Every key stands under its own id, so that one key cannot be listed under two.
pub(crate) fn check_keys(role: &RoleName, keys: &BTreeMap<KeyId, PublicKey>) -> Result<(), Error> {
    if keys.len() > limits::TRUST_KEYS {
        return Err(Error::Malformed(format!("{role} lists more than {} keys", limits::TRUST_KEYS)));
    }
    match keys.iter().find(|(id, key)| *id != key.id()) {
        Some((id, key)) => Err(Error::Malformed(format!("{role} lists key {} under the id {id}", key.id()))),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMeta {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(deserialize_with = "field::rfc3339")]
    expires: Timestamp,
    meta: BTreeMap<RoleName, Meta>,
    #[serde(deserialize_with = "field::version")]
    version: u64,
}
