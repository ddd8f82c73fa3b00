//! The decision on a publish: what is stored, what was uploaded, which keys the server holds; in, or refused.
//!
//! The rules are those of Notary's `server/handlers/validation.go`, with some of its gaps closed: a new root must leave the
//! targets document valid, an uploaded snapshot must list all that is current and nothing else, versions do not jump.
//!
//! ```text
//!   root (old keys and own) ─► targets ─► delegations, parents first ─► snapshot given? ─yes─► checksums match?
//!                                                                          └─no─► the server makes one, if it holds the key
//!                                                                                 and always makes a new timestamp
//! ```

mod error;
mod plan;

use std::collections::{BTreeMap, BTreeSet};

use base::{Timestamp, limits};

use crate::{
    Authority, Document, Error, Meta, Payload, RoleName, Root, Snapshot, Targets, Timestamped, build,
    certificate::check_root_leaf, verify::verify,
};

pub use error::{Fault, PublishError};
pub use plan::{File, HeldKeys, SnapshotPlan, Stored, TagChange, Validated};

/// Decides on an upload. A part named `timestamp` is ignored, as stock servers do: the server always makes its own.
pub fn validate(
    gun: &str,
    stored: &Stored,
    upload: &[(RoleName, Vec<u8>)],
    held: &HeldKeys,
    now: Timestamp,
) -> Result<Validated, PublishError> {
    let mut decision = Decision { now, upload: by_role(upload)?, files: Vec::new(), changes: Vec::new() };
    let root = decision.root(gun, stored)?;
    let targets = decision.targets(stored, &root.signed)?;
    let current = decision.delegations(stored, targets)?;
    let snapshot = decision.snapshot(stored, held, &root, &current)?;
    let timestamp_keys = authority(&root.signed, &RoleName::Timestamp).held(&held.timestamp).ok_or_else(|| {
        let message = "no timestamp keys exist on the server that the root names; rotate the timestamp key";
        PublishError::invalid(Fault::Root, message)
    })?;
    let timestamp: Option<Document<Timestamped>> = read_stored(&RoleName::Timestamp, stored.timestamp.as_deref())?;
    let timestamp_version = next_version(timestamp.map(|document| document.signed.version))?;
    let Decision { files, changes, .. } = decision;
    Ok(Validated { files, snapshot, timestamp_version, timestamp_keys, changes })
}

/// What has been looked at so far.
struct Decision<'a> {
    now: Timestamp,
    upload: BTreeMap<&'a RoleName, &'a [u8]>,
    files: Vec<File>,
    changes: Vec<TagChange>,
}

