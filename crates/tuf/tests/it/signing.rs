//! The signer's side and the reader's: promoted tags signed with a delegation key, and who is named for them.

use tuf::{Document, RoleName, SigningKey, Target, Targets, TrustData, build, sign_tag};

use crate::repo::{GUN, Repo, certificate, delegation, delegations, now, role, seal, targets_value};

fn read(repo: &Repo) -> TrustData {
    let (root, targets) = (repo.stored.root.as_deref().unwrap(), repo.stored.targets.as_deref().unwrap());
    let data = TrustData::verify(GUN, root, targets, delegations(&repo.stored), now()).unwrap();
    let (timestamp, snapshot) = (repo.stored.timestamp.as_deref(), repo.stored.snapshot.as_deref());
    data.check_fresh(timestamp.unwrap(), snapshot.unwrap(), now()).unwrap();
    data
}

/// Sign a tag in `targets/gitlab` and `targets/releases`, as the server does after a promotion.
fn sign(repo: &mut Repo, key: &SigningKey, tag: &str, digest: u8) {
    let data = read(repo);
    let upload: Vec<_> = ["targets/gitlab", "targets/releases"]
        .into_iter()
        .map(|name| {
            let role = role(name);
            let authority = data.authority(&role).unwrap();
            let target = Target::image([digest; 32], 523);
            let file = sign_tag(data.targets(&role), tag, target, &authority, &[key], now()).unwrap();
            (role, file)
        })
        .collect();
    let validated = repo.publish(&upload).unwrap();
    assert_eq!(validated.changes.len(), 2);
}

#[test]
fn a_promoted_tag_is_signed_and_signed_again() {
    let mut repo = Repo::published();
    let key = SigningKey::generate();
    // The bundle's certificate stands in the delegation; the signature must carry the certificate's id.
    let leaf = certificate(&key, "gitlab", true, 2036);
    let roles = [delegation("targets/releases", &[&leaf]), delegation("targets/gitlab", &[&leaf])];
    repo.publish(&[(RoleName::Targets, repo.targets_file(2, &[&leaf], &roles))]).unwrap();
    assert!(read(&repo).tags().is_empty());
    assert_eq!(read(&repo).signers().len(), 2, "gitlab may sign before it has signed anything");

    sign(&mut repo, &key, "latest", 1);
    sign(&mut repo, &key, "v1", 1);
    sign(&mut repo, &key, "latest", 2);
    let data = read(&repo);
    let names: Vec<_> = data.tags().into_iter().map(|tag| (tag.tag, tag.sha256[0])).collect();
    assert_eq!(names, [("latest".to_owned(), 2), ("v1".to_owned(), 1)]);
    let tag = data.tag("latest").unwrap();
    assert_eq!((tag.released_by, tag.length), (RoleName::releases(), 523));
    assert_eq!(tag.signers.len(), 1);
    assert_eq!(tag.signers[0].role, role("targets/gitlab"));
    assert!(tag.signers[0].signed_by.contains(key.public().id()), "the canonical id is that of the bare key");
    assert_eq!(data.targets(&RoleName::releases()).unwrap().version, 3);
    assert_eq!(data.tag("v2"), None);

    let stranger = SigningKey::generate();
    let authority = data.authority(&RoleName::releases()).unwrap();
    assert!(sign_tag(None, "x", Target::image([0; 32], 1), &authority, &[&stranger], now()).is_err());
}

#[test]
fn a_signer_counts_only_for_the_digest_it_signed() {
    let mut repo = Repo::published();
    let (bob, carol) = (SigningKey::generate(), SigningKey::generate());
    let keys = [bob.public(), carol.public()];
    let roles = [
        delegation("targets/releases", &keys),
        delegation("targets/bob", &[bob.public()]),
        delegation("targets/carol", &[carol.public()]),
    ];
    repo.publish(&[(RoleName::Targets, repo.targets_file(2, &keys, &roles))]).unwrap();
    let file = |repo: &Repo, name: &str, key: &SigningKey, digest: u8| {
        let data = read(repo);
        let authority = data.authority(&role(name)).unwrap();
        let target = Target::image([digest; 32], 1);
        let file = sign_tag(data.targets(&role(name)), "v1", target, &authority, &[key], now()).unwrap();
        (role(name), file)
    };
    let upload = [
        file(&repo, "targets/releases", &bob, 1),
        file(&repo, "targets/bob", &bob, 1),
        file(&repo, "targets/carol", &carol, 2),
    ];
    repo.publish(&upload).unwrap();
    let tag = read(&repo).tag("v1").unwrap();
    let roles: Vec<_> = tag.signers.iter().map(|signer| signer.role.as_str()).collect();
    assert_eq!((tag.sha256[0], roles), (1, vec!["targets/bob"]), "carol signed something else");

    // Releases has two keys, only one of which signed.
    let data = read(&repo);
    assert_eq!(data.authority(&RoleName::releases()).unwrap().canonical_ids().len(), 2);

    // One damaged delegation does not take the others down.
    let mut stored = repo.stored.delegations.clone();
    stored.insert(role("targets/carol"), b"{}".to_vec());
    let (root, targets) = (repo.stored.root.as_deref().unwrap(), repo.stored.targets.as_deref().unwrap());
    let data = TrustData::verify(GUN, root, targets, &stored, now()).unwrap();
    assert_eq!(data.skipped().len(), 1);
    assert!(data.tag("v1").is_some());
    let later = "2031-01-01T00:00:00Z".parse().unwrap();
    assert!(TrustData::verify(GUN, root, targets, &stored, later).is_err(), "targets has expired by then");
    assert!(TrustData::verify("dtr.example.test/admin/other", root, targets, &stored, now()).is_err());
}

