//! What `targets` and delegations say: tags with their digests, and further delegations.

use std::collections::{BTreeMap, BTreeSet};

use base::{Timestamp, limits};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Authority, Error, Hashes, KeyId, Payload, PublicKey, RoleName,
    field::{nullable, read_as, rfc3339, threshold, version},
    metadata::{RoleKeys, check_keys},
};

/// The document of `targets` or of a delegation; both have the `_type` `Targets`.
#[derive(Clone, Debug)]
pub struct Targets {
    pub version: u64,
    pub expires: Timestamp,
    /// By tag.
    pub targets: BTreeMap<String, Target>,
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// In the order of the document, which is their priority.
    pub delegations: Vec<Delegation>,
}

/// What a tag stands for: the checksum of a manifest and its length in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub hashes: Hashes,
    pub length: u64,
    /// Anything a client put there; kept when we sign the document again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Value>,
}

/// A role one level below, with its keys and the prefixes of tags it may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    pub name: RoleName,
    pub keyids: Vec<KeyId>,
    pub threshold: u32,
    /// `""` is a prefix of every tag; no prefix at all allows none.
    pub paths: Vec<String>,
}

impl Targets {
    /// The keys of a role that this document delegates to.
    pub fn authority(&self, role: &RoleName) -> Option<Authority<'_>> {
        let delegation = self.delegation(role)?;
        let keys = delegation.keyids.iter().filter_map(|id| self.keys.get_key_value(id)).collect();
        Some(Authority { role: role.clone(), keys, threshold: delegation.threshold })
    }

    pub fn delegation(&self, role: &RoleName) -> Option<&Delegation> {
        self.delegations.iter().find(|delegation| delegation.name == *role)
    }

    pub(crate) fn to_value(&self) -> Value {
        let roles: Vec<Value> = self.delegations.iter().map(Delegation::to_value).collect();
        json!({
            "_type": "Targets",
            "delegations": {"keys": self.keys, "roles": roles},
            "expires": self.expires.to_string(),
            "targets": self.targets,
            "version": self.version,
        })
    }
}

impl Target {
    /// A Docker image: the SHA-256 of its manifest and the manifest's length in bytes.
    pub fn image(sha256: [u8; 32], length: u64) -> Target {
        Target { hashes: Hashes { sha256: Some(sha256), sha512: None }, length, custom: None }
    }
}

impl Delegation {
    pub fn allows(&self, tag: &str) -> bool {
        self.paths.iter().any(|prefix| tag.starts_with(prefix.as_str()))
    }

    fn to_value(&self) -> Value {
        json!({"keyids": self.keyids, "name": self.name, "paths": self.paths, "threshold": self.threshold})
    }
}

impl Payload for Targets {
    fn read(role: &RoleName, signed: &Value) -> Result<Targets, Error> {
        if !role.lists_targets() {
            return Err(Error::Malformed(format!("{role} cannot list targets")));
        }
        let raw: Raw = read_as(role, "Targets", signed, |raw: &Raw| &raw.kind)?;
        let RawDelegations { keys, roles } = raw.delegations;
        check_keys(role, &keys)?;
        if roles.len() > limits::TRUST_KEYS {
            return Err(Error::Malformed(format!("{role} delegates to more than {} roles", limits::TRUST_KEYS)));
        }
        let mut seen = BTreeSet::new();
        let mut delegations = Vec::with_capacity(roles.len());
        for RawRole { keyids, name, paths, threshold, .. } in roles {
            if name.parent().as_ref() != Some(role) {
                return Err(Error::Malformed(format!("{role} delegates to {name}, which is not directly below it")));
            }
            if !seen.insert(name.clone()) {
                return Err(Error::Malformed(format!("{role} delegates to {name} twice")));
            }
            let RoleKeys { keyids, threshold } = RoleKeys { keyids, threshold }.checked(&name, &keys)?;
            delegations.push(Delegation { name, keyids, threshold, paths });
        }
        Ok(Targets { version: raw.version, expires: raw.expires, targets: raw.targets, keys, delegations })
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Timestamp {
        self.expires
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(default, deserialize_with = "nullable")]
    delegations: RawDelegations,
    #[serde(deserialize_with = "rfc3339")]
    expires: Timestamp,
    #[serde(deserialize_with = "nullable")]
    targets: BTreeMap<String, Target>,
    #[serde(deserialize_with = "version")]
    version: u64,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDelegations {
    #[serde(default, deserialize_with = "nullable")]
    keys: BTreeMap<KeyId, PublicKey>,
    #[serde(default, deserialize_with = "nullable")]
    roles: Vec<RawRole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRole {
    #[serde(deserialize_with = "nullable")]
    keyids: Vec<KeyId>,
    name: RoleName,
    #[serde(default, deserialize_with = "nullable")]
    paths: Vec<String>,
    /// Written by old clients; it never had a meaning in Notary.
    #[serde(default, rename = "path_hash_prefixes")]
    _path_hash_prefixes: Value,
    #[serde(deserialize_with = "threshold")]
    threshold: u32,
}
