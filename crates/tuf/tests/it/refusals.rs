//! Uploads that must be refused, with the code and the name a stock client understands.

use std::slice;

use serde_json::{Value, json};
use tuf::{PublishError, RoleName, SigningKey, build, publish::Fault, validate};

use crate::repo::{GUN, Repo, certificate, delegation, key_map, now, role, seal, targets_value};

fn one(name: &str, bytes: Vec<u8>) -> [(RoleName, Vec<u8>); 1] {
    [(role(name), bytes)]
}

#[track_caller]
fn assert_refused(repo: &Repo, upload: &[(RoleName, Vec<u8>)], code: &str, name: &str, words: &str) {
    let (found, fault, message) = repo.refused(upload);
    assert_eq!((found.as_str(), fault.as_str()), (code, name), "{message}");
    assert!(message.contains(words), "{message:?} should say {words:?}");
}

#[test]
fn what_is_not_a_document() {
    let repo = Repo::published();
    assert_refused(&repo, &[], "INVALID_UPDATE", "ErrValidation", "nothing");
    assert_refused(&repo, &one("timestamp", b"{}".to_vec()), "INVALID_UPDATE", "ErrValidation", "nothing");
    assert_refused(&repo, &one("targets", b"{".to_vec()), "MALFORMED_JSON", "", "JSON");
    assert_refused(&repo, &one("targets", b"[]".to_vec()), "INVALID_UPDATE", "ErrBadTargets", "not a signed document");
    let file = repo.targets_file(2, &[], &[]);
    let twice = [(RoleName::Targets, file.clone()), (RoleName::Targets, file)];
    assert_refused(&repo, &twice, "INVALID_UPDATE", "ErrValidation", "twice");
}

#[test]
fn structure_of_targets() {
    let repo = Repo::published();
    let bob = SigningKey::generate();
    let good = targets_value(2, &[bob.public()], &[delegation("targets/bob", &[bob.public()])]);
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        one("targets", seal(changed, &[(repo.targets.public(), &repo.targets)]))
    };
    assert!(repo.validate(&with("/version", json!(2))).is_ok());
    for (pointer, value, words) in [
        ("/_type", json!("targets"), "_type"),
        ("/_type", json!("Root"), "_type"),
        ("/version", json!(0), "version"),
        ("/version", json!(-1), "version"),
        ("/version", json!(3_000_000_000u64), "version"),
        ("/version", json!(5000), "jumps"),
        ("/expires", json!("2026-11-21T12:00:00Z"), "expired"),
        ("/expires", json!("2029-11-20 00:00Z"), "RFC 3339"),
        ("/delegations/roles/0/threshold", json!(0), "threshold"),
        ("/delegations/roles/0/threshold", json!(-1), "threshold"),
        ("/delegations/roles/0/threshold", json!(1u64 << 32), "threshold"),
        ("/delegations/roles/0/threshold", json!(1_000_000), "threshold"),
        ("/delegations/roles/0/name", json!("targets/a/b"), "not directly below"),
        ("/delegations/roles/0/name", json!("root"), "not directly below"),
        ("/delegations/roles/0/name", json!("targets/Bob"), "trust role"),
        ("/delegations/roles/0/keyids", json!(["0".repeat(64)]), "not among the keys"),
        ("/delegations/keys", json!({"0".repeat(64): bob.public().to_value()}), "under the id"),
        ("/targets", json!({"v1": {"hashes": {"sha256": "AAAA"}, "length": 1}}), "checksum"),
        ("/targets", json!({"v1": {"hashes": {}, "length": -1}}), "not valid"),
        ("/targets", json!({"v1": {"hashes": {}, "length": 1, "Length": 2}}), "unknown field"),
    ] {
        assert_refused(&repo, &with(pointer, value), "INVALID_UPDATE", "ErrBadTargets", words);
    }
    let roles = [delegation("targets/bob", &[bob.public()]), delegation("targets/bob", &[bob.public()])];
    let twice = one("targets", repo.targets_file(2, &[bob.public()], &roles));
    assert_refused(&repo, &twice, "INVALID_UPDATE", "ErrBadTargets", "twice");
}

