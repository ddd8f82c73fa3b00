//! Judgements, one line each.

use proptest::prelude::*;

use super::{AllowSet, Entry};
use base::Timestamp;
use oci::{Digest, ImageRef};

const HOST: &str = "assay.test:8443";

pub(crate) fn digest(text: &str) -> Digest {
    Digest::sha256_of(text.as_bytes())
}

fn entry(place: &str, allowed: bool, signed: &str, current: Option<&str>, reason: &str) -> Entry {
    let (repository, tag) = place.split_once(':').unwrap();
    Entry {
        allowed,
        current_digest: current.map(digest),
        reason: reason.to_owned(),
        repository: repository.parse().unwrap(),
        signed_digest: digest(signed),
        signers: vec!["gitlab".parse().unwrap()],
        tag: tag.parse().unwrap(),
    }
}

/// Enabled for team ci/gitlab; valid in the year 2026.
pub(crate) fn set() -> AllowSet {
    let by_bob = "assay.test:8443/admin/flask:bob is signed by bob, who is not in team ci/gitlab";
    let mut set = AllowSet {
        authority: HOST.to_owned(),
        enabled: true,
        expires_at: "2026-01-01T00:10:00Z".parse().unwrap(),
        images: vec![
            entry("admin/flask:latest", true, "good", Some("good"), "signed by gitlab"),
            entry("admin/flask:moved", true, "old", Some("new"), "signed by gitlab"),
            entry("admin/flask:gone", true, "gone", None, "signed by gitlab"),
            entry("admin/flask:bob", false, "bob", Some("bob"), by_bob),
            entry("admin/flask-x:latest", true, "x", Some("x"), "signed by gitlab"),
            entry("admin/fla:latest", true, "fla", Some("fla"), "signed by gitlab"),
            entry("admin/flask/sub:latest", true, "sub", Some("sub"), "signed by gitlab"),
        ],
        issued_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        teams: vec!["ci/gitlab".parse().unwrap()],
    };
    set.order();
    set
}

fn now() -> Timestamp {
    "2026-01-01T00:01:00Z".parse().unwrap()
}

fn judge(set: &AllowSet, reference: &str) -> (bool, String) {
    let verdict = set.judge(now(), &reference.parse::<ImageRef>().unwrap());
    (verdict.allowed, verdict.reason)
}

#[test]
fn allows_the_signed_tag_and_digest_and_nothing_else() {
    let set = set();
    let (good, old, new, bob, x) = (digest("good"), digest("old"), digest("new"), digest("bob"), digest("x"));
    for allowed in [
        format!("{HOST}/admin/flask:latest"),
        format!("{HOST}/admin/flask"),
        "ASSAY.test:8443/admin/flask".to_owned(),
        format!("{HOST}/admin/flask@{good}"),
        format!("{HOST}/admin/flask:whatever@{good}"),
        // What a tag named when it was signed stays signed.
        format!("{HOST}/admin/flask@{old}"),
        format!("{HOST}/admin/flask-x@{x}"),
    ] {
        assert!(judge(&set, &allowed).0, "{allowed}: {}", judge(&set, &allowed).1);
    }
    for (refused, why) in [
        (format!("{HOST}/admin/flask:v9"), "is not signed"),
        (format!("{HOST}/admin/flask@{new}"), "is not signed"),
        // Signed, but in another repository.
        (format!("{HOST}/admin/flask@{x}"), "is not signed"),
        (format!("{HOST}/admin/other@{good}"), "is not signed"),
        (format!("{HOST}/admin/flask:moved"), "moved after it was signed: signed sha256:"),
        (format!("{HOST}/admin/flask:gone"), "was deleted after it was signed"),
        (format!("{HOST}/admin/flask:bob"), "signed by bob, who is not in team ci/gitlab"),
        (format!("{HOST}/admin/flask:latest@{bob}"), "signed by bob"),
        ("alpine".to_owned(), "only images of assay.test:8443 may run here"),
        ("admin/flask:latest".to_owned(), "only images of assay.test:8443"),
        (format!("assay.test/admin/flask@{good}"), "only images of assay.test:8443"),
        (format!("evil.test:8443/admin/flask@{good}"), "only images of assay.test:8443"),
        (format!("{HOST}/flask"), "does not name a repository"),
    ] {
        let (allowed, reason) = judge(&set, &refused);
        assert!(!allowed && reason.contains(why), "{refused}: {reason}");
    }
}

#[test]
fn the_moved_tag_names_both_digests() {
    let reason = judge(&set(), &format!("{HOST}/admin/flask:moved")).1;
    assert!(reason.contains(digest("old").as_str()) && reason.contains(digest("new").as_str()), "{reason}");
}

#[test]
fn an_expired_set_allows_nothing_and_a_disabled_one_everything() {
    let mut set = set();
    let reference: ImageRef = format!("{HOST}/admin/flask:latest").parse().unwrap();
    let verdict = set.judge(set.expires_at, &reference);
    assert!(!verdict.allowed && verdict.reason.contains("issued 2026-01-01T00:00:00Z"), "{}", verdict.reason);
    set.enabled = false;
    assert!(!set.judge(set.expires_at, &reference).allowed);
    assert!(judge(&set, "alpine:3").0);
}

proptest! {
    #[test]
    fn whatever_is_allowed_was_signed(text in "(assay.test:8443/)?(admin/(fla|flask|other))?[a-z:@0-9/.]{0,20}", pick in 0..7usize) {
        let set = set();
        let names = [text.clone(), format!("{text}@{}", set.images[pick].signed_digest)];
        for reference in names.iter().filter_map(|name| name.parse::<ImageRef>().ok()) {
            let verdict = set.judge(now(), &reference);
            if verdict.allowed {
                let digest = verdict.digest.unwrap();
                let repository = reference.repo().unwrap();
                let fits = |entry: &&Entry| entry.repository == repository && entry.signed_digest == digest;
                prop_assert!(set.images.iter().find(fits).is_some_and(|entry| entry.allowed));
                prop_assert!(reference.is_on(HOST));
            }
            prop_assert!(!verdict.reason.is_empty());
        }
    }
}