impl Decision<'_> {
    /// The root that holds from now on. A new one must be signed by the keys of the one before and by its own.
    fn root(&mut self, gun: &str, stored: &Stored) -> Result<Document<Root>, PublishError> {
        let role = RoleName::Root;
        let before: Option<Document<Root>> = read_stored(&role, stored.root.as_deref())?;
        let Some(bytes) = self.upload.get(&role) else {
            let message = "no root is stored and none was uploaded; initialize the repository";
            return before.ok_or_else(|| PublishError::invalid(Fault::Root, message));
        };
        let refused = |error| PublishError::of(&role, error);
        let after: Document<Root> = Document::parse(&role, bytes).map_err(refused)?;
        let given = after.signed.version;
        if let Some(before) = &before {
            let current = before.signed.version;
            if given != current && given != current + 1 {
                let message = format!("root modifications must increment the version: current {current}, new {given}");
                return Err(PublishError::invalid(Fault::Root, message));
            }
            verify(&after.envelope, &authority(&before.signed, &role)).map_err(|_| {
                let message = "the new root is not signed by enough keys of the root before it";
                PublishError::invalid(Fault::Root, message)
            })?;
        }
        check_root(&after, gun, Some(self.now)).map_err(refused)?;
        self.accept(&role, &after, before.as_ref())?;
        Ok(after)
    }

    /// The targets document that holds from now on. A stored one must satisfy a new root as well; Notary does not look.
    fn targets(&mut self, stored: &Stored, root: &Root) -> Result<Document<Targets>, PublishError> {
        let role = RoleName::Targets;
        let before: Option<Document<Targets>> = read_stored(&role, stored.targets.as_deref())?;
        let authority = authority(root, &role);
        if let Some(bytes) = self.upload.get(&role) {
            let after: Document<Targets> =
                Document::parse(&role, bytes).map_err(|error| PublishError::of(&role, error))?;
            verify(&after.envelope, &authority).map_err(|error| PublishError::of(&role, error))?;
            self.accept_targets(&role, &after, before.as_ref())?;
            return Ok(after);
        }
        let Some(before) = before else {
            return Err(PublishError::missing(role, "targets is missing; upload it together with the root"));
        };
        verify(&before.envelope, &authority).map_err(|_| {
            let message = "the new root has other targets keys; upload targets signed by them together with it";
            PublishError::invalid(Fault::Targets, message)
        })?;
        Ok(before)
    }

    /// All documents that are current: those reached from `targets` by delegations whose keys signed them. An uploaded
    /// one must be among them; a stored one that is not (its signer was removed) is left out in silence.
    fn delegations(
        &mut self,
        stored: &Stored,
        targets: Document<Targets>,
    ) -> Result<BTreeMap<RoleName, Document<Targets>>, PublishError> {
        let uploaded: Vec<RoleName> = self.upload.keys().map(|role| (*role).clone()).collect();
        let roles: BTreeSet<RoleName> =
            stored.delegations.keys().cloned().chain(uploaded).filter(|role| role.parent().is_some()).collect();
        let mut current = BTreeMap::from([(RoleName::Targets, targets)]);
        for role in roles {
            let before: Option<Document<Targets>> =
                read_stored(&role, stored.delegations.get(&role).map(Vec::as_slice))?;
            let authority = delegated(&current, &role);
            if let Some(bytes) = self.upload.get(&role) {
                let after: Document<Targets> =
                    Document::parse(&role, bytes).map_err(|error| PublishError::of(&role, error))?;
                let authority = authority.ok_or_else(|| {
                    let message = format!("invalid role {role}: delegation does not exist; add the signer first");
                    PublishError::invalid(Fault::Targets, message)
                })?;
                verify(&after.envelope, &authority).map_err(|error| PublishError::of(&role, error))?;
                self.accept_targets(&role, &after, before.as_ref())?;
                current.insert(role, after);
            } else if let (Some(before), Some(authority)) = (before, authority)
                && verify(&before.envelope, &authority).is_ok()
            {
                current.insert(role, before);
            }
        }
        Ok(current)
    }

    fn snapshot(
        &mut self,
        stored: &Stored,
        held: &HeldKeys,
        root: &Document<Root>,
        current: &BTreeMap<RoleName, Document<Targets>>,
    ) -> Result<SnapshotPlan, PublishError> {
        let role = RoleName::Snapshot;
        let before: Option<Document<Snapshot>> = read_stored(&role, stored.snapshot.as_deref())?;
        let authority = authority(&root.signed, &role);
        let mut meta: BTreeMap<RoleName, Meta> =
            current.iter().map(|(role, document)| (role.clone(), build::meta(&document.bytes))).collect();
        meta.insert(RoleName::Root, build::meta(&root.bytes));
        if let Some(bytes) = self.upload.get(&role) {
            let after: Document<Snapshot> =
                Document::parse(&role, bytes).map_err(|error| PublishError::of(&role, error))?;
            verify(&after.envelope, &authority).map_err(|error| PublishError::of(&role, error))?;
            check_meta(&after.signed, &meta, stored)?;
            self.accept(&role, &after, before.as_ref())?;
            return Ok(SnapshotPlan::Uploaded { bytes: after.bytes });
        }
        let keys = authority.held(&held.snapshot).ok_or_else(|| {
            let message =
                "no snapshot was uploaded and the server does not hold its key; sign one or rotate it to the server";
            PublishError::missing(role, message)
        })?;
        Ok(SnapshotPlan::Generate {
            version: next_version(before.map(|document| document.signed.version))?,
            meta,
            keys,
        })
    }

    fn accept_targets(
        &mut self,
        role: &RoleName,
        after: &Document<Targets>,
        before: Option<&Document<Targets>>,
    ) -> Result<(), PublishError> {
        self.accept(role, after, before)?;
        let none = BTreeMap::new();
        let before = before.map_or(&none, |before| &before.signed.targets);
        let after = &after.signed.targets;
        let tags: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for tag in tags {
            let (before, after) = (before.get(tag).cloned(), after.get(tag).cloned());
            if before != after {
                self.changes.push(TagChange { role: role.clone(), tag: tag.clone(), before, after });
            }
        }
        Ok(())
    }

    /// The checks every uploaded document must pass once its signatures did: not expired, and a new version.
    fn accept<T: Payload>(
        &mut self,
        role: &RoleName,
        after: &Document<T>,
        before: Option<&Document<T>>,
    ) -> Result<(), PublishError> {
        after.check_expiry(role, self.now).map_err(|error| PublishError::of(role, error))?;
        let given = after.signed.version();
        if let Some(current) = before.map(|before| before.signed.version()) {
            if given <= current {
                return Err(PublishError::Version { role: role.clone(), given, current });
            }
            if given - current > limits::TRUST_VERSION_STEP {
                let message = format!("{role} jumps from version {current} to {given}; count up by one");
                return Err(PublishError::of(role, Error::Malformed(message)));
            }
        }
        self.files.push(File::new(role.clone(), given, after.bytes.clone()));
        Ok(())
    }
}

