//! Rights come from a repository alone: not from a digest, a cache, a name, an old token or an old upload.

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use super::{MANIFEST, bearer, grant, image, made, push_blob, say, tagged};
use crate::conformance::{OCTETS, Wire, uploads};

/// zot's table of known digests answered for every repository; Harbor did not look at the source of a mount (#23270).
#[test]
fn cve_2024_39897_knowing_a_digest_is_no_right_to_it() {
    let wire = Wire::start();
    let mallory = wire.account("mallory");
    let secret = wire.blob("admin/secret", Algorithm::Sha256, b"a secret");
    assert_eq!(push_blob(&wire, &mallory, "mallory/app", b"own"), 201);
    for repository in ["mallory/app", "admin/secret", "admin/absent"] {
        for method in ["HEAD", "GET", "DELETE"] {
            let answer = wire.ask_as(&mallory, method, &format!("/v2/{repository}/blobs/{secret}"), &[], b"");
            assert_eq!(answer.status, 404, "{method} in {repository}");
        }
    }
    for from in ["", "&from=admin%2Fsecret", "&from=admin%2Fabsent", "&from=mallory%2Fapp"] {
        let path = format!("{}?mount={secret}{from}", uploads("mallory/app"));
        assert_eq!(wire.ask_as(&mallory, "POST", &path, &[], b"").status, 202, "{from}");
    }
    // What is there and may not be seen, and what is not there, look alike.
    let told = |name: &str| {
        let answer = wire.ask_as(&mallory, "GET", &format!("/v2/{name}/blobs/{secret}"), &[], b"");
        (answer.status, answer.body.replace(name, "NAME"))
    };
    assert_eq!(told("admin/secret"), told("admin/absent"));
    // Nor can it be had by a manifest that names it.
    let bytes = String::from_utf8(image(&wire, "admin/secret", "1")).unwrap();
    let put =
        wire.ask_as(&mallory, "PUT", "/v2/mallory/app/manifests/1", &[("Content-Type", MANIFEST)], bytes.as_bytes());
    assert_eq!((put.status, put.code().as_str()), (404, "MANIFEST_BLOB_UNKNOWN"));
    wire.holds("admin/secret", &secret, b"a secret");
}

/// distribution's cache kept a deleted blob readable when another repository still had it.
#[test]
fn cve_2026_35172_what_was_deleted_is_gone_here_though_it_is_there() {
    let wire = Wire::start();
    let token = bearer(&wire, "repository:admin/here:pull", &crate::image::as_admin().1);
    let (here, there) = (tagged(&wire, "admin/here", "1"), tagged(&wire, "admin/there", "1"));
    assert_eq!(here, there);
    let config: Value = wire.expect(200, "GET", "/v2/admin/here/manifests/1", &[], b"").json();
    let blob: Digest = config["config"]["digest"].as_str().unwrap().parse().unwrap();
    let looks = |what: &str| wire.ask_as(&token, "GET", &format!("/v2/admin/here/{what}"), &[], b"").status;
    let (by_tag, by_digest) = ("manifests/1".to_owned(), format!("manifests/{here}"));
    let blob_path = format!("blobs/{blob}");
    // Twice, so that every cache is warm.
    for _ in 0..2 {
        assert_eq!([&by_tag, &by_digest, &blob_path].map(|what| looks(what)), [200; 3]);
    }
    wire.expect(202, "DELETE", "/v2/admin/here/manifests/1", &[], b"");
    assert_eq!([&by_tag, &by_digest, &blob_path].map(|what| looks(what)), [404, 200, 200]);
    wire.expect(202, "DELETE", &format!("/v2/admin/here/{by_digest}"), &[], b"");
    assert_eq!([&by_tag, &by_digest, &blob_path].map(|what| looks(what)), [404, 404, 200]);
    wire.expect(202, "DELETE", &format!("/v2/admin/here/{blob_path}"), &[], b"");
    assert_eq!([&by_tag, &by_digest, &blob_path].map(|what| looks(what)), [404; 3]);
    wire.expect(200, "GET", "/v2/admin/there/manifests/1", &[], b"");
    wire.expect(200, "GET", &format!("/v2/admin/there/{blob_path}"), &[], b"");
}

