//! Two servers, and images that go from one to the other by policies: whole, with what is signed of them, also after failures.

use std::{
    fs,
    time::{Duration, Instant},
};

use oci::Digest;
use serde_json::{Value, json};

use crate::{
    image::{as_admin, debian, index_of, push},
    server::{PASSWORD, Server},
};

const POLICIES: &str = "/api/v0/repositories/admin/app/pushMirroringPolicies";

fn call(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let auth = as_admin().1;
    let headers = [("Authorization", auth.as_str()), ("Content-Type", "application/json")];
    let answer = server.ask(method, path, &headers, body.to_string().as_bytes());
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

/// Ask again until the answer is as it should be.
fn until(what: &str, mut found: impl FnMut() -> Option<Value>) -> Value {
    let began = Instant::now();
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what} did not come about");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What a tag of a server names.
fn digest(server: &Server, repository: &str, reference: &str) -> Option<String> {
    let (status, tag) =
        call(server, "GET", &format!("/api/v0/repositories/{repository}/tags/{reference}"), &Value::Null);
    (status == 200).then(|| tag[0]["digest"].as_str().unwrap().to_owned())
}

/// How the tag of a policy stands, once it stands so.
fn state(server: &Server, repository: &str, id: &Value, tag: &str, wanted: &str) -> Value {
    let path = format!("/api/v1/repositories/{repository}/mirroring/{}", id.as_str().unwrap());
    until(&format!("{tag} {wanted}"), || {
        let (_, status) = call(server, "GET", &path, &Value::Null);
        let image =
            status["images"].as_array()?.iter().find(|image| image["tag"] == tag && image["state"] == wanted)?;
        Some(image.clone())
    })
}

/// Something that is said of an image, as cosign and others attach it.
fn attach(server: &Server, repository: &str, subject: &Digest, size: usize) -> Digest {
    let auth = as_admin().1;
    let send = |method: &str, path: &str, content_type: &str, body: &[u8]| {
        let headers = [("Authorization", auth.as_str()), ("Content-Type", content_type)];
        let answer = server.ask(method, path, &headers, body);
        assert_eq!(answer.status, 201, "{}", answer.body);
    };
    let (empty, said) = (b"{}", b"it is good");
    for blob in [&empty[..], &said[..]] {
        let path = format!("/v2/{repository}/blobs/uploads/?digest={}", Digest::sha256_of(blob));
        send("POST", &path, "application/octet-stream", blob);
    }
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type, "artifactType": "application/vnd.test.said",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::sha256_of(empty), "size": 2},
        "layers": [{"mediaType": "text/plain", "digest": Digest::sha256_of(said), "size": said.len()}],
        "subject": {"mediaType": media_type, "digest": subject, "size": size},
    });
    let manifest = manifest.to_string().into_bytes();
    let digest = Digest::sha256_of(&manifest);
    send("PUT", &format!("/v2/{repository}/manifests/{digest}"), media_type, &manifest);
    digest
}

fn manifest_size(server: &Server, repository: &str, tag: &str) -> usize {
    let auth = as_admin().1;
    server.ask("GET", &format!("/v2/{repository}/manifests/{tag}"), &[("Authorization", &auth)], b"").bytes.len()
}

/// A server that may call this machine.
pub fn here() -> Server {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("assay.toml"), "webhook_allow = [\"127.0.0.1\"]\n").unwrap();
    Server::start_in("127.0.0.1", folder)
}

fn place(other: &Server, repository: &str) -> Value {
    json!({
        "remoteHost": format!("https://{}", other.authority), "remoteRepository": repository,
        "remoteCA": fs::read_to_string(other.ca()).unwrap(), "username": "admin", "password": PASSWORD,
    })
}

