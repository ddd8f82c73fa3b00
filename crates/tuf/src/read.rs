//! Reading trust data: which tags are signed, as what, by whom.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;

use crate::{
    Document, Error, KeyId, RoleName, Root, Snapshot, Target, Targets, Timestamped, build,
    publish::{authority, check_root, delegated},
    verify::verify,
};

/// The documents of one repository whose signatures hold, from the root down.
#[derive(Clone, Debug)]
pub struct TrustData {
    root: Document<Root>,
    /// `targets` and every delegation that holds.
    current: BTreeMap<RoleName, Document<Targets>>,
    /// By role: the canonical ids of the keys whose signatures were found.
    signed_by: BTreeMap<RoleName, BTreeSet<KeyId>>,
    skipped: Vec<Skipped>,
}

/// A delegation that does not count, and why. One bad signer does not take the others' tags away.
#[derive(Clone, Debug)]
pub struct Skipped {
    pub role: RoleName,
    pub reason: Error,
}

/// A tag that counts as signed: it stands in `targets/releases`, or else in `targets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTag {
    pub tag: String,
    /// The digest of the manifest.
    pub sha256: [u8; 32],
    /// The length of the manifest in bytes.
    pub length: u64,
    /// `targets/releases` or `targets`.
    pub released_by: RoleName,
    /// Every role (except `targets/releases`) that lists the tag with the same digest; `targets` is the owner of the
    /// repository, whom Docker shows as "Repo Admin".
    pub signers: Vec<Signer>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    pub role: RoleName,
    /// The canonical ids of all keys of the role.
    pub keys: BTreeSet<KeyId>,
    /// Those of them whose signatures are on the document: a role may have keys that did not sign.
    pub signed_by: BTreeSet<KeyId>,
}

impl TrustData {
    /// Verifies root (its own keys, certificates for `gun`), targets and delegations, and that none has expired at `now`.
    /// Whoever knows an earlier root must compare or walk the rotations from it: a root vouches only for itself.
    pub fn verify(
        gun: &str,
        root: &[u8],
        targets: &[u8],
        delegations: &BTreeMap<RoleName, Vec<u8>>,
        now: Timestamp,
    ) -> Result<TrustData, Error> {
        let root: Document<Root> = Document::parse(&RoleName::Root, root)?;
        check_root(&root, gun, Some(now))?;
        let targets: Document<Targets> = Document::parse(&RoleName::Targets, targets)?;
        let by = verify(&targets.envelope, &authority(&root.signed, &RoleName::Targets))?;
        targets.check_expiry(&RoleName::Targets, now)?;
        let mut data = TrustData {
            root,
            current: BTreeMap::from([(RoleName::Targets, targets)]),
            signed_by: BTreeMap::from([(RoleName::Targets, by)]),
            skipped: Vec::new(),
        };
        for (role, bytes) in delegations {
            if let Err(reason) = data.add(role, bytes, now) {
                data.skipped.push(Skipped { role: role.clone(), reason });
            }
        }
        Ok(data)
    }

    fn add(&mut self, role: &RoleName, bytes: &[u8], now: Timestamp) -> Result<(), Error> {
        let document: Document<Targets> = Document::parse(role, bytes)?;
        let authority =
            delegated(&self.current, role).ok_or_else(|| Error::Untrusted(format!("{role} is not delegated to")))?;
        let by = verify(&document.envelope, &authority)?;
        document.check_expiry(role, now)?;
        self.current.insert(role.clone(), document);
        self.signed_by.insert(role.clone(), by);
        Ok(())
    }

