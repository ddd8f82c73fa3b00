//! Documents the server makes: snapshot, timestamp, and the envelope around what was signed.

use std::collections::BTreeMap;

use base::Timestamp;
use jiff::{SignedDuration, ToSpan};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha512};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Authority, Error, Hashes, Meta, RoleName, Signature, SigningKey, Validated, canonical,
    publish::{File, SnapshotPlan},
};

/// How long documents live, as Notary sets it; its clients warn or refuse after that.
pub const TIMESTAMP_DAYS: i64 = 14;
pub const SNAPSHOT_DAYS: i64 = 3 * 365;
pub const TARGETS_DAYS: i64 = 3 * 365;

/// A document that is not signed yet.
#[derive(Clone, Debug)]
pub struct Unsigned {
    signed: Value,
    payload: Vec<u8>,
}

/// `days` after `now`; the end of time if that is later than times go.
pub fn expiry(now: Timestamp, days: i64) -> Timestamp {
    now.checked_add((days * 24).hours()).unwrap_or(Timestamp::MAX)
}

/// Whether half of the life of a server-made document is over: the moment to make it again, so that a mirror or an
/// offline copy always has the other half left.
pub fn past_half_life(expires: Timestamp, days: i64, now: Timestamp) -> bool {
    expires.duration_since(now) < SignedDuration::from_hours(days * 12)
}

/// Length and checksums of a document's bytes.
pub fn meta(bytes: &[u8]) -> Meta {
    let hashes = Hashes { sha256: Some(Sha256::digest(bytes).into()), sha512: Some(Sha512::digest(bytes).into()) };
    Meta { hashes, length: bytes.len() as u64 }
}

/// A snapshot of the documents in `meta` (root, targets and delegations).
pub fn snapshot(meta: &BTreeMap<RoleName, Meta>, version: u64, expires: Timestamp) -> Unsigned {
    let meta: serde_json::Map<String, Value> =
        meta.iter().map(|(role, meta)| (role.to_string(), json!(meta))).collect();
    Unsigned::new(json!({"_type": "Snapshot", "expires": expires.to_string(), "meta": meta, "version": version}))
        .expect("lengths and versions are within limits")
}

/// A timestamp of the bytes of a signed snapshot.
pub fn timestamp(snapshot: &[u8], version: u64, expires: Timestamp) -> Unsigned {
    let meta = json!({"snapshot": meta(snapshot)});
    Unsigned::new(json!({"_type": "Timestamp", "expires": expires.to_string(), "meta": meta, "version": version}))
        .expect("lengths and versions are within limits")
}

/// All documents to store for an accepted publish: the uploaded ones, then the snapshot if the server makes it, then the
/// timestamp. `keys` are the held keys that the decision names, and may be more.
pub fn complete(validated: &Validated, keys: &[&SigningKey], now: Timestamp) -> Result<Vec<File>, Error> {
    let mut files = validated.files.clone();
    let held = |ids: &[crate::KeyId]| -> Vec<&SigningKey> {
        keys.iter().copied().filter(|key| ids.contains(key.public().id())).collect()
    };
    let snapshot_bytes = match &validated.snapshot {
        SnapshotPlan::Uploaded { bytes } => bytes.clone(),
        SnapshotPlan::Generate { version, meta, keys } => {
            let bytes = snapshot(meta, *version, expiry(now, SNAPSHOT_DAYS)).sign(&held(keys))?;
            files.push(File::new(RoleName::Snapshot, *version, bytes.clone()));
            bytes
        }
    };
    let unsigned = timestamp(&snapshot_bytes, validated.timestamp_version, expiry(now, TIMESTAMP_DAYS));
    let bytes = unsigned.sign(&held(&validated.timestamp_keys))?;
    files.push(File::new(RoleName::Timestamp, validated.timestamp_version, bytes));
    Ok(files)
}

impl Meta {
    /// Whether a listed entry is that of the document whose full entry is `actual`: every checksum it gives matches, and
    /// it gives at least SHA-256.
    pub fn matches(&self, actual: &Meta) -> bool {
        self.length == actual.length
            && self.hashes.sha256.is_some()
            && self.hashes.sha256 == actual.hashes.sha256
            && (self.hashes.sha512.is_none() || self.hashes.sha512 == actual.hashes.sha512)
    }
}

impl Unsigned {
    /// A number in `signed` that is not an integer within 2^53 is an error.
    pub fn new(signed: Value) -> Result<Unsigned, Error> {
        let payload = canonical::encode(&signed)?;
        Ok(Unsigned { signed, payload })
    }

    /// The canonical bytes to sign.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The envelope, with `signed` before `signatures` as stock clients write it.
    pub fn seal(&self, signatures: &[Signature]) -> Result<Vec<u8>, Error> {
        let signatures: Vec<Value> = signatures
            .iter()
            .map(|each| json!({"keyid": each.keyid, "method": each.method, "sig": STANDARD.encode(&each.sig)}))
            .collect();
        let signed = canonical::to_json(&self.signed)?;
        let signatures = canonical::to_json(&Value::from(signatures))?;
        Ok([b"{\"signed\":", signed.as_slice(), b",\"signatures\":", &signatures, b"}"].concat())
    }

    /// Signed by bare keys, each under its own id.
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<Vec<u8>, Error> {
        if keys.is_empty() {
            return Err(Error::Key("there is no key to sign with".into()));
        }
        let signatures: Vec<Signature> =
            keys.iter().map(|key| key.signature(key.public().id(), &self.payload)).collect();
        self.seal(&signatures)
    }

    /// Signed for a role whose keys may be certificates of these keys: each signature under the id the role knows.
    pub fn sign_for(&self, authority: &Authority<'_>, keys: &[&SigningKey]) -> Result<Vec<u8>, Error> {
        let mut signatures = Vec::new();
        for key in keys {
            let own = key.public().canonical_id();
            let known = authority.keys.iter().filter(|(_, known)| known.canonical_id() == own);
            signatures.extend(known.map(|(id, _)| key.signature(id, &self.payload)));
        }
        let sealed = self.seal(&signatures)?;
        crate::verify::verify(&crate::Envelope::parse(&sealed)?, authority)?;
        Ok(sealed)
    }
}
