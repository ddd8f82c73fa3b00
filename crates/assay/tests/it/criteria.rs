//! What policies ask for beyond DTR, in the whole program: groups, labels, who pushed and who signed, what is exploited and waived.

use std::{collections::BTreeMap, fs};

use advisory::{About, Advisory, Epss, Kev, Snapshot, Source};
use serde_json::{Value, json};

use crate::{
    image::{call, debian, expect, get, push, scanned},
    server::{Desk, Server, is_there, until},
};

const LOG4J: &str = "liblog4j2-java 2.14.1-1";

fn rule(field: &str, operator: &str, value: &str) -> Value {
    json!({"field": field, "operator": operator, "values": [value]})
}

/// A policy for `admin/shop` with a target of its own, which scans nothing by itself.
fn policy(server: &Server, target: &str, rules: &Value) -> Value {
    call(server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": target, "scanOnPush": false}));
    let form =
        json!({"enabled": true, "rules": rules, "targetRepository": format!("admin/{target}"), "tagTemplate": "%n"});
    call(server, 201, "POST", "/api/v0/repositories/admin/shop/promotionPolicies?initialEvaluation=true", &form)
}

/// The latest verdict of a policy on a tag, with the outcomes of its rules.
fn verdict(server: &Server, policy: &Value, tag: &str) -> Option<(String, BTreeMap<usize, Value>)> {
    let decisions = get(server, &format!("/api/v1/repositories/admin/shop/tags/{tag}/decisions"))["decisions"].clone();
    let last = decisions.as_array().unwrap().iter().find(|one| one["policy"] == policy["id"])?.clone();
    let reasons = last["reasons"].as_array().unwrap().iter().cloned().enumerate().collect();
    Some((last["verdict"].as_str().unwrap().to_owned(), reasons))
}

fn becomes(server: &Server, policy: &Value, tag: &str, expected: &str) -> BTreeMap<usize, Value> {
    until(&format!("{tag} is {expected} by {policy}"), || {
        verdict(server, policy, tag).is_some_and(|(verdict, _)| verdict == expected)
    });
    verdict(server, policy, tag).unwrap().1
}

#[test]
fn labels_and_who_pushed_need_no_scan_and_groups_say_which_rule_decided() {
    let server = Server::start("127.0.0.1");
    call(&server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "shop", "scanOnPush": false}));
    push(&server, "admin/shop", "1", &debian(&[LOG4J]));
    let group = json!([
        {"any": [rule("vulnerability_all", "eq", "0"), rule("label", "eq", "org.opencontainers.image.title=a <b>test</b>")]},
        {"not": rule("pushed.by", "eq", "gitlab")},
    ]);
    let made = policy(&server, "grouped", &group);
    assert_eq!(made["rules"], group, "as it was written");
    let reasons = becomes(&server, &made, "1", "allowed");
    assert_eq!(reasons[&0]["members"][0]["outcome"], "unknown", "{reasons:?}");
    assert!(
        reasons[&0]["sentence"].as_str().unwrap().starts_with("one of 2 rules is enough, and label"),
        "{reasons:?}"
    );

    let strict =
        json!([rule("label", "sw", "org.opencontainers.image.title="), rule("provenance.project", "eq", "admin/shop")]);
    let made = policy(&server, "strict", &strict);
    let reasons = becomes(&server, &made, "1", "unknown");
    assert_eq!((&reasons[&0]["outcome"], &reasons[&1]["outcome"]), (&json!("satisfied"), &json!("unknown")));
    let made = policy(&server, "aged", &json!([rule("created_at_duration", "af", "720h")]));
    let reasons = becomes(&server, &made, "1", "unknown");
    assert_eq!(reasons[&0]["sentence"], "the configuration does not tell when the image was made");

    let form = json!({"enabled": true, "targetRepository": "admin/aged", "tagTemplate": "%n",
        "rules": [rule("tag", "eq", "1"), {"any": [rule("label", "like", "x")]}]});
    let path = "/api/v0/repositories/admin/shop/promotionPolicies";
    let refused = call(&server, 400, "POST", path, &form);
    assert_eq!(refused["errors"][0]["code"], "INVALID_PROMOTION_POLICY", "{refused}");
    let message = refused["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("rules[1].any[0]: field label with value \"x\" got operator \"like\"; use one of eq"),
        "{message}"
    );
    let path = format!("{path}/{}", made["id"].as_str().unwrap());
    let refused = call(&server, 400, "PUT", &path, &json!({"rules": [{"any": []}]}));
    assert_eq!(refused["errors"][0]["code"], "INVALID_PROMOTION_POLICY", "{refused}");
}

/// The built-in advisories with what two lists say of one vulnerability.
fn snapshot(exploited: bool, probability_1e5: u32, created: &str) -> Vec<u8> {
    let source = |name: &str| Source { name: name.to_owned(), date: None, records: 1 };
    let about = About {
        created: created.parse().unwrap(),
        label: "test".into(),
        name: "test".into(),
        sources: vec![source("epss"), source("kev")],
        ..About::default()
    };
    let id = "CVE-2021-44228".to_owned();
    let epss = Epss { date: "2026-01-01".into(), percentile_1e5: 90_000, probability_1e5 };
    let mut records = advisory::starter().records().unwrap();
    records.push(Advisory { id: id.clone(), source: "epss".into(), epss: Some(epss), ..Advisory::default() });
    if exploited {
        let kev = Kev { added: "2021-12-10".into(), ransomware: true };
        records.push(Advisory { id, source: "kev".into(), kev: Some(kev), ..Advisory::default() });
    }
    Snapshot::new(about, records).unwrap().serialise()
}

