//! Recorded publishes of stock clients, replayed in order: adding a case is adding a file to `tests/vectors/FLOW`.
//!
//! Each file has the upload, the public keys the server held, the time, what the stock server then served (its snapshot and
//! timestamp), and the tags that `notary list` and `docker trust inspect` then showed.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;
use tuf::{
    Document, HeldKeys, PublicKey, RoleName, Snapshot, Stored, Timestamped, TrustData, build,
    publish::{File, SnapshotPlan, validate},
};

use crate::repo::store;

#[derive(Deserialize)]
struct Step {
    about: String,
    gun: String,
    now: base::Timestamp,
    held: BTreeMap<RoleName, Vec<String>>,
    upload: Vec<Part>,
    served: Option<Served>,
    signed: Option<BTreeMap<String, Signed>>,
}

#[derive(Deserialize)]
struct Part {
    role: RoleName,
    body: String,
}

#[derive(Deserialize)]
struct Served {
    snapshot: String,
    timestamp: String,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Signed {
    digest: String,
    signers: Vec<RoleName>,
}

#[test]
fn notary_flow() {
    assert_eq!(replay("notary"), 6);
}

#[test]
fn docker_flow() {
    assert_eq!(replay("docker"), 11);
}

#[test]
fn docker_flow_with_a_certificate() {
    assert_eq!(replay("docker-certificate"), 1);
}

pub fn steps(flow: &str) -> Vec<(String, serde_json::Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(flow);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &Path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    paths.iter().map(|path| (path.display().to_string(), read(path))).collect()
}

fn replay(flow: &str) -> usize {
    let mut stored = Stored::default();
    let steps = steps(flow);
    let count = steps.len();
    for (path, step) in steps {
        let step: Step = serde_json::from_value(step).unwrap();
        let ids = |role: &RoleName| {
            step.held[role].iter().map(|key| PublicKey::parse(key.as_bytes()).unwrap().id().clone()).collect()
        };
        let held = HeldKeys { snapshot: ids(&RoleName::Snapshot), timestamp: ids(&RoleName::Timestamp) };
        let upload: Vec<_> =
            step.upload.iter().map(|part| (part.role.clone(), part.body.clone().into_bytes())).collect();
        let validated = validate(&step.gun, &stored, &upload, &held, step.now);
        let validated = validated.unwrap_or_else(|error| panic!("{path}, {}: {error}", step.about));
        assert_eq!(validated.files.len(), upload.len());

        if let Some(served) = &step.served {
            check_served(served, &validated.snapshot, validated.timestamp_version);
        }
        store(&mut stored, validated.files);
        let Some(served) = step.served else { continue };
        let file = |role, bytes: &str| File::new(role, 0, bytes.as_bytes().to_vec());
        store(
            &mut stored,
            vec![file(RoleName::Snapshot, &served.snapshot), file(RoleName::Timestamp, &served.timestamp)],
        );
        let data = read(&step.gun, &stored, step.now);
        data.check_fresh(served.timestamp.as_bytes(), served.snapshot.as_bytes(), step.now).unwrap();
        if let Some(expected) = step.signed {
            assert_eq!(signed(&data), expected, "{path}");
        }
    }
    count
}

/// What we would have made must be byte for byte what the stock server signed.
fn check_served(served: &Served, plan: &SnapshotPlan, timestamp_version: u64) {
    let recorded: Document<Snapshot> = Document::parse(&RoleName::Snapshot, served.snapshot.as_bytes()).unwrap();
    match plan {
        SnapshotPlan::Uploaded { bytes } => {
            let uploaded: Document<Snapshot> = Document::parse(&RoleName::Snapshot, bytes).unwrap();
            assert_eq!(uploaded.envelope.payload, recorded.envelope.payload);
        }
        SnapshotPlan::Generate { version, meta, keys } => {
            assert_eq!(keys.len(), 1);
            let ours = build::snapshot(meta, *version, recorded.signed.expires);
            assert_eq!(text(ours.payload()), text(&recorded.envelope.payload));
        }
    }
    let recorded: Document<Timestamped> = Document::parse(&RoleName::Timestamp, served.timestamp.as_bytes()).unwrap();
    let ours = build::timestamp(served.snapshot.as_bytes(), timestamp_version, recorded.signed.expires);
    assert_eq!(text(ours.payload()), text(&recorded.envelope.payload));
}

fn read(gun: &str, stored: &Stored, now: base::Timestamp) -> TrustData {
    let (root, targets) = (stored.root.as_deref().unwrap(), stored.targets.as_deref().unwrap());
    let data = TrustData::verify(gun, root, targets, &stored.delegations, now).unwrap();
    assert!(data.skipped().is_empty(), "{:?}", data.skipped());
    data
}

fn signed(data: &TrustData) -> BTreeMap<String, Signed> {
    data.tags()
        .into_iter()
        .map(|tag| {
            let signers = tag.signers.into_iter().map(|signer| signer.role).collect();
            (tag.tag, Signed { digest: tag.sha256.iter().map(|byte| format!("{byte:02x}")).collect(), signers })
        })
        .collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn signers_have_the_keys_that_the_clients_show() {
    let mut stored = Stored::default();
    let mut gun = String::new();
    for flow in ["notary", "docker"] {
        stored.delegations.clear();
        for (_, step) in steps(flow).into_iter().take(5) {
            let step: Step = serde_json::from_value(step).unwrap();
            gun = step.gun;
            let files = step.upload.into_iter().map(|part| File::new(part.role, 0, part.body.into_bytes()));
            store(&mut stored, files.collect());
        }
        let data = read(&gun, &stored, "2026-11-22T00:00:00Z".parse().unwrap());
        let shown: Vec<(String, String)> = data
            .signers()
            .into_iter()
            .map(|signer| (signer.role.to_string(), signer.keys.first().unwrap().as_str()[..12].to_owned()))
            .collect();
        let expected: &[(&str, &str)] = match flow {
            "notary" => &[("targets", "cb6d5fd87425"), ("targets/gitlab", "4f1f008a3f4e")],
            _ => &[("targets", "c1f150332587"), ("targets/admin", "50cce92b1762"), ("targets/bob", "5ab1d8cfbc15")],
        };
        let expected: Vec<(String, String)> = expected.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        assert_eq!(shown, expected);
    }
}