#[test]
fn signatures_and_thresholds() {
    let mut repo = Repo::published();
    let other = SigningKey::generate();
    let unsigned = one("targets", seal(targets_value(2, &[], &[]), &[]));
    assert_refused(&repo, &unsigned, "INVALID_UPDATE", "ErrBadTargets", "did not meet threshold");
    let stranger = one("targets", seal(targets_value(2, &[], &[]), &[(other.public(), &other)]));
    assert_refused(&repo, &stranger, "INVALID_UPDATE", "ErrBadTargets", "did not meet threshold");
    let forged = one("targets", seal(targets_value(2, &[], &[]), &[(repo.targets.public(), &other)]));
    assert_refused(&repo, &forged, "INVALID_UPDATE", "ErrBadTargets", "did not meet threshold");

    // Two of two: the same key twice, and the same key as a certificate, are one key.
    let (bob, carol) = (SigningKey::generate(), SigningKey::generate());
    let disguise = certificate(&bob, "bob", false, 2036);
    let keys = [bob.public(), carol.public(), &disguise];
    let mut two = delegation("targets/pair", &keys);
    two["threshold"] = json!(2);
    repo.publish(&one("targets", repo.targets_file(2, &keys, &[two]))).unwrap();
    let pair = |keys: &[(&tuf::PublicKey, &SigningKey)]| one("targets/pair", seal(targets_value(1, &[], &[]), keys));
    let words = "1 of 2";
    for upload in [
        pair(&[(bob.public(), &bob)]),
        pair(&[(bob.public(), &bob), (bob.public(), &bob)]),
        pair(&[(bob.public(), &bob), (&disguise, &bob)]),
        pair(&[(bob.public(), &bob), (carol.public(), &bob)]),
    ] {
        assert_refused(&repo, &upload, "INVALID_UPDATE", "ErrBadTargets", words);
    }
    assert!(repo.validate(&pair(&[(&disguise, &bob), (carol.public(), &carol)])).is_ok());

    let many: Vec<_> = (0..101).map(|_| (bob.public(), &bob)).collect();
    assert_refused(&repo, &pair(&many), "INVALID_UPDATE", "ErrBadTargets", "more than 100 signatures");
}

#[test]
fn delegations_reach_only_down() {
    let mut repo = Repo::published();
    let bob = SigningKey::generate();
    let file = |version| seal(targets_value(version, &[], &[]), &[(bob.public(), &bob)]);
    assert_refused(&repo, &one("targets/bob", file(1)), "INVALID_UPDATE", "ErrBadTargets", "delegation does not exist");

    repo.publish(&one("targets", repo.targets_file(2, &[bob.public()], &[delegation("targets/bob", &[bob.public()])])))
        .unwrap();
    repo.publish(&one("targets/bob", file(3))).unwrap();
    assert_refused(&repo, &one("targets/bob", file(3)), "VERSION", "", "version 3 is stored");
    assert_refused(&repo, &one("targets/bob", file(2)), "VERSION", "", "version 3 is stored");
    assert_refused(&repo, &one("targets", file(3)), "INVALID_UPDATE", "ErrBadTargets", "did not meet threshold");
    let upward = seal(
        targets_value(4, &[bob.public()], &[delegation("targets/carol", &[bob.public()])]),
        &[(bob.public(), &bob)],
    );
    assert_refused(&repo, &one("targets/bob", upward), "INVALID_UPDATE", "ErrBadTargets", "not directly below");
    let below = seal(
        targets_value(4, &[bob.public()], &[delegation("targets/bob/x", &[bob.public()])]),
        &[(bob.public(), &bob)],
    );
    let both = [(role("targets/bob/x"), file(1)), (role("targets/bob"), below)];
    assert!(repo.validate(&both).is_ok(), "parents are looked at first, whatever the order");

    // Removed, bob cannot publish and is not current; his old file is kept for the day he returns.
    let removed = repo.publish(&one("targets", repo.targets_file(3, &[], &[]))).unwrap();
    let tuf::publish::SnapshotPlan::Generate { meta, .. } = removed.snapshot else { panic!("the server makes it") };
    assert!(!meta.contains_key(&role("targets/bob")));
    assert_refused(&repo, &one("targets/bob", file(4)), "INVALID_UPDATE", "ErrBadTargets", "delegation does not exist");
}

#[test]
fn roots_go_forward_by_one() {
    let mut repo = Repo::published();
    assert_refused(&repo, &one("root", repo.root_file(1)), "VERSION", "", "version 1 is stored");
    assert_refused(&repo, &one("root", repo.root_file(3)), "INVALID_UPDATE", "ErrBadRoot", "current 1, new 3");
    repo.publish(&one("root", repo.root_file(2))).unwrap();
    assert_refused(&repo, &one("root", repo.root_file(1)), "INVALID_UPDATE", "ErrBadRoot", "current 2, new 1");

    // Rotation: old key and new key must both sign.
    let next = SigningKey::generate();
    let leaf = certificate(&next, GUN, false, 2036);
    let old = std::mem::replace(&mut repo.certificate, leaf);
    let by = |keys: &[(&tuf::PublicKey, &SigningKey)]| one("root", seal(repo.root_value(3), keys));
    let (new, before) = ((&repo.certificate, &next), (&old, &repo.root));
    assert_refused(&repo, &by(&[new]), "INVALID_UPDATE", "ErrBadRoot", "the root before it");
    assert_refused(&repo, &by(&[before]), "INVALID_UPDATE", "ErrBadRoot", "did not meet threshold");
    assert!(repo.validate(&by(&[before, new])).is_ok());
}