#[test]
fn what_is_exploited_fixed_and_waived_is_decided_again_with_each_snapshot() {
    let server = Server::start("127.0.0.1");
    push(&server, "admin/shop", "1", &debian(&[LOG4J]));
    scanned(&server, "admin/shop:1", 6);
    let exploited = policy(&server, "kev", &json!([rule("kev_all", "eq", "0")]));
    let likely = policy(&server, "epss", &json!([rule("epss_highest", "lt", "12.5")]));
    let fixable = policy(&server, "fixable", &json!([rule("vulnerability_fixable", "eq", "0")]));
    let waived = policy(&server, "waived", &json!([rule("waived_critical", "lte", "0")]));
    for unknown in [&exploited, &likely] {
        let reasons = becomes(&server, unknown, "1", "unknown");
        let sentence = reasons[&0]["sentence"].as_str().unwrap();
        assert!(sentence.contains("the advisories that the image was held against do not tell"), "{sentence}");
    }
    assert_eq!(becomes(&server, &fixable, "1", "refused").len(), 1);
    assert_eq!(becomes(&server, &waived, "1", "allowed").len(), 1);

    let adopt = |bytes: &[u8]| {
        expect(&server, 200, "PUT", "/api/v1/advisories?force=true", "application/octet-stream", bytes);
    };
    adopt(&snapshot(true, 97_558, "2026-02-01T00:00:00Z"));
    let reasons = becomes(&server, &exploited, "1", "refused");
    assert_eq!(
        reasons[&0]["sentence"],
        "the number of vulnerabilities known to be exploited is 1; the policy asks for exactly 0"
    );
    assert_eq!(becomes(&server, &likely, "1", "refused").len(), 1);
    // Nothing but a score moved, which is no other finding.
    adopt(&snapshot(true, 12_499, "2026-02-02T00:00:00Z"));
    let reasons = becomes(&server, &likely, "1", "allowed");
    let sentence = "the highest chance of exploitation (EPSS) is 12.499 %; the policy asks for fewer than 12.5 %";
    assert_eq!(reasons[&0]["sentence"], sentence);

    let waiver = json!({"repository": "admin/shop", "advisory": "CVE-2021-44228", "reason": "the class is removed"});
    call(&server, 201, "POST", "/api/v1/waivers", &waiver);
    becomes(&server, &exploited, "1", "allowed");
    becomes(&server, &fixable, "1", "allowed");
    let reasons = becomes(&server, &waived, "1", "refused");
    assert_eq!(reasons[&0]["sentence"], "the number of waived critical findings is 1; the policy asks for at most 0");
    let report = get(&server, "/api/v1/audit/verify");
    assert_eq!(report["clean"], true, "{report}");
}

#[test]
fn a_signature_is_evidence_and_its_publication_decides_again() {
    if !is_there("notary") {
        return;
    }
    let desk = Desk::new();
    let server = &desk.server;
    let image = push(server, "admin/shop", "1", &debian(&["hello 2.10-3"]));
    scanned(server, "admin/shop:1", 6);
    let signed = policy(server, "signed", &json!([rule("signature.signer", "oo", "admin")]));
    let counted = policy(server, "counted", &json!([rule("signature_count", "gte", "1")]));
    let reasons = becomes(server, &signed, "1", "refused");
    assert_eq!(reasons[&0]["sentence"], "the tag is not signed with this image");

    let files =
        call(server, 201, "POST", "/api/v1/accounts/admin/bundles", &json!({"label": "signer"}))["files"].clone();
    for (name, from) in [("cert.pem", "cert.pem"), ("key.pem", "key.pem")] {
        fs::write(desk.home.join(name), files[from].as_str().unwrap()).unwrap();
    }
    fs::copy(server.ca(), desk.home.join("ca.pem")).unwrap();
    let gun = desk.place("admin/shop");
    desk.notary_ok(&["init", &gun]);
    desk.notary_ok(&["key", "rotate", &gun, "snapshot", "-r"]);
    for role in ["targets/releases", "targets/gitlab"] {
        desk.notary_ok(&["delegation", "add", &gun, role, "cert.pem", "--all-paths"]);
    }
    desk.notary_ok(&["publish", &gun]);
    desk.notary_ok(&["key", "import", "key.pem", "--role", "gitlab"]);
    let size = expect(server, 200, "GET", "/v2/admin/shop/manifests/1", "x/y", b"").len().to_string();
    let sign = |hex: &str| {
        let roles = ["--roles", "targets/releases", "--roles", "targets/gitlab"];
        desk.notary_ok(&[&["addhash", "-p", &gun, "1", &size, "--sha256", hex], &roles[..]].concat());
    };
    // Another image under the same tag is no signature of this one.
    sign(&"ab".repeat(32));
    sign(image.to_string().trim_start_matches("sha256:"));
    let reasons = becomes(server, &signed, "1", "allowed");
    assert_eq!(reasons[&0]["sentence"], "signer \"admin\" is one of \"admin\"");
    let reasons = becomes(server, &counted, "1", "allowed");
    assert_eq!(reasons[&0]["sentence"], "the number of signatures of the tag is 1; the policy asks for at least 1");
    desk.notary_ok(&["remove", "-p", &gun, "1", "--roles", "targets/releases", "--roles", "targets/gitlab"]);
    becomes(server, &counted, "1", "refused");
}
