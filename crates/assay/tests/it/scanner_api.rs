//! The scanner as operators and scripts of a DTR estate drive it: settings, status, bulk calls, searches, uploads, exports.

use advisory::{About, Snapshot};
use serde_json::{Value, json};

use crate::{
    image::{as_admin, call, debian, expect, get, push, scanned},
    server::{Answer, Server},
};

const SUMMARY: &str = "/api/v0/imagescan/scansummary";

/// Upload a file as browsers and curl do.
fn upload(server: &Server, query: &str, part: &str, bytes: &[u8]) -> Answer {
    let head = format!("--xx\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"f\"\r\n\r\n");
    let body = [head.as_bytes(), bytes, b"\r\n--xx--\r\n"].concat();
    let (name, value) = as_admin();
    let headers = [(name, value.as_str()), ("Content-Type", "multipart/form-data; boundary=xx")];
    server.ask("PUT", &format!("/api/v0/imagescan/scan/update{query}"), &headers, &body)
}

/// A snapshot without one advisory of those that the program comes with.
pub fn snapshot(created: &str, label: &str) -> Vec<u8> {
    let about =
        About { created: created.parse().unwrap(), label: label.into(), name: "test".into(), ..About::default() };
    let kept = advisory::starter().records().unwrap().into_iter().filter(|one| !one.id.contains("44228")).collect();
    Snapshot::new(about, kept).unwrap().serialise()
}

fn archive(files: &[&[u8]]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (number, content) in files.iter().enumerate() {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, number.to_string(), *content).unwrap();
    }
    archive.into_inner().unwrap()
}

#[test]
fn settings_are_dtrs_and_the_switch_holds() {
    let server = Server::start("127.0.0.1");
    let settings = "/api/v0/meta/settings";
    let shown = get(&server, settings);
    assert_eq!((&shown["scanningEnabled"], &shown["scanningDeadline"]), (&json!(true), &json!(0)));
    let refused = call(&server, 400, "POST", settings, &json!({"sso": true}));
    assert_eq!(refused["errors"][0]["code"], "INVALID_SETTINGS");
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("scanningDeadline"), "{refused}");
    call(&server, 400, "POST", settings, &json!({"scanningDeadline": -1}));
    call(&server, 202, "POST", settings, &json!({"scanningEnabled": false, "scanningDeadline": 7}));
    assert_eq!(server.ask("POST", settings, &[("Content-Type", "application/json")], b"{}").status, 401);

    push(&server, "admin/app", "1", &debian(&["liblog4j2-java 2.14.1-1"]));
    let start = "/api/v0/imagescan/scan/admin/app/1/linux/amd64";
    let off = [(start, json!(null)), ("/api/v0/imagescan/scan", json!({"scan": true, "check": true}))];
    for (path, body) in off {
        assert_eq!(call(&server, 400, "POST", path, &body)["errors"][0]["code"], "SCANNING_NOT_ENABLED", "{path}");
    }
    assert_eq!(upload(&server, "", "file", b"x").code(), "SCANNING_NOT_ENABLED");
    assert_eq!(get(&server, "/api/v0/imagescan/status")["state"], "disabled");
    scanned(&server, "admin/app:1", 1);
    call(&server, 202, "POST", settings, &json!({"scanningEnabled": true}));
    assert_eq!(get(&server, settings)["scanningDeadline"], 7);
    call(&server, 200, "POST", start, &json!(null));
    scanned(&server, "admin/app:1", 6);
    call(&server, 200, "POST", "/api/v0/imagescan/scan", &json!({"scan": true, "check": true}));
    call(&server, 400, "POST", "/api/v0/imagescan/scan", &json!({}));
}

#[test]
fn all_repositories_are_switched_at_once_also_one_of_the_routes_own_name() {
    let server = Server::start("127.0.0.1");
    call(&server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "scan", "isOrg": true}));
    call(&server, 201, "POST", "/api/v0/repositories/scan", &json!({"name": "toggle"}));
    call(&server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "app"}));
    let toggle = "/api/v0/repositories/scan/toggle";
    for on in [false, true] {
        call(&server, 200, "POST", toggle, &json!({"scanOnPush": on}));
        for name in [toggle, "/api/v0/repositories/admin/app"] {
            assert_eq!(get(&server, name)["scanOnPush"], on, "{name}");
        }
    }
    assert_eq!(call(&server, 200, "PATCH", toggle, &json!({"immutableTags": true}))["immutableTags"], true);
    call(&server, 405, "PUT", toggle, &json!({}));
    call(&server, 204, "DELETE", toggle, &json!(null));
    assert_eq!(
        server.ask("POST", toggle, &[("Content-Type", "application/json")], br#"{"scanOnPush":true}"#).status,
        401
    );
}

