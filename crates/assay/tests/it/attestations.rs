//! What the server signs of images and attaches to them, and what it hands out in every format.

use std::{fs, process::Command};

use advisory::{About, Snapshot};
use base64::{Engine, engine::general_purpose::STANDARD};
use oci::Digest;
use serde_json::{Value, json};

use crate::{
    image::{as_admin, call, debian, expect, get, index_of, push, scanned},
    server::{Server, is_there, until},
};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const INVENTORY: &str = "https://cyclonedx.org/bom";
const SCAN: &str = "https://in-toto.io/attestation/vulns/v0.2";

/// What is attached: kind of statement and digest of its manifest, in order.
fn attached(server: &Server, repository: &str, image: &Digest) -> Vec<(String, String)> {
    let list = get(server, &format!("/v2/{repository}/referrers/{image}?artifactType={BUNDLE}"));
    let one = |found: &Value| {
        let kind = found["annotations"]["dev.sigstore.bundle.predicateType"].as_str().unwrap().to_owned();
        (kind, found["digest"].as_str().unwrap().to_owned())
    };
    let mut found: Vec<_> = list["manifests"].as_array().unwrap().iter().map(one).collect();
    found.sort();
    found
}

/// Wait until both are there; gives their manifests.
fn both(server: &Server, repository: &str, image: &Digest) -> [String; 2] {
    until("both attestations are there", || attached(server, repository, image).len() == 2);
    let found = attached(server, repository, image);
    assert_eq!((found[0].0.as_str(), found[1].0.as_str()), (INVENTORY, SCAN));
    [found[0].1.clone(), found[1].1.clone()]
}

/// The bundle of a referrer, and the statement in it.
fn bundle(server: &Server, repository: &str, manifest: &str) -> (Value, Vec<u8>) {
    let manifest = get(server, &format!("/v2/{repository}/manifests/{manifest}"));
    assert_eq!((&manifest["artifactType"], &manifest["layers"][0]["mediaType"]), (&json!(BUNDLE), &json!(BUNDLE)));
    let blob = manifest["layers"][0]["digest"].as_str().unwrap();
    let bundle = get(server, &format!("/v2/{repository}/blobs/{blob}"));
    let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    (bundle, payload)
}

/// As `openssl` judges it: the signature over type and payload with their lengths (DSSE).
fn is_signed(server: &Server, bundle: &Value, payload: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let signature = STANDARD.decode(bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    let head = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len());
    // Nobody has to sign in for the key.
    let key = server.ask("GET", "/api/v1/attestations/key", &[], b"");
    assert_eq!(key.status, 200);
    fs::write(place("key"), key.body).unwrap();
    fs::write(place("signature"), signature).unwrap();
    fs::write(place("message"), [head.as_bytes(), payload].concat()).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder.path()).args([
        "dgst",
        "-sha256",
        "-verify",
        "key",
        "-signature",
        "signature",
        "message",
    ]);
    openssl.output().unwrap().status.success()
}

/// A repository's or namespace's bytes.
fn used(server: &Server, path: &str) -> u64 {
    get(server, path)["usedBytes"].as_u64().unwrap()
}

fn sound(server: &Server) {
    let verified = get(server, "/api/v1/audit/verify");
    assert_eq!(verified["problems"], json!([]), "{verified}");
}

/// The built-in advisories without one.
fn without(id: &str) -> Vec<u8> {
    let created = "2026-03-01T00:00:00Z".parse().unwrap();
    let about = About { created, label: "other".into(), name: "test".into(), ..About::default() };
    let kept = advisory::starter().records().unwrap().into_iter().filter(|one| !one.id.contains(id)).collect();
    Snapshot::new(about, kept).unwrap().serialise()
}