#[test]
fn paths_bind_a_signer() {
    let mut repo = Repo::published();
    let bob = SigningKey::generate();
    let mut releases = delegation("targets/releases", &[bob.public()]);
    releases["paths"] = serde_json::json!(["release-"]);
    repo.publish(&[(RoleName::Targets, repo.targets_file(2, &[bob.public()], &[releases]))]).unwrap();
    let mut file = targets_value(1, &[], &[]);
    for tag in ["release-1", "latest"] {
        file["targets"][tag] = serde_json::json!(Target::image([7; 32], 1));
    }
    repo.publish(&[(RoleName::releases(), seal(file, &[(bob.public(), &bob)]))]).unwrap();
    let tags: Vec<_> = read(&repo).tags().into_iter().map(|tag| tag.tag).collect();
    assert_eq!(tags, ["release-1"]);
}

#[test]
fn editing_keeps_what_others_wrote() {
    let repo = Repo::published();
    let bob = SigningKey::generate();
    let roles = [delegation("targets/bob", &[bob.public()])];
    let mut value = targets_value(4, &[bob.public()], &roles);
    value["targets"]["old"] = serde_json::json!({"hashes": {"sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, "length": 5, "custom": {"a": [1]}});
    let before: Document<Targets> =
        Document::parse(&RoleName::Targets, &seal(value.clone(), &[(repo.targets.public(), &repo.targets)])).unwrap();
    let after = before.signed.with_target("new", Target::image([1; 32], 9), now()).without_target("new", now());
    let data = read(&repo);
    let authority = data.authority(&RoleName::Targets).unwrap();
    let bytes = after.sign(&authority, &[&repo.targets]).unwrap();
    let again: Document<Targets> = Document::parse(&RoleName::Targets, &bytes).unwrap();
    value["version"] = serde_json::json!(6);
    value["expires"] = serde_json::json!("2029-11-20T12:00:00Z");
    assert_eq!(again.envelope.signed, value);
}

#[test]
fn old_mixed_and_expired_views_are_not_fresh() {
    let mut repo = Repo::published();
    let old = repo.stored.clone();
    repo.publish(&[(RoleName::Targets, repo.targets_file(2, &[], &[]))]).unwrap();
    let data = read(&repo);
    let check = |timestamp: &Option<Vec<u8>>, snapshot: &Option<Vec<u8>>, now| {
        data.check_fresh(timestamp.as_deref().unwrap(), snapshot.as_deref().unwrap(), now)
    };
    let new = &repo.stored;
    assert!(check(&new.timestamp, &new.snapshot, now()).is_ok());
    assert!(check(&old.timestamp, &old.snapshot, now()).is_err(), "an old view of new documents");
    assert!(check(&old.timestamp, &new.snapshot, now()).is_err(), "mixed");
    assert!(check(&new.timestamp, &old.snapshot, now()).is_err(), "mixed");
    assert!(check(&new.snapshot, &new.timestamp, now()).is_err(), "one for the other");
    let frozen = build::expiry(now(), build::TIMESTAMP_DAYS);
    assert!(check(&new.timestamp, &new.snapshot, frozen).is_err(), "frozen until it expired");

    assert!(!build::past_half_life(frozen, build::TIMESTAMP_DAYS, build::expiry(now(), 6)));
    assert!(build::past_half_life(frozen, build::TIMESTAMP_DAYS, build::expiry(now(), 8)));
    let end = base::Timestamp::MAX;
    assert_eq!(build::expiry(end, build::TARGETS_DAYS), end, "time does not overflow");
    assert!(build::past_half_life(base::Timestamp::MIN, 14, end));
}