/// distribution had two ways to delete, and looked at its switch on one of them.
#[test]
fn cve_2026_41888_every_way_to_delete_asks_for_the_right() {
    let wire = Wire::start();
    let reader = wire.account("reader");
    let digest = tagged(&wire, "admin/app", "1");
    let blob = wire.blob("admin/app", Algorithm::Sha256, b"free");
    grant(&wire, "app", "reader", Some("read-only"));
    let pusher = bearer(&wire, "repository:admin/app:pull,push", &crate::image::as_admin().1);
    for path in [
        "/v2/admin/app/manifests/1".to_owned(),
        format!("/v2/admin/app/manifests/{digest}"),
        format!("/v2/admin/app/blobs/{blob}"),
        "/api/v0/repositories/admin/app/tags/1".to_owned(),
        "/api/v0/repositories/admin/app".to_owned(),
    ] {
        assert_eq!(wire.ask_as(&reader, "DELETE", &path, &[], b"").status, 403, "{path}");
        assert_eq!(wire.ask_as("", "DELETE", &path, &[], b"").status, 401, "{path}");
        // A token for pushing is for no more, whoever holds it.
        assert_eq!(wire.ask_as(&pusher, "DELETE", &path, &[], b"").status, 401, "{path}");
    }
    wire.expect(200, "GET", "/v2/admin/app/manifests/1", &[], b"");
    wire.holds("admin/app", &blob, b"free");
}

/// In zot whoever could create could overwrite `latest`.
#[test]
fn cve_2026_31801_latest_is_a_tag_as_any_other() {
    let wire = Wire::start();
    let writer = wire.account("writer");
    made(&wire, "POST", "/api/v0/repositories/admin", &json!({"name": "app", "immutableTags": true}));
    grant(&wire, "app", "writer", Some("read-write"));
    let (one, two) = (image(&wire, "admin/app", "one"), image(&wire, "admin/app", "two"));
    let put = |auth: &str, tag: &str, bytes: &[u8]| {
        let path = format!("/v2/admin/app/manifests/{tag}");
        wire.ask_as(auth, "PUT", &path, &[("Content-Type", MANIFEST)], bytes).status
    };
    for tag in ["latest", "1.0"] {
        assert_eq!(
            [put(&writer, tag, &one), put(&writer, tag, &one), put(&writer, tag, &two)],
            [201, 201, 409],
            "{tag}"
        );
        // Nor after it was deleted, nor as a parameter of another push.
        wire.expect(202, "DELETE", &format!("/v2/admin/app/manifests/{tag}"), &[], b"");
        assert_eq!(put(&writer, tag, &two), 409, "{tag}");
        assert_eq!(put(&writer, &format!("{}?tag={tag}", Digest::sha256_of(&two)), &two), 409, "{tag}");
        assert_eq!(put(&writer, tag, &one), 201, "{tag}");
    }
    grant(&wire, "app", "writer", Some("read-only"));
    assert_eq!(put(&writer, "latest", &one), 403);
}

/// In zot a person whom the directory had taken out of a group kept what the group could.
#[test]
fn cve_2025_23208_who_left_a_team_has_left_at_once() {
    let wire = Wire::start();
    let member = wire.account("member");
    made(&wire, "POST", "/enzi/v0/accounts", &json!({"name": "org", "isOrg": true}));
    made(&wire, "PUT", "/enzi/v0/accounts/org/members/member", &json!({"isAdmin": false}));
    made(&wire, "POST", "/enzi/v0/accounts/org/teams", &json!({"name": "dev"}));
    tagged(&wire, "org/app", "1");
    let seat = "/enzi/v0/accounts/org/teams/dev/members/member";
    let token = bearer(&wire, "repository:org/app:pull", &member);
    let pulls = || [&member, &token].map(|auth| wire.ask_as(auth, "GET", "/v2/org/app/manifests/1", &[], b"").status);
    for leave in [seat, "/enzi/v0/accounts/org/members/member"] {
        made(&wire, "PUT", "/enzi/v0/accounts/org/members/member", &json!({"isAdmin": false}));
        made(&wire, "PUT", seat, &Value::Null);
        made(&wire, "PUT", "/api/v0/repositories/org/app/teamAccess/dev", &json!({"accessLevel": "read-only"}));
        assert_eq!((pulls(), pulls()), ([200; 2], [200; 2]));
        made(&wire, "DELETE", leave, &Value::Null);
        assert_eq!(pulls(), [404; 2], "{leave}");
    }
}