#[test]
fn structure_of_roots() {
    let repo = Repo::published();
    let with = |pointer: &str, value: Value| {
        let mut changed = repo.root_value(2);
        *changed.pointer_mut(pointer).unwrap() = value;
        one("root", seal(changed, &[(&repo.certificate, &repo.root)]))
    };
    let id = repo.targets.public().id();
    for (pointer, value, words) in [
        ("/roles", json!({"root": {"keyids": [id], "threshold": 1}}), "must define"),
        ("/roles/targets/threshold", json!(0), "threshold"),
        ("/roles/targets/keyids", json!(["f".repeat(64)]), "not among the keys"),
        ("/roles/root/keyids", json!([]), "names no key"),
        ("/roles/root/keyids", json!(null), "names no key"),
        ("/expires", json!("2026-01-01T00:00:00Z"), "expired"),
        ("/_type", json!("root"), "_type"),
    ] {
        assert_refused(&repo, &with(pointer, value), "INVALID_UPDATE", "ErrBadRoot", words);
    }
}

#[test]
fn a_new_root_leaves_nothing_invalid() {
    let mut repo = Repo::published();
    repo.targets = SigningKey::generate();
    let root = (RoleName::Root, repo.root_file(2));
    assert_refused(&repo, slice::from_ref(&root), "INVALID_UPDATE", "ErrBadTargets", "other targets keys");
    let targets = (RoleName::Targets, repo.targets_file(2, &[], &[]));
    assert!(repo.validate(&[root, targets]).is_ok());
}

#[test]
fn what_is_missing_is_named() {
    let repo = Repo::new();
    let targets = (RoleName::Targets, repo.targets_file(1, &[], &[]));
    assert_refused(&repo, slice::from_ref(&targets), "INVALID_UPDATE", "ErrBadRoot", "no root is stored");
    let root = (RoleName::Root, repo.root_file(1));
    assert_refused(&repo, slice::from_ref(&root), "INVALID_UPDATE", "ErrBadHierarchy", "targets is missing");

    let upload = [root, targets];
    let mut held = repo.held();
    held.snapshot.clear();
    let error = validate(GUN, &repo.stored, &upload, &held, now()).unwrap_err();
    let message = "no snapshot was uploaded and the server does not hold its key; sign one or rotate it to the server";
    assert_eq!(error.detail(), json!({"Name": "ErrBadHierarchy", "Error": {"Msg": message, "Missing": "snapshot"}}));
    let mut held = repo.held();
    held.timestamp.clear();
    let error = validate(GUN, &repo.stored, &upload, &held, now()).unwrap_err();
    assert!(error.to_string().starts_with("no timestamp keys exist on the server"), "{error}");
    assert_eq!(error.detail()["Name"], "ErrBadRoot");
}

#[test]
fn uploaded_snapshots_list_what_is_current() {
    let repo = Repo::published();
    let targets = repo.targets_file(2, &[], &[]);
    let stale = repo.stored.targets.clone().unwrap();
    let root = repo.stored.root.clone().unwrap();
    let upload = |entries: &[(&str, &[u8])], version| {
        let meta = entries.iter().map(|(name, bytes)| (role(name), build::meta(bytes))).collect();
        let snapshot = build::snapshot(&meta, version, "2029-01-01T00:00:00Z".parse().unwrap());
        let snapshot = snapshot.sign(&[&repo.snapshot]).unwrap();
        [(RoleName::Targets, targets.clone()), (RoleName::Snapshot, snapshot)]
    };
    let good: &[(&str, &[u8])] = &[("root", &root), ("targets", &targets)];
    assert!(repo.validate(&upload(good, 2)).is_ok());
    assert_refused(&repo, &upload(good, 1), "VERSION", "", "version 1 is stored");
    let mixed: &[(&str, &[u8])] = &[("root", &root), ("targets", &stale)];
    assert_refused(&repo, &upload(mixed, 2), "INVALID_UPDATE", "ErrBadSnapshot", "checksum");
    let extra: &[(&str, &[u8])] = &[("root", &root), ("targets", &targets), ("targets/x", b"x")];
    assert_refused(&repo, &upload(extra, 2), "INVALID_UPDATE", "ErrBadSnapshot", "neither uploaded nor stored");
    let short: &[(&str, &[u8])] = &[("targets", &targets)];
    assert_refused(&repo, &upload(short, 2), "INVALID_UPDATE", "ErrBadSnapshot", "sha256 of root");
    let itself: &[(&str, &[u8])] = &[("root", &root), ("targets", &targets), ("timestamp", b"x")];
    assert_refused(&repo, &upload(itself, 2), "INVALID_UPDATE", "ErrBadSnapshot", "must not list");
}

#[test]
fn a_refusal_fits_into_what_clients_read() {
    let long = "\"\\\u{1}ä".repeat(5_000);
    for fault in [Fault::Root, Fault::Targets, Fault::Snapshot, Fault::Hierarchy, Fault::Upload] {
        let error = PublishError::InvalidUpdate { fault, message: long.clone(), missing: Some(RoleName::Snapshot) };
        let body = json!({"errors": [{"code": error.code(), "message": error.title(), "detail": error.detail()}]});
        assert!(serde_json::to_string(&body).unwrap().len() < 1024);
    }
    let mut repo = Repo::published();
    repo.stored.targets = Some(b"{".to_vec());
    let (code, _, _) = repo.refused(&one("root", repo.root_file(2)));
    assert_eq!(code, "UNKNOWN");
    assert_eq!(key_map([]), json!({}));
}