#[test]
fn images_follow_a_policy_with_what_is_said_of_them_and_failures_are_caught_up() {
    let (mut here, mut other) = (here(), Server::start("127.0.0.1"));
    let first = push(&here, "admin/app", "1-good", &debian(&["base-files 12"]));
    let said = attach(&here, "admin/app", &first, manifest_size(&here, "admin/app", "1-good"));
    let elsewhere = push(&here, "admin/app", "draft", &debian(&["draft 1"]));

    // The Connect button.
    let (status, found) = call(&here, "POST", "/api/v0/remote/registry", &place(&other, "admin/copy"));
    assert_eq!((status, &found["permissions"]), (201, &json!({"read": true, "write": true})), "{found}");
    let mut wrong = place(&other, "admin/copy");
    wrong["password"] = "wrong password".into();
    let (status, refused) = call(&here, "POST", "/api/v0/remote/registry", &wrong);
    assert_eq!((status, &refused["errors"][0]["code"]), (400, &json!("REMOTE_REGISTRY_INVALID_PERMISSIONS")));

    // With a wrong password it fails, visibly; with the right one it goes, whole.
    let rules = json!([
        {"field": "tag", "operator": "ew", "values": ["-good"]},
        {"field": "vulnerability_all", "operator": "lte", "values": ["0"]},
    ]);
    for (member, value) in [("rules", rules), ("tagTemplate", "to-%n".into()), ("enabled", true.into())] {
        wrong[member] = value;
    }
    let (status, policy) = call(&here, "POST", POLICIES, &wrong);
    assert_eq!((status, policy["password"].is_null(), &policy["username"]), (201, true, &json!("admin")), "{policy}");
    let own = format!("{POLICIES}/{}", policy["id"].as_str().unwrap());
    let failing = state(&here, "admin/app", &policy["id"], "1-good", "failing");
    assert!(failing["error"].as_str().unwrap().contains("refuses the sign-in"), "{failing}");
    let (_, shown) = call(&here, "GET", &own, &Value::Null);
    assert_eq!(shown["lastStatus"]["code"], "FAILURE");
    call(&here, "PUT", &own, &json!({"password": PASSWORD}));
    let run = format!("/api/v1/repositories/admin/app/mirroring/{}/run", policy["id"].as_str().unwrap());
    assert_eq!(call(&here, "POST", &run, &Value::Null).0, 202);
    let done = state(&here, "admin/app", &policy["id"], "1-good", "mirrored");
    assert!(done["bytes"].as_i64().unwrap() > 0 && done["bytes"] == done["bytesDone"], "{done}");
    assert_eq!(digest(&other, "admin/copy", "to-1-good"), Some(first.to_string()));
    assert_eq!(digest(&other, "admin/copy", "to-draft"), None, "{elsewhere} satisfies no rule");
    let auth = as_admin().1;
    let path = format!("/v2/admin/copy/referrers/{first}");
    let referrers = other.ask("GET", &path, &[("Authorization", &auth)], b"").json();
    assert!(referrers["manifests"].as_array().unwrap().iter().any(|one| one["digest"] == said.to_string()));
    let (_, tag) = call(&here, "GET", "/api/v0/repositories/admin/app/tags/1-good", &Value::Null);
    assert_eq!(tag[0]["mirroring"]["remoteTag"], "to-1-good");
    assert_eq!(tag[0]["mirroring"]["remoteRepository"], format!("{}/admin/copy", other.authority));

    // The other one is away: it is caught up when it is back. This one dies before it could send: it sends when it is back.
    other.kill();
    let second = push(&here, "admin/app", "2-good", &debian(&["base-files 13"]));
    state(&here, "admin/app", &policy["id"], "2-good", "failing");
    other.start_again();
    call(&here, "POST", &run, &Value::Null);
    state(&here, "admin/app", &policy["id"], "2-good", "mirrored");
    assert_eq!(digest(&other, "admin/copy", "to-2-good"), Some(second.to_string()));
    let third = push(&here, "admin/app", "3-good", &debian(&["base-files 14"]));
    here.kill_and_restart();
    state(&here, "admin/app", &policy["id"], "3-good", "mirrored");
    assert_eq!(digest(&other, "admin/copy", "to-3-good"), Some(third.to_string()));

    // An index goes with its images.
    let arm = push(&here, "admin/app", "arm", &debian(&["base-files 15"]));
    let whole = index_of(&here, "admin/app", "all-good", &[("amd64", &third), ("arm64", &arm)]);
    state(&here, "admin/app", &policy["id"], "all-good", "mirrored");
    assert_eq!(digest(&other, "admin/copy", "to-all-good"), Some(whole.to_string()));
    let path = format!("/v2/admin/copy/manifests/{arm}");
    assert_eq!(other.ask("HEAD", &path, &[("Authorization", &auth)], b"").status, 200);

    // One tag by hand; then the policy of that one push is off and holds no credentials.
    let (status, once) =
        call(&here, "POST", "/api/v0/repositories/admin/app/tags/draft/pushMirroring", &place(&other, "admin/by-hand"));
    assert_eq!(status, 201, "{once}");
    state(&here, "admin/app", &once["id"], "draft", "mirrored");
    assert_eq!(digest(&other, "admin/by-hand", "draft"), Some(elsewhere.to_string()));
    let (_, all) = call(&here, "GET", "/api/v0/repositories/admin/app/mirroringPolicies", &Value::Null);
    assert_eq!(all.as_array().unwrap().len(), 1);

    nothing_written_has_the_password(here);
}