#[test]
fn an_image_has_its_inventory_and_its_scan_attached_signed_and_never_twice() {
    let mut server = Server::start("127.0.0.1");
    call(&server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "shop", "immutableTags": true}));
    let image = push(&server, "admin/shop", "1", &debian(&["liblog4j2-java 2.14.1-1", "hello 2.10-3"]));
    let usage = used(&server, "/api/v1/repositories/admin/shop/usage");
    scanned(&server, "admin/shop:1", 6);
    let [inventory, scan] = both(&server, "admin/shop", &image);
    for (manifest, kind) in [(&inventory, INVENTORY), (&scan, SCAN)] {
        let (bundle, payload) = bundle(&server, "admin/shop", manifest);
        let statement: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(statement["predicateType"], kind);
        assert_eq!(format!("sha256:{}", statement["subject"][0]["digest"]["sha256"].as_str().unwrap()), image.as_str());
        // Whoever pulls the image elsewhere learns no name from here.
        assert!(!String::from_utf8(payload.clone()).unwrap().contains("admin/shop"));
        if is_there("openssl") {
            assert!(is_signed(&server, &bundle, &payload));
            assert!(!is_signed(&server, &bundle, &payload[1..]));
        }
    }
    let (_, payload) = bundle(&server, "admin/shop", &scan);
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(statement["predicate"]["scanner"]["result"][0]["id"], "CVE-2021-44228");

    // They are no pushes, no images, no tags, and nobody's bytes.
    assert_eq!(used(&server, "/api/v1/repositories/admin/shop/usage"), usage);
    assert_eq!(used(&server, "/api/v1/namespaces/admin/usage"), usage);
    assert_eq!(get(&server, "/v2/admin/shop/tags/list")["tags"], json!(["1"]));
    let entries = get(&server, "/api/v1/audit/entries?kind=image.pushed");
    assert!(!entries.to_string().contains(&scan), "{entries}");
    // A scan that says the same, and a new start, write nothing.
    call(&server, 200, "POST", "/api/v0/imagescan/scan/admin/shop/1/linux/amd64", &Value::Null);
    server.kill_and_restart();
    let other = push(&server, "admin/other", "1", &debian(&["hello 2.10-3"]));
    both(&server, "admin/other", &other);
    assert_eq!(both(&server, "admin/shop", &image), [inventory.clone(), scan.clone()]);

    // Other advisories: the scan is another one, the inventory is not. An image of which they say the same keeps both.
    let before = both(&server, "admin/other", &other);
    expect(&server, 200, "PUT", "/api/v1/advisories?force=true", "x/y", &without("44228"));
    until("the scan is replaced", || attached(&server, "admin/shop", &image).iter().all(|(_, one)| *one != scan));
    let [same, newer] = both(&server, "admin/shop", &image);
    assert_eq!((&same, &both(&server, "admin/other", &other)), (&inventory, &before));
    let (_, payload) = bundle(&server, "admin/shop", &newer);
    assert!(!String::from_utf8(payload).unwrap().contains("44228"));
    sound(&server);
}

#[test]
fn another_key_signs_again_what_the_one_before_signed() {
    let mut server = Server::start("127.0.0.1");
    let images = ["1", "2", "3"].map(|tag| push(&server, "admin/shop", tag, &debian(&[&format!("hello {tag}")])));
    let before = images.each_ref().map(|image| both(&server, "admin/shop", image));
    server.kill();
    fs::remove_file(server.folder.path().join("data/keys/attestation.key")).unwrap();
    server.start_again();
    // Whenever the process dies, what is left is done after the next start.
    server.kill_and_restart();
    for (image, before) in images.iter().zip(before) {
        until("both are signed again", || {
            let found = attached(&server, "admin/shop", image);
            found.len() == 2 && found.iter().all(|(_, one)| !before.contains(one))
        });
        let [inventory, _] = both(&server, "admin/shop", image);
        let (bundle, payload) = bundle(&server, "admin/shop", &inventory);
        assert!(!is_there("openssl") || is_signed(&server, &bundle, &payload));
    }
    let renewed = || {
        let entries = get(&server, "/api/v1/audit/entries?kind=attestations.renewed");
        entries["entries"].as_array().unwrap().len()
    };
    let told = renewed();
    assert!(told == 1 || told == 2, "{told}");
    sound(&server);
}

#[test]
fn the_report_calls_stale_what_the_settings_do() {
    let server = Server::start("127.0.0.1");
    expect(&server, 200, "PUT", "/api/v1/advisories?force=true", "x/y", &without("44228"));
    push(&server, "admin/shop", "1", &debian(&["hello 2.10-3"]));
    scanned(&server, "admin/shop:1", 6);
    let path = "/api/v1/repositories/admin/shop/images/1/report?format=json";
    let report = || expect(&server, 200, "GET", path, "x/y", b"");
    let first = report();
    assert!(first.contains("\"stale\": true"), "{first}");
    let set = |days: u32| call(&server, 200, "PUT", "/api/v1/advisories/settings", &json!({"staleDays": days}));
    set(100_000);
    assert!(!report().contains("\"stale\""));
    set(7);
    assert_eq!(report(), first, "the same setting gives the same bytes");
}

#[test]
fn attestations_make_way_for_older_signatures_follow_a_promotion_and_can_be_switched_off() {
    let server = Server::start("127.0.0.1");
    call(&server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "prod"}));
    let image = push(&server, "admin/build", "1", &debian(&["hello 2.10-3"]));
    let of_build = both(&server, "admin/build", &image);
    let target = json!({"targetRepository": "admin/prod", "targetTag": "1"});
    call(&server, 201, "POST", "/api/v0/repositories/admin/build/tags/1/promotion", &target);
    assert_eq!(both(&server, "admin/prod", &image), of_build);
    assert_eq!(
        used(&server, "/api/v1/repositories/admin/prod/usage"),
        used(&server, "/api/v1/repositories/admin/build/usage")
    );

    // cosign before bundles keeps a signature under such a tag, and newer ones see none beside a bundle.
    let signature = format!("{}.sig", image.as_str().replace(':', "-"));
    push(&server, "admin/prod", &signature, &debian(&["signature 1"]));
    assert_eq!(attached(&server, "admin/prod", &image), []);
    assert_eq!(both(&server, "admin/build", &image), of_build);
    call(&server, 200, "POST", "/api/v0/imagescan/scan/admin/prod/1/linux/amd64", &Value::Null);

    call(&server, 202, "POST", "/api/v0/meta/settings", &json!({"scanningAttest": false}));
    let other = push(&server, "admin/build", "2", &debian(&["other 1"]));
    scanned(&server, "admin/build:2", 6);
    assert_eq!(attached(&server, "admin/build", &other), []);
    call(&server, 202, "POST", "/api/v0/meta/settings", &json!({"scanningAttest": true}));
    both(&server, "admin/build", &other);
    assert_eq!(attached(&server, "admin/prod", &image), []);
    sound(&server);
}

