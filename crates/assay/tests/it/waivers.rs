//! Waivers of the whole program: two people, DTR's hidden vulnerabilities, and what counts.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    image::{call, debian, expect, get, push, scanned},
    server::{PASSWORD, Server},
};

const LOG4J: &str = "liblog4j2-java 2.14.1-1";

/// `[critical, waived]` of the tag.
fn counts(server: &Server) -> [Value; 2] {
    let summary = get(server, "/api/v0/imagescan/scansummary/repositories/admin/shop/1");
    [summary[0]["critical"].clone(), summary[0]["waived"].clone()]
}

fn statements(server: &Server) -> usize {
    let path = "/api/v1/repositories/admin/shop/images/1/report?format=openvex";
    let document: Value = serde_json::from_str(&expect(server, 200, "GET", path, "x/y", b"")).unwrap();
    let said = document["statements"].as_array().unwrap();
    said.iter().filter(|one| one["status"] == "not_affected").count()
}

#[test]
fn somebody_else_approves_it_before_it_counts_anywhere() {
    let server = Server::start("127.0.0.1");
    push(&server, "admin/shop", "1", &debian(&[LOG4J]));
    scanned(&server, "admin/shop:1", 6);
    for (name, admin) in [("second", true), ("dora", false)] {
        let account = json!({"name": name, "password": PASSWORD, "isAdmin": admin});
        call(&server, 201, "POST", "/enzi/v0/accounts", &account);
    }
    let by = |name: &str, method: &str, path: &str, body: &Value| {
        let auth = format!("Basic {}", STANDARD.encode(format!("{name}:{PASSWORD}")));
        let headers = [("Authorization", auth.as_str()), ("Content-Type", "application/json")];
        server.ask(method, path, &headers, body.to_string().as_bytes())
    };
    let (settings, need) = ("/api/v1/waivers/settings", json!({"needApproval": true}));
    assert_eq!(get(&server, settings), json!({"needApproval": false}));
    assert_eq!(by("dora", "PUT", settings, &need).status, 403);
    assert_eq!(call(&server, 200, "PUT", settings, &need), need);

    let waiver = json!({
        "namespace": "admin", "advisory": "CVE-2021-44228", "reason": "the class is removed",
        "justification": "vulnerable_code_not_present",
    });
    assert_eq!(by("dora", "POST", "/api/v1/waivers", &waiver).status, 403);
    let made = call(&server, 201, "POST", "/api/v1/waivers", &waiver);
    assert_eq!(
        (&made["state"], &made["scope"], &made["author"]),
        (&json!("proposed"), &json!("admin/*"), &json!("admin"))
    );
    assert_eq!((counts(&server), statements(&server)), ([json!(1), json!(0)], 0));
    let approval = format!("/api/v1/waivers/{}/approval", made["id"].as_str().unwrap());
    assert_eq!(by("admin", "POST", &approval, &json!({})).status, 403, "not one's own, though an administrator");
    assert_eq!(by("dora", "POST", &approval, &json!({})).status, 403);
    let given = by("second", "POST", &approval, &json!({})).json();
    assert_eq!((&given["state"], &given["approvedBy"]), (&json!("in-force"), &json!("second")));
    assert_eq!((counts(&server), statements(&server)), ([json!(0), json!(1)], 1));
    assert_eq!(by("second", "POST", &approval, &json!({})).status, 409);
    assert_eq!(get(&server, "/api/v1/waivers?namespace=admin")["waivers"][0]["approvedBy"], "second");
    assert_eq!(by("dora", "GET", "/api/v1/waivers?namespace=admin", &json!({})).status, 403);
    let two = json!({"namespace": "admin", "repository": "admin/shop", "advisory": "x", "reason": "y"});
    call(&server, 400, "POST", "/api/v1/waivers", &two);

    // Who owns a namespace keeps documents there, but not while these need two people.
    assert_eq!(by("dora", "POST", "/api/v1/vex?namespace=dora", &json!({"statements": 7})).status, 400);
    let openvex = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://x.example/1", "author": "x",
        "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [{
            "vulnerability": {"name": "CVE-2021-44228"}, "products": [{"@id": "pkg:deb/debian/liblog4j2-java"}], "status": "fixed"}]});
    let refused = by("dora", "POST", "/api/v1/vex?namespace=dora", &openvex);
    assert!(refused.status == 403 && refused.body.contains("only an administrator"), "{}", refused.body);
    let report = get(&server, "/api/v1/audit/verify");
    assert_eq!(report["clean"], true, "{report}");
}

#[test]
fn what_dtr_hid_in_a_layer_is_a_waiver_of_it() {
    let server = Server::start("127.0.0.1");
    push(&server, "admin/shop", "1", &debian(&[LOG4J]));
    scanned(&server, "admin/shop:1", 6);
    let manifest = get(&server, "/v2/admin/shop/manifests/1");
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let path = "/api/v0/imagescan/layeroverride";
    assert_eq!(get(&server, path), json!([]));
    let hide = |version: &str| {
        let body = json!({"component": "liblog4j2-java", "componentVersion": version, "cve": "CVE-2021-44228", "notes": "false"});
        call(&server, 200, "POST", &format!("{path}/{layer}"), &body)
    };
    hide("9");
    assert_eq!(counts(&server), [1, 0], "another version");
    let hidden = hide("2.14.1-1");
    assert_eq!(counts(&server), [0, 1]);
    let expected = json!({"pk": hidden["pk"], "digest": layer, "component": "liblog4j2-java", "componentVersion": "2.14.1-1",
        "cve": "CVE-2021-44228", "notes": "false"});
    assert_eq!(hidden, expected);
    assert_eq!(get(&server, path)[1], expected);
    // Another image with that layer, in another repository.
    push(&server, "admin/other", "1", &debian(&[LOG4J]));
    assert_eq!(scanned(&server, "admin/other:1", 6)["vuln_summary"]["waived"], 1);
    call(&server, 200, "DELETE", &format!("{path}/{}", hidden["pk"].as_str().unwrap()), &Value::Null);
    assert_eq!(counts(&server), [1, 0]);
    call(&server, 400, "POST", &format!("{path}/nonsense"), &json!({}));
}