    /// Verifies that a timestamp and its snapshot are signed, fresh, and list exactly these documents: what a consumer
    /// checks against rollback, freeze and mix-and-match.
    pub fn check_fresh(&self, timestamp: &[u8], snapshot: &[u8], now: Timestamp) -> Result<(), Error> {
        let document: Document<Timestamped> = Document::parse(&RoleName::Timestamp, timestamp)?;
        verify(&document.envelope, &authority(&self.root.signed, &RoleName::Timestamp))?;
        document.check_expiry(&RoleName::Timestamp, now)?;
        if !document.signed.snapshot.matches(&build::meta(snapshot)) {
            return Err(Error::Untrusted("the timestamp is of another snapshot".into()));
        }
        let document: Document<Snapshot> = Document::parse(&RoleName::Snapshot, snapshot)?;
        verify(&document.envelope, &authority(&self.root.signed, &RoleName::Snapshot))?;
        document.check_expiry(&RoleName::Snapshot, now)?;
        let root = (&RoleName::Root, &self.root.bytes);
        let others = self.current.iter().map(|(role, document)| (role, &document.bytes));
        for (role, bytes) in others.chain([root]) {
            if !document.signed.meta.get(role).is_some_and(|listed| listed.matches(&build::meta(bytes))) {
                return Err(Error::Untrusted(format!("the snapshot does not list this {role}")));
            }
        }
        Ok(())
    }

    pub fn root(&self) -> &Root {
        &self.root.signed
    }

    /// The document of `targets` or of a delegation that holds.
    pub fn targets(&self, role: &RoleName) -> Option<&Targets> {
        self.current.get(role).map(|document| &document.signed)
    }

    /// The keys of `targets` or of a role that is delegated to, whether or not it has a document yet.
    pub fn authority(&self, role: &RoleName) -> Option<crate::Authority<'_>> {
        self.root.signed.authority(role).or_else(|| delegated(&self.current, role))
    }

    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Every tag that counts as signed, by name.
    pub fn tags(&self) -> Vec<SignedTag> {
        let releases = RoleName::releases();
        let mut names = BTreeSet::new();
        for role in [&releases, &RoleName::Targets] {
            names.extend(self.targets(role).into_iter().flat_map(|targets| targets.targets.keys()));
        }
        names.into_iter().filter_map(|tag| self.tag(tag)).collect()
    }

    /// One tag, if it counts as signed.
    pub fn tag(&self, tag: &str) -> Option<SignedTag> {
        let (released_by, target) = [RoleName::releases(), RoleName::Targets]
            .into_iter()
            .find_map(|role| self.target(&role, tag).map(|target| (role, target)))?;
        let sha256 = target.hashes.sha256?;
        let signers = self
            .current
            .keys()
            .filter(|role| **role != RoleName::releases())
            .filter(|role| self.target(role, tag).is_some_and(|other| other.hashes.sha256 == Some(sha256)))
            .map(|role| self.signer(role))
            .collect();
        Some(SignedTag { tag: tag.to_owned(), sha256, length: target.length, released_by, signers })
    }

    /// Every role of the repository that signs: `targets` and those delegated to except `targets/releases`, documents or
    /// not.
    pub fn signers(&self) -> Vec<Signer> {
        let delegated = self.current.values().flat_map(|document| &document.signed.delegations);
        let mut roles: BTreeSet<&RoleName> = delegated.map(|delegation| &delegation.name).collect();
        roles.insert(&RoleName::Targets);
        roles.into_iter().filter(|role| **role != RoleName::releases()).map(|role| self.signer(role)).collect()
    }

    fn signer(&self, role: &RoleName) -> Signer {
        let keys = self.authority(role).map(|authority| authority.canonical_ids()).unwrap_or_default();
        let signed_by = self.signed_by.get(role).cloned().unwrap_or_default();
        Signer { role: role.clone(), keys, signed_by }
    }

    /// What a role says about a tag, if it and every role above it may speak of such tags.
    fn target(&self, role: &RoleName, tag: &str) -> Option<&Target> {
        let target = self.targets(role)?.targets.get(tag)?;
        let mut role = role.clone();
        while let Some(parent) = role.parent() {
            if !self.targets(&parent)?.delegation(&role)?.allows(tag) {
                return None;
            }
            role = parent;
        }
        Some(target)
    }
}
