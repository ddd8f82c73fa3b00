//! What changed between two scans, and which part of an image comes with its base: on the command line, by the API, on the page.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    image::{as_admin, call, debian, expect, get, push, push_layers, scanned},
    server::{PASSWORD, Server, until},
};

const LOG4J: &str = "liblog4j2-java 2.14.1-1";

/// The program's exit code and what it wrote.
fn assay(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_assay")).args(arguments).current_dir(folder).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn root(folder: &Path, name: &str, packages: &[&str]) {
    for (path, content) in debian(packages) {
        let path = folder.join(name).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[test]
fn two_folders_and_two_reports_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    root(folder, "old", &["base-files 12.4+deb12u5", "hello 1"]);
    root(folder, "new", &["base-files 12.4+deb12u5", "hello 2", LOG4J]);
    let (code, said) = assay(folder, &["scan", "compare", "old", "new", "--fail-on", "critical"]);
    assert_eq!(code, 3, "{said}");
    for part in ["~ hello 1 became 2", "+ liblog4j2-java 2.14.1-1 came", "component-added", "1 appeared, 0 vanished"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (code, said) = assay(folder, &["scan", "compare", "new", "old", "--fail-on", "critical", "--format", "json"]);
    let found: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (code, &found["findings"][0]["cause"]),
        (0, &json!("component-removed")),
        "what is gone is no reason to refuse"
    );

    for (report, profile) in [("dtr.json", "dtr"), ("cvss.json", "cvss")] {
        let output = format!("json={report}");
        assert_eq!(assay(folder, &["scan", "new", "--profile", profile, "--output", &output]).0, 0);
    }
    let (code, said) = assay(folder, &["scan", "compare", "dtr.json", "dtr.json", "--fail-on", "minor"]);
    assert!(code == 0 && said.contains("0 appeared, 0 vanished, 0 changed"), "{said}");
    let mut report: Value = serde_json::from_slice(&fs::read(folder.join("dtr.json")).unwrap()).unwrap();
    report["findings"] = json!([]);
    report["scanner"]["version"] = json!("0.0.1+1");
    fs::write(folder.join("before.json"), report.to_string()).unwrap();
    let (_, said) = assay(folder, &["scan", "compare", "before.json", "dtr.json", "--format", "json"]);
    let found: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(found["findings"][0]["cause"], "scanner", "{found}");
}

/// A page as whoever signs in sees it.
fn page(server: &Server, name: &str, path: &str) -> String {
    let url = format!("https://{}", server.authority);
    let body = format!("username={name}&password={}", PASSWORD.replace(' ', "+"));
    let headers = [("Origin", url.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
    let answer = server.ask("POST", "/sign-in", &headers, body.as_bytes());
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let page = server.ask("GET", path, &[("Cookie", &cookie), ("Accept", "text/html")], b"");
    assert_eq!(page.status, 200, "{}", page.body);
    page.body
}

#[test]
fn the_base_is_marked_for_those_who_may_see_it_and_for_nobody_else() {
    let server = Server::start("127.0.0.1");
    call(&server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "prod", "isOrg": true}));
    expect(
        &server,
        201,
        "POST",
        "/enzi/v0/accounts",
        "application/json",
        br#"{"name":"guest","password":"correct horse battery"}"#,
    );
    call(&server, 201, "POST", "/api/v0/repositories/prod", &json!({"name": "app", "visibility": "public"}));
    let (below, above) = (debian(&[LOG4J]), vec![("app/run".to_owned(), "#!/bin/sh".to_owned())]);
    push_layers(&server, &as_admin().1, "prod/hidden", "12", std::slice::from_ref(&below));
    let app = push_layers(&server, &as_admin().1, "prod/app", "1", &[below.clone(), above]);
    scanned(&server, "prod/app:1", 6);
    let path = format!("/images/prod/app@{app}");
    let seen = page(&server, "admin", &path);
    assert!(seen.contains("prod/hidden:12: the lowest layer, as their digests say"), "{seen}");
    assert!(seen.contains("1 findings come with it, 0 do not"), "{seen}");
    let unseen = page(&server, "guest", &path);
    assert!(!unseen.contains("prod/hidden") && !unseen.contains("id=\"base\""), "{unseen}");
    let guest = page(&server, "guest", &format!("{path}?against=prod/hidden:12"));
    assert!(guest.contains("there is no such image, or you may not see it"), "{guest}");
    assert!(page(&server, "admin", &format!("{path}?against=prod/hidden:12")).contains("Against prod/hidden:12"));

    // Policies ask for what everybody may see.
    let policy = json!({
        "enabled": true, "targetRepository": "prod/release", "tagTemplate": "%n",
        "rules": [{"field": "base.name", "operator": "sw", "values": ["prod/base:"]}, {"field": "secret_all", "operator": "eq", "values": ["0"]},
            {"field": "fact", "operator": "noo", "values": ["no-healthcheck"]}],
    });
    call(&server, 201, "POST", "/api/v0/repositories/prod", &json!({"name": "release"}));
    call(&server, 201, "POST", "/api/v0/repositories/prod", &json!({"name": "base", "visibility": "public"}));
    call(&server, 201, "POST", "/api/v0/repositories/prod/app/promotionPolicies", &policy);
    let outcomes = || {
        let found = get(&server, "/api/v1/repositories/prod/app/tags/1/decisions")["decisions"][0]["reasons"].clone();
        found.as_array().into_iter().flatten().map(|one| one["outcome"].clone()).collect::<Vec<_>>()
    };
    until("the image is decided", || outcomes() == ["unknown", "satisfied", "unsatisfied"]);
    push_layers(&server, &as_admin().1, "prod/base", "12", &[below]);
    call(&server, 200, "POST", "/api/v0/imagescan/scan/prod/app/1/linux/amd64", &json!(null));
    until("the base is known", || outcomes() == ["satisfied", "satisfied", "unsatisfied"]);
}

#[test]
fn a_server_says_what_changed() {
    let server = Server::start("127.0.0.1");
    push(&server, "admin/app", "1", &debian(&["hello 1"]));
    push(&server, "admin/app", "2", &debian(&["hello 2", LOG4J]));
    scanned(&server, "admin/app:1", 6);
    scanned(&server, "admin/app:2", 6);
    let changes = |tag: &str, query: &str| format!("/api/v1/repositories/admin/app/images/{tag}/changes{query}");
    let found = get(&server, &changes("2", "?against=admin/app:1"));
    assert_eq!(found["findings"][0]["cause"], "component-added", "{found}");
    assert_eq!(found["components"].as_array().unwrap().len(), 2, "{found}");
    let waiver = json!({
        "repository": "admin/app", "advisory": "CVE-2021-44228", "reason": "the class is removed",
        "justification": "vulnerable_code_not_present",
    });
    let made = call(&server, 201, "POST", "/api/v1/waivers", &waiver);
    let found = get(&server, &changes("2", "?against=admin/app:1"));
    assert_eq!(found["findings"][0]["after"]["waiver"]["justification"], waiver["justification"], "{found}");
    call(&server, 204, "DELETE", &format!("/api/v1/waivers/{}", made["id"].as_str().unwrap()), &json!(null));
    call(&server, 404, "GET", &changes("2", ""), &json!(null));
    call(&server, 404, "GET", &changes("2", "?against=admin/none:1"), &json!(null));
    call(&server, 400, "GET", &changes("2", "?against=nonsense"), &json!(null));

    let about = advisory::About { label: "less".into(), name: "test".into(), ..advisory::About::default() };
    let kept = advisory::starter().records().unwrap().into_iter().filter(|one| !one.id.contains("44228")).collect();
    let snapshot = advisory::Snapshot::new(about, kept).unwrap().serialise();
    expect(&server, 200, "PUT", "/api/v1/advisories?force=true", "application/octet-stream", &snapshot);
    let (name, value) = as_admin();
    let since = || server.ask("GET", &changes("2", ""), &[(name, &value)], b"");
    until("the image was held against it", || since().status == 200);
    let found: Value = serde_json::from_str(&since().body).unwrap();
    assert_eq!(found["findings"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["findings"][0]["change"], "vanished");
    assert_eq!(found["findings"][0]["cause"], "advisory-withdrawn", "{found}");
}
