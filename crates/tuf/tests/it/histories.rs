//! Random histories of one repository: after every publish the whole of it verifies, and no version goes back.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use tuf::{Document, RoleName, SigningKey, Snapshot, Target, Targets, TrustData, sign_tag};

use crate::repo::{GUN, Repo, certificate, delegation, delegations, now, role, seal, targets_value};

#[derive(Clone, Debug)]
enum Step {
    /// The delegations become those signers, each with releases.
    Signers(Vec<bool>),
    /// A signer signs a tag.
    Sign { signer: usize, tag: u8, digest: u8 },
    /// New targets key, in one upload with the targets signed by it.
    RotateTargets,
    /// New root key, signed by the old one too.
    RotateRoot,
    /// An earlier upload once more.
    Replay(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop::collection::vec(any::<bool>(), 3).prop_map(Step::Signers),
        4 => (0..3usize, 0..3u8, any::<u8>()).prop_map(|(signer, tag, digest)| Step::Sign { signer, tag, digest }),
        1 => Just(Step::RotateTargets),
        1 => Just(Step::RotateRoot),
        1 => any::<prop::sample::Index>().prop_map(Step::Replay),
    ]
}

struct History {
    repo: Repo,
    signers: Vec<SigningKey>,
    present: Vec<bool>,
    root_version: u64,
    targets_version: u64,
    past: Vec<Vec<(RoleName, Vec<u8>)>>,
}

const NAMES: [&str; 3] = ["targets/a", "targets/b", "targets/c"];

impl History {
    fn new() -> History {
        let signers = (0..3).map(|_| SigningKey::generate()).collect();
        let past = Vec::new();
        History { repo: Repo::published(), signers, present: vec![false; 3], root_version: 1, targets_version: 1, past }
    }

    fn targets_file(&mut self) -> (RoleName, Vec<u8>) {
        self.targets_version += 1;
        let present = |index: &usize| self.present[*index];
        let keys: Vec<_> = (0..3).filter(present).map(|index| self.signers[index].public()).collect();
        let mut roles: Vec<_> =
            (0..3).filter(present).map(|index| delegation(NAMES[index], &[self.signers[index].public()])).collect();
        roles.push(delegation("targets/releases", &keys));
        (RoleName::Targets, self.repo.targets_file(self.targets_version, &keys, &roles))
    }

    fn take(&mut self, step: Step) {
        let upload = match step {
            Step::Signers(present) => {
                self.present = present;
                vec![self.targets_file()]
            }
            Step::Sign { signer, tag, digest } => match self.signed(signer, tag, digest) {
                Some(upload) => upload,
                None => return self.refuse_stranger(signer),
            },
            Step::RotateTargets => {
                self.repo.targets = SigningKey::generate();
                self.root_version += 1;
                vec![(RoleName::Root, self.repo.root_file(self.root_version)), self.targets_file()]
            }
            Step::RotateRoot => {
                let next = SigningKey::generate();
                let leaf = certificate(&next, GUN, false, 2036);
                let old =
                    (std::mem::replace(&mut self.repo.certificate, leaf), std::mem::replace(&mut self.repo.root, next));
                self.root_version += 1;
                let keys = [(&old.0, &old.1), (&self.repo.certificate, &self.repo.root)];
                vec![(RoleName::Root, seal(self.repo.root_value(self.root_version), &keys))]
            }
            Step::Replay(which) if !self.past.is_empty() => {
                let upload = which.get(&self.past[..]);
                assert!(self.repo.validate(upload).is_err(), "a replayed upload is never accepted");
                return;
            }
            Step::Replay(_) => return,
        };
        self.repo.publish(&upload).unwrap();
        self.past.push(upload);
    }

    /// The next documents of a signer and of releases; `None` if it is not delegated to.
    fn signed(&self, signer: usize, tag: u8, digest: u8) -> Option<Vec<(RoleName, Vec<u8>)>> {
        let data = self.read();
        data.authority(&role(NAMES[signer]))?;
        let upload = [NAMES[signer], "targets/releases"].into_iter().map(|name| {
            let role = role(name);
            // A signer that was away goes on from what is stored, not from what is current.
            let stored = self.repo.stored.delegations.get(&role);
            let before = stored.map(|bytes| Document::<Targets>::parse(&role, bytes).unwrap().signed);
            let target = Target::image([digest; 32], 1);
            let authority = data.authority(&role).unwrap();
            let tag = format!("v{tag}");
            let file = sign_tag(before.as_ref(), &tag, target, &authority, &[&self.signers[signer]], now()).unwrap();
            (role, file)
        });
        Some(upload.collect())
    }

    fn refuse_stranger(&self, signer: usize) {
        let key = &self.signers[signer];
        let mut file = targets_value(900, &[], &[]);
        file["targets"]["evil"] = json!(Target::image([6; 32], 6));
        let upload = [(role(NAMES[signer]), seal(file, &[(key.public(), key)]))];
        assert!(self.repo.validate(&upload).is_err(), "who is not delegated to cannot publish");
    }

    fn read(&self) -> TrustData {
        let stored = &self.repo.stored;
        let (root, targets) = (stored.root.as_deref().unwrap(), stored.targets.as_deref().unwrap());
        TrustData::verify(GUN, root, targets, delegations(stored), now()).unwrap()
    }

    fn versions(&self) -> BTreeMap<RoleName, u64> {
        let stored = &self.repo.stored;
        let fixed = [
            (RoleName::Root, &stored.root),
            (RoleName::Targets, &stored.targets),
            (RoleName::Snapshot, &stored.snapshot),
            (RoleName::Timestamp, &stored.timestamp),
        ];
        let fixed = fixed.into_iter().map(|(role, bytes)| (role, bytes.as_ref().unwrap()));
        let all = fixed.chain(stored.delegations.iter().map(|(role, bytes)| (role.clone(), bytes)));
        let version = |bytes: &Vec<u8>| tuf::Envelope::parse(bytes).unwrap().signed["version"].as_u64().unwrap();
        all.map(|(role, bytes)| (role, version(bytes))).collect()
    }

    /// The whole invariant: everything verifies down from the root, timestamp and snapshot fit, and the snapshot lists
    /// exactly what is current.
    fn check(&self, before: &BTreeMap<RoleName, u64>) {
        let data = self.read();
        let stored = &self.repo.stored;
        let snapshot = stored.snapshot.as_deref().unwrap();
        data.check_fresh(stored.timestamp.as_deref().unwrap(), snapshot, now()).unwrap();
        let listed: Document<Snapshot> = Document::parse(&RoleName::Snapshot, snapshot).unwrap();
        let expected = stored.delegations.keys().filter(|role| data.targets(role).is_some()).count() + 2;
        assert_eq!(listed.signed.meta.len(), expected);
        for (index, name) in NAMES.iter().enumerate() {
            assert!(self.present[index] || data.targets(&role(name)).is_none(), "a removed signer is not current");
        }
        let after = self.versions();
        for (role, version) in before {
            assert!(after[role] >= *version, "{role} went back");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_history_verifies(steps in prop::collection::vec(step(), 1..14)) {
        let mut history = History::new();
        for step in steps {
            let before = history.versions();
            history.take(step);
            history.check(&before);
        }
    }
}