/// Neither the database, nor its log, nor what was said; and the log is what the tables are.
fn nothing_written_has_the_password(mut server: Server) {
    let (_, report) = call(&server, "GET", "/api/v1/audit/verify", &Value::Null);
    assert_eq!(report["clean"], true, "{report}");
    server.kill();
    for entry in fs::read_dir(server.folder.path().join("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()), "{}", path.display());
        }
    }
    assert!(!server.said().contains(PASSWORD));
}

#[test]
fn a_repository_elsewhere_is_polled_and_what_came_is_scanned() {
    let (here, other) = (here(), Server::start("127.0.0.1"));
    let first = push(&other, "admin/base", "1", &debian(&["liblog4j2-java 2.14.1-1"]));
    let said = attach(&other, "admin/base", &first, manifest_size(&other, "admin/base", "1"));
    call(&here, "POST", "/api/v0/repositories/admin", &json!({"name": "copy"}));
    let path = "/api/v0/repositories/admin/copy/pollMirroringPolicies";
    let mut body = place(&other, "admin/base");
    body["rules"] = json!([{"field": "tag", "operator": "eq", "values": ["1"]}]);
    let (status, refused) = call(&here, "POST", path, &body);
    assert_eq!((status, &refused["errors"][0]["code"]), (400, &json!("INVALID_POLL_MIRRORING_POLICY")), "{refused}");
    let (status, policy) = call(&here, "POST", path, &place(&other, "admin/base"));
    assert_eq!(status, 201, "{policy}");
    state(&here, "admin/copy", &policy["id"], "1", "mirrored");
    assert_eq!(digest(&here, "admin/copy", "1"), Some(first.to_string()));
    let scanned = until("a scan", || {
        let (_, tag) = call(&here, "GET", "/api/v0/repositories/admin/copy/tags/1", &Value::Null);
        (tag[0]["vuln_summary"]["critical"].as_i64()? > 0).then(|| tag[0].clone())
    });
    assert_eq!((&scanned["author"], &scanned["mirroring"]["remoteTag"]), (&json!("system:mirror"), &json!("1")));
    let auth = as_admin().1;
    let path = format!("/v2/admin/copy/referrers/{first}");
    let referrers = here.ask("GET", &path, &[("Authorization", &auth)], b"").json();
    assert!(referrers["manifests"].as_array().unwrap().iter().any(|one| one["digest"] == said.to_string()));
    // A tag that moved there, and one whose layers are known, on demand.
    let moved = push(&other, "admin/base", "1", &debian(&["base-files 12"]));
    let again = push(&other, "admin/base", "2", &debian(&["liblog4j2-java 2.14.1-1"]));
    assert_eq!(call(&here, "POST", "/api/v1/mirroring/poll", &Value::Null), (202, json!({"policies": 1})));
    until("the moved tag", || (digest(&here, "admin/copy", "1")? == moved.to_string()).then_some(Value::Null));
    until("the new tag", || (digest(&here, "admin/copy", "2")? == again.to_string()).then_some(Value::Null));
}

#[test]
fn places_that_are_not_for_users_are_not_called() {
    let server = Server::start("127.0.0.1");
    push(&server, "admin/app", "1", &debian(&["base-files 12"]));
    let mut body =
        json!({"remoteHost": "https://127.0.0.1:1", "remoteRepository": "a/b", "rules": [], "enabled": true});
    let (status, policy) = call(&server, "POST", POLICIES, &body);
    assert_eq!(status, 201, "{policy}");
    let failing = state(&server, "admin/app", &policy["id"], "1", "failing");
    assert!(failing["error"].as_str().unwrap().contains("not a public address"), "{failing}");
    for (member, value, told) in [
        ("remoteHost", "http://far.example", "not encrypted"),
        ("remoteHost", "https://user:secret@far.example", "no host of a registry"),
        ("remoteRepository", "A/../b", "no name of a repository"),
        ("tagTemplate", "%Q", "%Q"),
        ("remoteCA", "nonsense", "remoteCA"),
    ] {
        body = json!({"remoteHost": "https://far.example", "remoteRepository": "a/b", "rules": [], "enabled": true});
        body[member] = value.into();
        let (status, refused) = call(&server, "POST", POLICIES, &body);
        let why = refused["errors"][0]["message"].as_str().unwrap();
        assert!(status == 400 && why.contains(told), "{member} {value}: {status} {why}");
    }
}