/// A root by itself: enough signatures of its own keys that are certificates for this repository; not expired at `now`.
pub(crate) fn check_root(root: &Document<Root>, gun: &str, now: Option<Timestamp>) -> Result<(), Error> {
    let mut own = authority(&root.signed, &RoleName::Root);
    let mut reason = Error::Key("root names no key for itself".into());
    own.keys.retain(|_, key| check_root_leaf(key, gun, now).map_err(|error| reason = error).is_ok());
    if own.keys.is_empty() {
        let message = format!("could not validate the path to a trusted root: {reason}");
        return Err(Error::Untrusted(message));
    }
    verify(&root.envelope, &own)?;
    now.map_or(Ok(()), |now| root.check_expiry(&RoleName::Root, now))
}

/// The keys for `role`, if the document above it is current and delegates to it.
pub(crate) fn delegated<'a>(
    current: &'a BTreeMap<RoleName, Document<Targets>>,
    role: &RoleName,
) -> Option<Authority<'a>> {
    current.get(&role.parent()?)?.signed.authority(role)
}

pub(crate) fn authority<'a>(root: &'a Root, role: &RoleName) -> Authority<'a> {
    root.authority(role).expect("a root defines the four roles, and only those are asked for")
}

/// An uploaded snapshot lists every current document with its checksum. It may also list stored ones that are not
/// current any more (clients keep them), but nothing the server could not serve.
fn check_meta(snapshot: &Snapshot, current: &BTreeMap<RoleName, Meta>, stored: &Stored) -> Result<(), PublishError> {
    let refused = |message: String| Err(PublishError::invalid(Fault::Snapshot, message));
    for (role, meta) in current {
        match snapshot.meta.get(role) {
            None => return refused(format!("snapshot leaves out {role}, which is current")),
            Some(listed) if !listed.matches(meta) => {
                return refused(format!("snapshot lists {role} with a checksum or length that is not that of {role}"));
            }
            Some(_) => {}
        }
    }
    for (role, listed) in snapshot.meta.iter().filter(|(role, _)| !current.contains_key(*role)) {
        let known = stored.delegations.get(role).is_some_and(|bytes| listed.matches(&build::meta(bytes)));
        if !known {
            return refused(format!("snapshot lists {role}, which is neither uploaded nor stored with that checksum"));
        }
    }
    Ok(())
}

fn by_role(upload: &[(RoleName, Vec<u8>)]) -> Result<BTreeMap<&RoleName, &[u8]>, PublishError> {
    let mut by_role = BTreeMap::new();
    for (role, bytes) in upload.iter().filter(|(role, _)| *role != RoleName::Timestamp) {
        if by_role.insert(role, bytes.as_slice()).is_some() {
            return Err(PublishError::invalid(Fault::Upload, format!("{role} was uploaded twice")));
        }
    }
    if by_role.is_empty() {
        return Err(PublishError::invalid(
            Fault::Upload,
            "nothing was uploaded; publish root, targets or a delegation",
        ));
    }
    Ok(by_role)
}

fn read_stored<T: Payload>(role: &RoleName, bytes: Option<&[u8]>) -> Result<Option<Document<T>>, PublishError> {
    let read = |bytes| Document::parse(role, bytes).map_err(|error| PublishError::Stored(format!("{role}: {error}")));
    bytes.map(read).transpose()
}

fn next_version(current: Option<u64>) -> Result<u64, PublishError> {
    match current.unwrap_or(0) + 1 {
        next if next <= limits::TRUST_VERSION => Ok(next),
        _ => {
            Err(PublishError::invalid(Fault::Upload, "the repository has used up all versions; delete and sign again"))
        }
    }
}
