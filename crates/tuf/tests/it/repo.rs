//! A repository of trust data for tests: its keys, its documents, what is stored.

use std::collections::{BTreeMap, BTreeSet};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use tuf::{
    HeldKeys, PublicKey, PublishError, RoleName, Signature, SigningKey, Stored, Validated,
    build::{Unsigned, complete},
    publish::File,
    validate,
};

pub const GUN: &str = "dtr.example.test/admin/flask";

/// Server-held snapshot and timestamp keys; everything else the client's.
pub struct Repo {
    pub root: SigningKey,
    pub certificate: PublicKey,
    pub targets: SigningKey,
    pub snapshot: SigningKey,
    pub timestamp: SigningKey,
    pub stored: Stored,
}

pub fn now() -> base::Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub fn role(name: &str) -> RoleName {
    name.parse().unwrap()
}

/// A self-signed certificate of `key`.
pub fn certificate(key: &SigningKey, common_name: &str, ca: bool, last_year: i32) -> PublicKey {
    let secret = key.to_pkcs8();
    let der = secret.expose().as_slice().into();
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.is_ca = if ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    params.not_after = date_time_ymd(last_year, 1, 1);
    PublicKey::from_certificate_pem(params.self_signed(&pair).unwrap().pem().as_bytes()).unwrap()
}

/// `signed` with signatures by the keys, each under the id given.
pub fn seal(signed: Value, keys: &[(&PublicKey, &SigningKey)]) -> Vec<u8> {
    let unsigned = Unsigned::new(signed).unwrap();
    let signatures: Vec<Signature> = keys
        .iter()
        .map(|(known, key)| Signature {
            keyid: known.id().to_string(),
            method: "ecdsa".into(),
            sig: key.sign(unsigned.payload()),
        })
        .collect();
    unsigned.seal(&signatures).unwrap()
}

pub fn key_map<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> Value {
    keys.into_iter().map(|key| (key.id().to_string(), key.to_value())).collect()
}

pub fn targets_value(version: u64, keys: &[&PublicKey], roles: &[Value]) -> Value {
    json!({
        "_type": "Targets", "version": version, "expires": "2029-11-20T00:00:00Z", "targets": {},
        "delegations": {"keys": key_map(keys.iter().copied()), "roles": roles},
    })
}

pub fn delegation(name: &str, keys: &[&PublicKey]) -> Value {
    let ids: Vec<&str> = keys.iter().map(|key| key.id().as_str()).collect();
    json!({"keyids": ids, "name": name, "paths": [""], "threshold": 1})
}

impl Repo {
    pub fn new() -> Repo {
        let root = SigningKey::generate();
        let certificate = certificate(&root, GUN, false, 2036);
        Repo {
            root,
            certificate,
            targets: SigningKey::generate(),
            snapshot: SigningKey::generate(),
            timestamp: SigningKey::generate(),
            stored: Stored::default(),
        }
    }

    /// A repository in which root version 1 and targets version 1 are stored.
    pub fn published() -> Repo {
        let mut repo = Repo::new();
        let upload = [(RoleName::Root, repo.root_file(1)), (RoleName::Targets, repo.targets_file(1, &[], &[]))];
        repo.publish(&upload).unwrap();
        repo
    }

    pub fn root_value(&self, version: u64) -> Value {
        let keys = [&self.certificate, self.targets.public(), self.snapshot.public(), self.timestamp.public()];
        let role = |key: &PublicKey| json!({"keyids": [key.id()], "threshold": 1});
        json!({
            "_type": "Root", "consistent_snapshot": false, "expires": "2036-11-18T00:00:00Z", "version": version,
            "keys": key_map(keys),
            "roles": {
                "root": role(keys[0]), "targets": role(keys[1]), "snapshot": role(keys[2]), "timestamp": role(keys[3]),
            },
        })
    }

    pub fn root_file(&self, version: u64) -> Vec<u8> {
        seal(self.root_value(version), &[(&self.certificate, &self.root)])
    }

    pub fn targets_file(&self, version: u64, keys: &[&PublicKey], roles: &[Value]) -> Vec<u8> {
        seal(targets_value(version, keys, roles), &[(self.targets.public(), &self.targets)])
    }

    pub fn held(&self) -> HeldKeys {
        HeldKeys {
            snapshot: BTreeSet::from([self.snapshot.public().id().clone()]),
            timestamp: BTreeSet::from([self.timestamp.public().id().clone()]),
        }
    }

    pub fn validate(&self, upload: &[(RoleName, Vec<u8>)]) -> Result<Validated, PublishError> {
        validate(GUN, &self.stored, upload, &self.held(), now())
    }

    /// Decide, let the server sign, store.
    pub fn publish(&mut self, upload: &[(RoleName, Vec<u8>)]) -> Result<Validated, PublishError> {
        let validated = self.validate(upload)?;
        let files = complete(&validated, &[&self.snapshot, &self.timestamp], now()).unwrap();
        store(&mut self.stored, files);
        Ok(validated)
    }

    /// Code, name of the fault and message of a refusal.
    pub fn refused(&self, upload: &[(RoleName, Vec<u8>)]) -> (String, String, String) {
        let error = self.validate(upload).unwrap_err();
        let detail = error.detail();
        let name = detail["Name"].as_str().unwrap_or_default().to_owned();
        (error.code().to_owned(), name, error.to_string())
    }
}

pub fn store(stored: &mut Stored, files: Vec<File>) {
    for File { role, bytes, .. } in files {
        match role {
            RoleName::Root => stored.root = Some(bytes),
            RoleName::Targets => stored.targets = Some(bytes),
            RoleName::Snapshot => stored.snapshot = Some(bytes),
            RoleName::Timestamp => stored.timestamp = Some(bytes),
            RoleName::Delegation(_) => {
                stored.delegations.insert(role, bytes);
            }
        }
    }
}

/// The stored delegations, for reading.
pub fn delegations(stored: &Stored) -> &BTreeMap<RoleName, Vec<u8>> {
    &stored.delegations
}
