//! The shape of each payload, as scripts of a DTR estate read it.

use base::Timestamp;
use jobs::Event;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{notices, sample};
use crate::{EventType, Format};

const AT: &str = "2026-01-02T03:04:05.000006Z";

fn bodies(kind: &str, data: Value) -> Vec<Value> {
    let at: Timestamp = AT.parse().unwrap();
    let event = Event { kind: kind.into(), subject: "x".into(), data, at, entry: "e".into() };
    let made = notices(&event, "assay.test:8443").unwrap();
    made.iter().map(|notice| serde_json::from_str(&notice.message(Format::Dtr, "1", "h").body).unwrap()).collect()
}

#[test]
fn a_push_is_a_manifest_and_a_tag() {
    let data = json!({"repository": "admin/flask", "tag": "7", "digest": "sha256:ab", "media_type": "x", "os": "linux",
        "architecture": "amd64", "author": "gitlab", "job": 7});
    let made = bodies("image.pushed", data);
    let manifest = json!({
        "type": "MANIFEST_PUSH", "createdAt": AT, "location": "/repositories/admin/flask/manifests/sha256:ab",
        "contents": {"namespace": "admin", "repository": "flask", "digest": "sha256:ab", "os": "linux",
            "architecture": "amd64", "author": "gitlab", "imageName": "assay.test:8443/admin/flask@sha256:ab"},
    });
    let tag = json!({
        "type": "TAG_PUSH", "createdAt": AT, "location": "/repositories/admin/flask/tags/7",
        "contents": {"namespace": "admin", "repository": "flask", "tag": "7", "digest": "sha256:ab", "os": "linux",
            "architecture": "amd64", "author": "gitlab", "imageName": "assay.test:8443/admin/flask:7", "pushedAt": AT},
    });
    assert_eq!(made, [manifest, tag]);
    let untagged = json!({"repository": "a/b", "tag": null, "digest": "sha256:ab", "os": null, "architecture": null,
        "author": "x"});
    assert_eq!(bodies("image.pushed", untagged).len(), 1);
    let further = json!({"repository": "a/b", "tag": "8", "digest": "sha256:ab", "manifest_pushed": false});
    assert_eq!(bodies("image.pushed", further)[0]["type"], "TAG_PUSH");
}

#[test]
fn deletions() {
    let made = bodies("tag.deleted", json!({"repository": "a/b", "tag": "7", "digest": "sha256:ab", "author": "me"}));
    let contents = json!({"namespace": "a", "repository": "b", "tag": "7", "digest": "sha256:ab", "os": "",
        "architecture": "", "author": "me", "imageName": "assay.test:8443/a/b:7", "deletedAt": AT});
    assert_eq!((&made[0]["type"], &made[0]["contents"]), (&json!("TAG_DELETE"), &contents));
    let made = bodies("manifest.deleted", json!({"repository": "a/b", "digest": "sha256:ab", "author": "me"}));
    assert_eq!(made[0]["type"], "MANIFEST_DELETE");
    assert_eq!(made[0]["contents"]["deletedAt"], AT);
}

#[test]
fn scans() {
    let counts = json!({"critical": 1, "major": 2, "minor": 3, "unknown": 4});
    let made =
        bodies("scan.completed", json!({"repository": "a/b", "tag": "7", "digest": "sha256:ab", "counts": counts}));
    let summary = json!({"namespace": "a", "repository": "b", "tag": "7", "critical": 1, "major": 2, "minor": 3,
        "unknown": 4, "last_scan_status": 6, "check_completed_at": AT});
    let contents = json!({"namespace": "a", "repository": "b", "tag": "7", "imageName": "assay.test:8443/a/b:7",
        "scanSummary": summary});
    assert_eq!((&made[0]["type"], &made[0]["contents"]), (&json!("SCAN_COMPLETED"), &contents));
    let made =
        bodies("scan.failed", json!({"repository": "a/b", "tag": "7", "digest": "sha256:ab", "error": "no layer"}));
    assert_eq!((&made[0]["type"], &made[0]["contents"]["error"]), (&json!("SCAN_FAILED"), &json!("no layer")));
}