/// In Harbor a token for a deleted project held for the next one of that name.
#[test]
fn harbor_22900_a_repository_of_the_same_name_is_another_one() {
    let wire = Wire::start();
    let reader = wire.account("reader");
    tagged(&wire, "admin/app", "1");
    grant(&wire, "app", "reader", Some("read-only"));
    let token = bearer(&wire, "repository:admin/app:pull", &reader);
    let pulls = || wire.ask_as(&token, "GET", "/v2/admin/app/manifests/1", &[], b"").status;
    assert_eq!(pulls(), 200);
    made(&wire, "DELETE", "/api/v0/repositories/admin/app", &Value::Null);
    assert_eq!(pulls(), 404);
    tagged(&wire, "admin/app", "1");
    assert_eq!(pulls(), 404);
    let report = wire.expect(200, "GET", "/api/v1/audit/verify", &[], b"").json();
    assert_eq!(report["clean"], true, "{report}");
}

/// In Harbor the name of an account could give the right to write.
#[test]
fn harbor_23675_a_name_gives_no_right() {
    let wire = Wire::start();
    tagged(&wire, "admin/app", "1");
    for name in ["scanner-1", "robot-admin", "administrator", "system", "anonymous", "admin1"] {
        let made = say(
            &wire,
            &crate::image::as_admin().1,
            "POST",
            "/enzi/v0/accounts",
            &json!({"name": name, "password": crate::server::PASSWORD}),
        );
        if made.status != 201 {
            // Nobody can have such a name at all.
            assert_eq!(made.status, 400, "{name}: {}", made.body);
            continue;
        }
        let auth = crate::conformance::basic(name, crate::server::PASSWORD);
        assert_eq!(push_blob(&wire, &auth, "admin/app", b"x"), 404, "{name}");
        assert_eq!(wire.ask_as(&auth, "GET", "/v2/admin/app/manifests/1", &[], b"").status, 404, "{name}");
    }
}

/// In Quay whoever knew the id of an upload could read, change and cancel it from another repository.
#[test]
fn cve_2026_32589_an_upload_is_its_owners_in_its_repository() {
    let wire = Wire::start();
    let other = wire.account("other");
    wire.blob("admin/second", Algorithm::Sha256, b"{}");
    let location = wire.patch(&wire.begin("admin/app"), None, b"mine");
    grant(&wire, "app", "other", Some("admin"));
    let elsewhere = location.replace("admin/app", "admin/second");
    let end = format!("?digest={}", Digest::sha256_of(b"mine"));
    for (method, query, body) in
        [("GET", "", &b""[..]), ("PATCH", "", b"theirs"), ("PUT", end.as_str(), b""), ("DELETE", "", b"")]
    {
        let by_other = wire.ask_as(&other, method, &format!("{location}{query}"), &[OCTETS], body);
        let by_way = wire.ask(method, &format!("{elsewhere}{query}"), &[OCTETS], body);
        for answer in [by_other, by_way] {
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (404, "BLOB_UPLOAD_UNKNOWN"),
                "{method}: {}",
                answer.body
            );
        }
        assert_eq!(wire.ask_as("", method, &format!("{location}{query}"), &[OCTETS], body).status, 401, "{method}");
    }
    assert_eq!(wire.put(&location, &Digest::sha256_of(b"mine"), None, b"").status, 201);
}
