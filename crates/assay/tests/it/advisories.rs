//! Other advisories, another decision: what stops an image is the advisory, and nothing else about it.

use std::fs;

use serde_json::{Value, json};

use crate::{
    image::{call, debian, get, push, scanned, tag},
    server::{Server, attempt, until},
};

/// One record as OSV publishes them, about a package that the image does not have.
pub fn record() -> Value {
    json!({
        "schema_version": "1.7.0", "id": "DEBIAN-CVE-2024-0001", "modified": "2026-01-01T00:00:00Z",
        "upstream": ["CVE-2024-0001"],
        "affected": [{
            "package": {"ecosystem": "Debian:12", "name": "another"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        }],
    })
}

#[test]
fn without_the_advisory_the_image_is_promoted() {
    let server = Server::start("127.0.0.1");
    let post = |path: &str, body: &Value| call(&server, 201, "POST", path, body);
    for name in ["build", "release"] {
        post("/api/v0/repositories/admin", &json!({"name": name}));
    }
    let policy = json!({
        "enabled": true, "targetRepository": "admin/release", "tagTemplate": "%n",
        "rules": [{"field": "vulnerability_all", "operator": "lte", "values": ["0"]}],
    });
    post("/api/v0/repositories/admin/build/promotionPolicies", &policy);
    let digest = push(&server, "admin/build", "1", &debian(&["liblog4j2-java 2.14.1-1"]));
    assert_eq!(scanned(&server, "admin/build:1", 6)["vuln_summary"]["critical"], 1);
    let decisions = || get(&server, "/api/v1/repositories/admin/build/tags/1/decisions")["decisions"].clone();
    until("the image is refused", || decisions()[0]["verdict"] == "refused");
    let released = || get(&server, "/api/v0/repositories/admin/release/tags");
    assert_eq!(released(), json!([]));

    let records = server.folder.path().join("records");
    fs::create_dir(&records).unwrap();
    fs::write(records.join("DEBIAN-CVE-2024-0001.json"), record().to_string()).unwrap();
    let login = server.login();
    let assay = |arguments: &[&str]| {
        let environment = [("ASSAY_LOGIN", login.to_str().unwrap())];
        let (succeeded, said) = attempt(env!("CARGO_BIN_EXE_assay"), arguments, server.folder.path(), &environment);
        assert!(succeeded, "assay {arguments:?}: {said}");
    };
    assay(&["advisories", "build", "records", "--out", "snapshot", "--label", "one other record"]);
    assay(&["advisories", "use", "snapshot"]);

    // Nothing was pushed and no layer opened: what is stored of the image is compared with the new advisories.
    until("the image is promoted", || released().as_array().is_some_and(|tags| tags.len() == 1));
    assert_eq!(released()[0]["digest"], json!(digest));
    assert_eq!(decisions().as_array().unwrap().iter().filter(|decision| decision["verdict"] == "refused").count(), 1);
    let tag = tag(&server, "admin/build:1");
    assert_eq!(
        (&tag["vuln_summary"]["critical"], &tag["vuln_summary"]["snapshot"]),
        (&json!(0), &json!("one other record"))
    );
}
