//! VEX documents on a server: what they state is in every answer, and goes with them.

use serde_json::{Value, json};

use crate::{
    image::{as_admin, call, debian, expect, get, index_of, push, scanned},
    server::{Server, until},
};

const ID: &str = "https://shop.example/vex";

fn openvex(status: &str, time: &str, product: &str) -> String {
    let vulnerability = json!({"name": "GHSA-jfh8-c2jp-5v3q", "aliases": ["CVE-2021-44228"]});
    let mut statement = json!({"vulnerability": vulnerability, "products": [{"@id": product}], "status": status});
    if status == "not_affected" {
        statement["justification"] = json!("vulnerable_code_not_present");
        statement["impact_statement"] = json!("the class is removed");
    }
    json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": ID, "author": "The vendor", "timestamp": time, "version": 1,
        "statements": [statement]})
    .to_string()
}

fn put(server: &Server, status: u16, scope: &str, text: &str) -> Value {
    let path = format!("/api/v1/vex{scope}");
    serde_json::from_str(&expect(server, status, "POST", &path, "application/json", text.as_bytes())).unwrap()
}

fn report(server: &Server, tag: &str, format: &str) -> String {
    let path = format!("/api/v1/repositories/admin/shop/images/{tag}/report?format={format}");
    expect(server, 200, "GET", &path, "x/y", b"")
}

fn counts(server: &Server, tag: &str) -> [Value; 2] {
    let summary = get(server, &format!("/api/v0/imagescan/scansummary/repositories/admin/shop/{tag}"));
    [summary[0]["critical"].clone(), summary[0]["waived"].clone()]
}