#[test]
fn every_format_is_handed_out_to_whoever_may_pull() {
    let server = Server::start("127.0.0.1");
    let image = push(&server, "admin/shop", "1", &debian(&["liblog4j2-java 2.14.1-1"]));
    scanned(&server, "admin/shop:1", 6);
    let report = |reference: &str, format: &str| {
        let (name, value) = as_admin();
        let path = format!("/api/v1/repositories/admin/shop/images/{reference}/report?format={format}");
        server.ask("GET", &path, &[(name, &value)], b"")
    };
    for (format, kind, part) in [
        ("json", "application/json", "\"findings\""),
        ("cyclonedx", "application/vnd.cyclonedx+json; version=1.6", "\"bomFormat\": \"CycloneDX\""),
        ("spdx", "application/spdx+json", "SPDX-2.3"),
        ("spdx3", "application/ld+json", "3.0.1"),
        ("sarif", "application/sarif+json", "2.1.0"),
        ("openvex", "application/json", "openvex.dev/ns/v0.2.0"),
        ("table", "text/plain; charset=utf-8", "CVE-2021-44228"),
    ] {
        let answer = report("1", format);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{format}: {}", answer.body);
        assert!(answer.body.contains(part), "{format}: {}", answer.body);
        // The same bytes again, and not twice over the wire.
        let etag = answer.header("etag").unwrap().to_owned();
        assert_eq!(
            (report("1", format).body, etag.clone()),
            (answer.body, format!("\"{}\"", digest_of(&server, format)))
        );
        let (name, value) = as_admin();
        let path = format!("/api/v1/repositories/admin/shop/images/1/report?format={format}");
        assert_eq!(server.ask("GET", &path, &[(name, &value), ("If-None-Match", &etag)], b"").status, 304);
    }
    assert_eq!(report(image.as_str(), "cyclonedx").status, 200);
    assert_eq!((report("1", "pdf").status, report("2", "json").status), (400, 404));
    assert_eq!(server.ask("GET", "/api/v1/repositories/admin/shop/images/1/report", &[], b"").status, 401);

    // What is waived says so; OpenVEX says that it is accepted, not that it does no harm.
    let waiver = json!({"repository": "admin/shop", "advisory": "CVE-2021-44228", "reason": "not reachable"});
    let made = call(&server, 201, "POST", "/api/v1/waivers", &waiver);
    let vex: Value = serde_json::from_str(&report("1", "openvex").body).unwrap();
    let statement =
        vex["statements"].as_array().unwrap().iter().find(|one| one["vulnerability"]["name"] == "CVE-2021-44228");
    let statement = statement.unwrap();
    assert_eq!((&statement["status"], &vex["author"]), (&json!("affected"), &json!(server.authority)));
    assert_eq!(statement["action_statement"], "Accepted: not reachable");
    let id = made["id"].as_str().unwrap();
    call(&server, 204, "DELETE", &format!("/api/v1/waivers/{id}"), &Value::Null);
    let more = json!({
        "repository": "admin/shop", "advisory": "CVE-2021-44228", "reason": "the class is removed",
        "justification": "vulnerable_code_not_present",
    });
    call(&server, 201, "POST", "/api/v1/waivers", &more);
    let vex: Value = serde_json::from_str(&report("1", "openvex").body).unwrap();
    let statement = &vex["statements"][0];
    assert_eq!(
        (&statement["status"], &statement["justification"], &statement["impact_statement"]),
        (&json!("not_affected"), &json!("vulnerable_code_not_present"), &json!("the class is removed"))
    );

    let arm = push(&server, "admin/shop", "arm", &debian(&["hello 2.10-3"]));
    index_of(&server, "admin/shop", "all", &[("amd64", &image), ("arm64", &arm)]);
    let which = report("all", "json");
    assert_eq!(which.status, 400, "{}", which.body);
    assert!(which.body.contains("platform"), "{}", which.body);
    call(&server, 202, "POST", "/api/v0/meta/settings", &json!({"scanningEnabled": false}));
    push(&server, "admin/shop", "never", &debian(&["never 1"]));
    let never = report("never", "json");
    assert_eq!((never.status, never.body.contains("never scanned")), (404, true), "{}", never.body);
}

fn digest_of(server: &Server, format: &str) -> Digest {
    let path = format!("/api/v1/repositories/admin/shop/images/1/report?format={format}");
    Digest::sha256_of(expect(server, 200, "GET", &path, "x/y", b"").as_bytes())
}