#[test]
fn only_good_and_newer_snapshots_are_taken() {
    let server = Server::start("127.0.0.1");
    let status = || get(&server, "/api/v0/imagescan/status");
    let (new, old) = (snapshot("2026-02-01T00:00:00Z", "new"), snapshot("2026-01-01T00:00:00Z", "old"));
    let taken = upload(&server, "", "file", &archive(&[&new]));
    assert_eq!((taken.status, &taken.json()["snapshotLabel"]), (200, &json!("new")), "{}", taken.body);
    let version = status()["db_version"].as_u64().unwrap();
    let bad: [(&str, &str, Vec<u8>); 6] = [
        ("", "file", old.clone()),
        ("", "file", b"nonsense".to_vec()),
        ("", "file", new[..new.len() / 2].to_vec()),
        ("", "file", archive(&[&new, &old])),
        ("", "other", new.clone()),
        ("?online=true", "file", new.clone()),
    ];
    for (query, part, bytes) in bad {
        let refused = upload(&server, query, part, &bytes);
        assert_eq!(refused.status, 400, "{query} {part}: {}", refused.body);
        assert_eq!((&status()["snapshotLabel"], &status()["db_version"]), (&json!("new"), &json!(version)));
    }
    assert_eq!(status()["lastDBUpdateFailed"], true);
    assert_eq!(upload(&server, "?force=true", "file", &old).status, 200);
    assert_eq!((&status()["snapshotLabel"], &status()["lastDBUpdateFailed"]), (&json!("old"), &json!(false)));
    // The same rule for the way that the command line takes.
    let put = |path: &str, status| expect(&server, status, "PUT", path, "application/octet-stream", &old);
    put("/api/v1/advisories", 200);
    expect(&server, 400, "PUT", "/api/v1/advisories", "x/y", &snapshot("2025-01-01T00:00:00Z", "older"));
    expect(&server, 200, "PUT", "/api/v1/advisories?force=true", "x/y", &snapshot("2025-01-01T00:00:00Z", "older"));
}

#[test]
fn images_are_found_counted_and_exported() {
    let server = Server::start("127.0.0.1");
    let shop = push(&server, "admin/shop", "1", &debian(&["liblog4j2-java 2.14.1-1", "hello 2.10-3"]));
    let flask = push(&server, "admin/flask", "1", &debian(&["hello 2.10-3"]));
    scanned(&server, "admin/shop:1", 6);
    scanned(&server, "admin/flask:1", 6);
    let found = |path: &str| get(&server, &format!("{SUMMARY}/{path}"));
    let images = |path: &str| found(path).as_array().unwrap().len();
    let one = found("cve/CVE-2021-44228");
    let image = &one[0]["scannedImage"];
    assert_eq!((one.as_array().unwrap().len(), &one[0]["scanStatus"]), (1, &json!(6)), "{one}");
    assert_eq!(
        (&image["repository"], &image["tag"], &image["manifestDigest"]),
        (&json!("shop"), &json!("1"), &json!(shop))
    );
    assert_eq!((&image["totalVulnCount"]["critical"], image["components"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(image["cves"][0]["cvePK"], "CVE-2021-44228");
    assert_eq!((images("component/hello"), images("component/hello@2.10-3"), images("component/hello@1")), (2, 2, 0));
    assert_eq!(images(&format!("layer/{}", image["layers"][0]["digest"].as_str().unwrap())), 1);
    assert_eq!(images("license/MIT"), 0);
    expect(&server, 400, "GET", &format!("{SUMMARY}/layer/x"), "x/y", b"");
    assert_eq!(server.ask("GET", &format!("{SUMMARY}/component/hello"), &[], b"").status, 401);
    let (name, value) = as_admin();
    let page = server.ask("GET", &format!("{SUMMARY}/component/hello?pageSize=1"), &[(name, &value)], b"");
    let next = page.header("x-next-page-start").unwrap().to_owned();
    assert_eq!(page.json().as_array().unwrap().len(), 1);
    assert_eq!(images(&format!("component/hello?pageSize=9&pageStart={next}")), 1);

    let asked = [("admin/flask", &flask), ("admin/none", &flask), ("admin/shop:1", &shop)];
    let asked: Vec<Value> = asked.iter().map(|(name, digest)| json!({"name": name, "digest": digest})).collect();
    let counted = call(&server, 200, "POST", &format!("{SUMMARY}/tags"), &json!({"images": asked}));
    let images = counted["images"].as_object().unwrap();
    let critical = |digest: &oci::Digest| (&images[digest.as_ref()]["name"], &images[digest.as_ref()]["critical"]);
    assert_eq!((images.len(), critical(&flask)), (2, (&json!("admin/flask"), &json!(0))));
    assert_eq!(critical(&shop), (&json!("admin/shop"), &json!(1)));

    let export = format!("{SUMMARY}/repositories/admin/shop/1/export");
    assert_eq!(get(&server, &export)[0]["scannedImage"]["components"].as_array().unwrap().len(), 2);
    let table = server.ask("GET", &export, &[(name, &value), ("Accept", "text/csv")], b"");
    assert!(table.header("content-type").unwrap().starts_with("text/csv"));
    let lines: Vec<&str> = table.body.lines().collect();
    assert_eq!(lines.len(), 3, "{}", table.body);
    assert!(
        lines[0].starts_with("image,component,version") && table.body.contains("CVE-2021-44228,critical"),
        "{}",
        table.body
    );

    let page =
        server.ask("GET", &format!("/images/admin/shop@{shop}"), &[(name, &value), ("Accept", "text/html")], b"");
    for words in ["COPY files /", "CVE-2021-44228 critical", "runs as root", "fixed in"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
}