#[test]
fn what_a_document_states_is_in_every_answer_until_it_is_removed() {
    let server = Server::start("127.0.0.1");
    let image = push(&server, "admin/shop", "1", &debian(&["liblog4j2-java 2.14.1-1"]));
    scanned(&server, "admin/shop:1", 6);
    assert_eq!(counts(&server, "1"), [1, 0]);
    let product = format!("pkg:oci/shop?repository_url={}/admin/shop", server.authority);
    let text = openvex("not_affected", "2026-01-01T00:00:00Z", &product);
    let made = put(&server, 201, "?repository=admin/shop", &text);
    assert_eq!((&made["name"], &made["format"], &made["statements"]), (&json!(ID), &json!("OpenVEX"), &json!(1)));
    assert_eq!(put(&server, 200, "?repository=admin/shop", &text), made, "the same once more is nothing");
    let id = made["id"].as_str().unwrap();
    let kept = expect(&server, 200, "GET", &format!("/api/v1/vex/{id}"), "x/y", b"");
    assert_eq!(kept, text, "byte for byte");
    assert_eq!(get(&server, "/api/v1/vex?scope=any")["documents"][0]["id"], made["id"]);

    assert_eq!(counts(&server, "1"), [0, 1]);
    let (said, place) =
        ("not affected (vulnerable_code_not_present): the class is removed", format!("{ID} statements[0]"));
    let shown = get(&server, "/api/v0/imagescan/scansummary/repositories/admin/shop/1");
    assert_eq!(shown[0]["components"][0]["vulns"][0]["waived"], said, "{shown}");
    let finding = &serde_json::from_str::<Value>(&report(&server, "1", "json")).unwrap()["findings"][0];
    assert_eq!((&finding["status"], &finding["stated"]["document"]), (&json!("not_affected"), &json!(place)));
    let analysis =
        &serde_json::from_str::<Value>(&report(&server, "1", "cyclonedx")).unwrap()["vulnerabilities"][0]["analysis"];
    assert_eq!((&analysis["state"], &analysis["detail"]), (&json!("not_affected"), &json!("the class is removed")));
    let sarif: Value = serde_json::from_str(&report(&server, "1", "sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let suppressed: Vec<_> = results.iter().filter(|one| !one["suppressions"].as_array().unwrap().is_empty()).collect();
    assert_eq!(suppressed[0]["properties"]["statedBy"], format!("The vendor in {place}"), "{sarif}");
    let out = &serde_json::from_str::<Value>(&report(&server, "1", "openvex")).unwrap()["statements"][0];
    assert_eq!(
        (&out["status"], &out["justification"]),
        (&json!("not_affected"), &json!("vulnerable_code_not_present"))
    );
    let (name, value) = as_admin();
    let page = server.ask("GET", &format!("/images/admin/shop@{image}"), &[(name, &value)], b"");
    let words = format!("stated: {said} (The vendor, 2026-01-01 00:00:00 UTC; {place})");
    assert!(page.body.contains(&words), "{}", page.body);

    // An index is judged by its images, and what names its digest speaks of them.
    let arm = push(&server, "admin/shop", "arm", &debian(&["liblog4j2-java 2.14.1-1", "hello 2.10-3"]));
    scanned(&server, "admin/shop:arm", 6);
    index_of(&server, "admin/shop", "all", &[("amd64", &image), ("arm64", &arm)]);
    // In the list of tags an index is one of them, and its images are counted together.
    let tags = || {
        scanned(&server, "admin/shop:all", 6);
        let tags = get(&server, "/api/v0/repositories/admin/shop/tags");
        tags.as_array().unwrap().iter().find(|tag| tag["name"] == "all").unwrap()["vuln_summary"]["waived"].clone()
    };
    assert_eq!(tags(), 2);

    call(&server, 204, "DELETE", &format!("/api/v1/vex/{id}"), &Value::Null);
    assert_eq!((counts(&server, "1"), tags()), ([json!(1), json!(0)], json!(0)));
    call(&server, 404, "GET", &format!("/api/v1/vex/{id}"), &Value::Null);
    let wrong =
        expect(&server, 400, "POST", "/api/v1/vex?repository=admin/shop", "application/json", b"{\"statements\": 7}");
    assert!(wrong.contains("OpenVEX (@context), CSAF (document) or CycloneDX (bomFormat)"), "{wrong}");
    let giant = vec![b' '; base::limits::VEX_KEPT_BYTES + 1];
    let refused = expect(&server, 413, "POST", "/api/v1/vex?repository=admin/shop", "application/json", &giant);
    assert!(refused.contains("split it by product"), "{refused}");
    call(&server, 404, "POST", "/api/v1/vex?repository=admin/none", &Value::Null);
}

#[test]
fn a_comparison_says_that_a_document_changed_it_and_policies_follow() {
    let server = Server::start("127.0.0.1");
    push(&server, "admin/shop", "1", &debian(&["liblog4j2-java 2.14.1-1"]));
    scanned(&server, "admin/shop:1", 6);
    call(&server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "prod"}));
    let policy = json!({
        "enabled": true, "targetRepository": "admin/prod", "tagTemplate": "%n",
        "rules": [{"field": "vulnerability_all", "operator": "lte", "values": ["0"]}],
    });
    call(&server, 201, "POST", "/api/v0/repositories/admin/shop/promotionPolicies?initialEvaluation=true", &policy);
    let decisions = || get(&server, "/api/v1/repositories/admin/shop/tags/1/decisions")["decisions"].clone();
    let verdicts = || decisions().as_array().unwrap().iter().map(|one| one["verdict"].clone()).collect::<Vec<_>>();
    until("it is refused", || verdicts() == ["refused"]);

    let other = push(&server, "admin/shop", "2", &debian(&["liblog4j2-java 2.14.1-1", "hello 1"]));
    scanned(&server, "admin/shop:2", 6);
    let text = openvex("fixed", "2026-01-01T00:00:00Z", "pkg:deb/debian/liblog4j2-java");
    put(&server, 201, &format!("?image={other}"), &text);
    let against = get(&server, "/api/v1/repositories/admin/shop/images/2/changes?against=admin/shop:1");
    let findings = against["findings"].as_array().unwrap();
    let stated = findings.iter().find(|one| one["after"]["id"] == "CVE-2021-44228").unwrap();
    assert_eq!((&stated["change"], &stated["cause"]), (&json!("changed"), &json!("statement")), "{stated}");
    assert_eq!(stated["reason"], "The vendor says of it: fixed");
    assert_eq!(verdicts(), ["refused"], "it speaks of another image");

    put(&server, 201, "?repository=admin/shop", &text);
    until("it is promoted", || verdicts() == ["allowed", "refused"]);
}
