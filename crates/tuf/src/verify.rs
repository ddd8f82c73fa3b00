//! Signatures against the keys of a role.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Envelope, Error, KeyId, PublicKey, RoleName};

/// Whose signatures a document of a role needs: `threshold` (at least 1) different ones of `keys`.
#[derive(Clone, Debug)]
pub struct Authority<'a> {
    pub role: RoleName,
    pub keys: BTreeMap<&'a KeyId, &'a PublicKey>,
    pub threshold: u32,
}

/// The canonical ids of the keys that signed the document, if they reach the threshold.
///
/// What is counted is keys, not key ids and not signatures: a certificate and the bare key inside it are one
/// (CVE-2020-6174, CVE-2020-15093).
pub fn verify(envelope: &Envelope, authority: &Authority<'_>) -> Result<BTreeSet<KeyId>, Error> {
    let mut signers = BTreeSet::new();
    for signature in &envelope.signatures {
        let Ok(id) = signature.keyid.parse::<KeyId>() else { continue };
        let Some(key) = authority.keys.get(&id) else { continue };
        if !signers.contains(key.canonical_id()) && key.verifies(&signature.method, &envelope.payload, &signature.sig) {
            signers.insert(key.canonical_id().clone());
        }
    }
    let needed = authority.threshold.max(1) as usize;
    if signers.len() >= needed {
        return Ok(signers);
    }
    let (role, found) = (&authority.role, signers.len());
    Err(Error::Untrusted(format!(
        "valid signatures did not meet threshold for {role}: {found} of {needed}; sign it with the keys of {role}"
    )))
}

impl Authority<'_> {
    /// The canonical ids of the role's keys.
    pub fn canonical_ids(&self) -> BTreeSet<KeyId> {
        self.keys.values().map(|key| key.canonical_id().clone()).collect()
    }

    /// The ids among `held` that may sign for this role, if they are enough to reach its threshold.
    pub fn held<'k>(&self, held: impl IntoIterator<Item = &'k KeyId>) -> Option<Vec<KeyId>> {
        let ids: BTreeSet<&KeyId> = held.into_iter().filter(|id| self.keys.contains_key(*id)).collect();
        let distinct: BTreeSet<&KeyId> = ids.iter().map(|id| self.keys[*id].canonical_id()).collect();
        (distinct.len() >= self.threshold.max(1) as usize).then(|| ids.into_iter().cloned().collect())
    }
}
