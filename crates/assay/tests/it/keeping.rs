//! Keeping the registry from the command line: room, damage, what was deleted, and times when nothing may change.

use std::fs;

use serde_json::json;

use crate::{
    command_line::Person,
    image::{as_admin, debian, get, push, tag},
};

#[test]
fn what_was_deleted_comes_back() {
    let person = Person::new();
    let digest = push(&person.server, "admin/app", "1", &debian(&["hello 2.10-3"]));
    person.says(&["tag", "delete", "admin/app:1"]);
    let listed = person.answers(&["registry", "deletions", "admin/app"]);
    let deletion = &listed["deletions"][0];
    assert_eq!((&deletion["deleted"]["kind"], &deletion["deleted"]["tag"]), (&json!("tag"), &json!("1")));
    let id = deletion["id"].as_str().unwrap();
    person.says(&["registry", "restore", id]);
    assert_eq!(tag(&person.server, "admin/app:1")["digest"], json!(digest));
    assert_eq!(person.runs(&["registry", "restore", id]).code, 1, "it came back already");

    person.says(&["repository", "delete", "admin/app"]);
    assert_eq!(person.runs(&["registry", "deletions", "admin/app"]).code, 0, "its namespace's owner still sees it");
    let id = person.answers(&["registry", "deletions", "admin"])["deletions"][0]["id"].clone();
    person.says(&["registry", "restore", id.as_str().unwrap()]);
    assert_eq!(tag(&person.server, "admin/app:1")["digest"], json!(digest));
    let due = person.answers(&["registry", "collect", "--dry-run"]);
    assert_eq!(due, json!({"manifests": 0, "links": 0, "files": 0, "bytes": 0}));
    assert_eq!(person.answers(&["registry", "collect"]), due);
}

#[test]
fn quotas_and_the_read_only_mode_say_what_is_wrong() {
    let person = Person::new();
    let server = &person.server;
    push(server, "admin/app", "1", &debian(&["hello 2.10-3"]));
    let used = person.answers(&["registry", "usage", "admin/app"])["usedBytes"].as_u64().unwrap();
    assert_eq!(person.answers(&["registry", "usage", "admin"]), json!({"usedBytes": used, "quotaBytes": 0}));
    let (name, value) = as_admin();
    let begin = || server.ask("POST", "/v2/admin/app/blobs/uploads/", &[(name, &value)], b"");
    let put = |bytes: &[u8]| {
        let digest = oci::Digest::sha256_of(bytes);
        server.ask("POST", &format!("/v2/admin/app/blobs/uploads/?digest={digest}"), &[(name, &value)], bytes)
    };

    person.says(&["registry", "quota", "admin/app", &used.to_string()]);
    let refused = put(b"one more");
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.body.contains("DENIED") && refused.body.contains("needs 8 more"), "{}", refused.body);
    person.says(&["registry", "quota", "admin/app", "1G"]);
    assert_eq!(put(b"one more").status, 201);

    person.says(&["registry", "read-only", "the disk is replaced until noon"]);
    let refused = begin();
    assert!(refused.status == 403 && refused.body.contains("until noon"), "{} {}", refused.status, refused.body);
    assert_eq!(get(server, "/api/v0/meta/settings")["readOnlyRegistry"], true);
    assert_eq!(server.ask("GET", "/v2/admin/app/manifests/1", &[(name, &value)], b"").status, 200);
    person.says(&["registry", "read-only", "--off"]);
    assert_eq!(begin().status, 202);
    // Usage mistakes are usage mistakes.
    for wrong in
        [&["registry", "read-only"][..], &["registry", "quota", "admin", "much"], &["registry", "usage", "A b"]]
    {
        assert_eq!(person.runs(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn damage_is_found_by_a_scrub_and_healed_by_the_next_push() {
    let person = Person::new();
    let server = &person.server;
    let (name, value) = as_admin();
    let bytes = b"a blob that a disk will spoil";
    let digest = oci::Digest::sha256_of(bytes);
    let put = || server.ask("POST", &format!("/v2/admin/app/blobs/uploads/?digest={digest}"), &[(name, &value)], bytes);
    let pull = |method| server.ask(method, &format!("/v2/admin/app/blobs/{digest}"), &[(name, &value)], b"");
    assert_eq!(put().status, 201);
    let file = format!("data/blobs/blobs/sha256/{}/{}", &digest.hex()[..2], digest.hex());
    fs::write(server.folder.path().join(file), b"a blob that a disk has spoilt").unwrap();
    let scrubbed = person.answers(&["registry", "scrub"]);
    assert_eq!(scrubbed["damaged"], json!([digest]));
    assert_eq!((pull("HEAD").status, pull("GET").status), (404, 500));
    assert_eq!(put().status, 201);
    let healed = pull("GET");
    assert_eq!((healed.status, healed.body.as_bytes()), (200, &bytes[..]));
}