#[test]
fn a_promotion() {
    let data = json!({"policy": "p", "source_repository": "admin/flask_build", "source_tag": "7",
        "target_repository": "admin/flask", "target_tag": "latest", "digest": "sha256:ab", "promoted_at": AT,
        "manual": false});
    let made = bodies("image.promoted", data);
    let expected = json!({
        "type": "PROMOTION", "createdAt": AT, "location": "/repositories/admin/flask/tags/latest",
        "contents": {"promotionPolicyID": "p", "sourceRepository": "admin/flask_build", "sourceTag": "7", "targetRepository": "admin/flask",
            "targetTag": "latest", "promotedAt": AT, "digest": "sha256:ab",
            "imageName": "assay.test:8443/admin/flask:latest"},
    });
    assert_eq!(made, [expected]);
}

#[test]
fn repositories() {
    let data = json!({"repository": "a/b", "author": "me", "id": "0", "visibility": "private", "immutable": true,
        "scan_on_push": false, "short_description": "d", "long_description": "", "tag_limit": 0});
    let object = json!({"id": "0", "namespace": "a", "name": "b", "visibility": "private", "immutableTags": true,
        "scanOnPush": false, "shortDescription": "d", "longDescription": "", "tagLimit": 0, "enableManifestLists": true, "namespaceType": "", "pulls": 0,
        "pushes": 0});
    let made = bodies("repository.created", data.clone());
    let contents =
        json!({"namespace": "a", "repository": "b", "event": "REPO_CREATED", "author": "me", "data": object});
    assert_eq!((&made[0]["type"], &made[0]["contents"]), (&json!("REPO_EVENT"), &contents));
    assert!(bodies("repository.deleted", data)[0]["contents"].get("data").is_none());
}

#[test]
fn mirrorings() {
    for (direction, kind) in [("push", "PUSH_MIRRORING"), ("poll", "POLL_MIRRORING")] {
        let data = json!({"direction": direction, "repository": "a/b", "tag": "7", "digest": "sha256:ab",
            "remoteRepository": "dtr.test/a/b", "remoteTag": "8", "policy": "p"});
        let made = bodies("image.mirrored", data);
        let contents = json!({"namespace": "a", "repository": "b", "tag": "7", "digest": "sha256:ab",
            "imageName": "assay.test:8443/a/b:7", "remoteRepository": "dtr.test/a/b", "remoteTag": "8", "policy": "p",
            "mirroredAt": AT});
        assert_eq!((&made[0]["type"], &made[0]["contents"]), (&json!(kind), &contents));
    }
}

#[test]
fn signatures_are_told_once_a_tag() {
    let tags = json!([{"tag": "7", "digest": "sha256:ab", "role": "targets/releases"},
        {"tag": "7", "digest": "sha256:ab", "role": "targets/alice"}, {"tag": "no tag", "digest": "sha256:ab", "role": "targets"}]);
    let made = bodies("trust.published", json!({"gun": "h/a/b", "repository": "a/b", "tags": tags}));
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["contents"]["roles"], json!(["targets/releases", "targets/alice"]));
    assert!(bodies("trust.published", json!({"repository": "a/b", "tags": []})).is_empty());
}

#[test]
fn what_policies_say_against_an_image() {
    for (event, kind) in [("promotion.refused", "PROMOTION_REFUSED"), ("image.lapsed", "PROMOTION_LAPSED")] {
        let data = json!({"repository": "a/b", "tag": "7", "digest": "sha256:ab", "policy": "p", "verdict": "unknown",
            "objections": ["not scanned"]});
        let made = bodies(event, data);
        assert_eq!(made[0]["type"], kind);
        let contents = &made[0]["contents"];
        assert_eq!((&contents["verdict"], &contents["objections"][0]), (&json!("unknown"), &json!("not scanned")));
    }
}

#[test]
fn every_type_has_a_sample_and_others_give_nothing() {
    for kind in EventType::ALL {
        let made = sample(kind, AT.parse().unwrap(), "h:1");
        assert_eq!(made.repository.is_none(), kind.is_global(), "{kind}");
        let body: Value = serde_json::from_str(&made.message(Format::Dtr, "1", "h:1").body).unwrap();
        assert_eq!(body["type"], kind.as_str());
        assert_eq!(kind.as_str().parse::<EventType>().unwrap(), kind);
    }
    assert!(bodies("policy.applied", json!({})).is_empty());
}

proptest! {
    #[test]
    fn a_strange_event_is_an_error_and_no_panic(kind in "(image\\.(pushed|promoted)|tag\\.deleted|scan\\.failed)", text in ".{0,20}") {
        let at: Timestamp = AT.parse().unwrap();
        let data = json!({"repository": text, "tag": text, "digest": text});
        let event = Event { kind, subject: String::new(), data, at, entry: String::new() };
        let _ = notices(&event, "h");
    }
}
