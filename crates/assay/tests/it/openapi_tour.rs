//! Every operation of `/api/v1`, done once and well: none is described that nobody tried.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpListener,
};

use serde_json::{Value, json};

use crate::{
    contract::{CONTRACT, Request},
    image::{as_admin, basic, call, debian, get, push, scanned},
    scanner_api::snapshot,
    server::{PASSWORD, Server, until},
};

/// Whose signatures an administrator lets count.
const VENDOR: &str = include_str!("../../../seal/tests/fixtures/cosign.pub");
const LOG4J: &str = "liblog4j2-java 2.14.1-1";

struct Tour {
    server: Server,
    /// What was done well.
    done: RefCell<BTreeSet<String>>,
}

impl Tour {
    /// A server that may call this machine, with two images, a second administrator and a guard.
    fn new() -> Tour {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("assay.toml"), "webhook_allow = [\"127.0.0.1\"]\n").unwrap();
        let server = Server::start_in("127.0.0.1", folder);
        for (name, admin) in [("second", true), ("guard", false)] {
            let account = json!({"name": name, "password": PASSWORD, "isAdmin": admin});
            call(&server, 201, "POST", "/enzi/v0/accounts", &account);
        }
        push(&server, "admin/shop", "1", &debian(&[LOG4J]));
        push(&server, "admin/shop", "2", &debian(&["base-files 12.4+deb12u5"]));
        scanned(&server, "admin/shop:1", 6);
        scanned(&server, "admin/shop:2", 6);
        Tour { server, done: RefCell::default() }
    }

    fn by(&self, name: &str, method: &str, path: &str, body: &[u8]) -> Value {
        let (header, value) = if name == "admin" { as_admin() } else { basic(name, PASSWORD) };
        let headers = [(header, value.as_str()), ("Content-Type", "application/json")];
        let answer = self.server.ask(method, path, &headers, body);
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.body);
        let operation = CONTRACT.operation(&Request { method, path, headers: &headers, body }).unwrap();
        self.done.borrow_mut().insert(operation.route());
        serde_json::from_slice(&answer.bytes).unwrap_or_default()
    }

    fn get(&self, path: &str) -> Value {
        self.by("admin", "GET", path, b"")
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        self.by("admin", method, path, body.to_string().as_bytes())
    }

    /// An operation that takes no body.
    fn run(&self, method: &str, path: &str) -> Value {
        self.by("admin", method, path, b"")
    }

    fn accounts(&self) {
        self.send("POST", "/api/v1/accounts/admin/bundles", &json!({"label": "laptop"}));
        self.send("POST", "/api/v1/certificates", &json!({"names": ["engine.example", "192.0.2.1"]}));
        let space = "/api/v1/namespaces/admin";
        let grant = json!({"name": "shop", "user": "second", "accessLevel": "read-only"});
        self.send("PUT", &format!("{space}/grants"), &grant);
        assert_eq!(self.get(&format!("{space}/grants"))["grants"][0]["grantee"], "user/second");
        let robot = json!({"name": "ci", "grants": [{"place": "admin/shop", "accessLevel": "read-write"}]});
        self.send("POST", &format!("{space}/robots"), &robot);
        self.get(&format!("{space}/robots"));
        self.get("/api/v1/robots/admin+ci");
        self.send("POST", "/api/v1/robots/admin+ci/rotate", &json!({"graceMinutes": 0, "expiresInDays": 1}));
        self.run("DELETE", "/api/v1/robots/admin+ci");
        self.send("PATCH", &format!("{space}/settings"), &json!({"onlyRobotsPush": false}));
        self.get(&format!("{space}/settings"));
    }

    fn images(&self) {
        let images = "/api/v1/repositories/admin/shop/images";
        for format in ["json", "cyclonedx", "spdx", "spdx3", "sarif", "openvex", "table"] {
            self.get(&format!("{images}/1/report?format={format}"));
        }
        self.get(&format!("{images}/1/changes?against=admin/shop:2"));
        self.get("/api/v1/attestations/key");
        self.get(&format!("{images}/1/signatures"));
        self.send("PUT", "/api/v1/anchors/vendor", &json!({"pem": VENDOR}));
        self.get("/api/v1/anchors");
        self.run("DELETE", "/api/v1/anchors/vendor");
        self.get("/api/v1/openapi.json");
        self.get("/api/v1/advisories");
        self.get("/api/v1/advisories/settings");
        self.send("PUT", "/api/v1/advisories/settings", &json!({"dailyAt": "03:00", "staleDays": 9}));
    }

    fn waivers_and_vex(&self) {
        let settings = "/api/v1/waivers/settings";
        self.send("PUT", settings, &json!({"needApproval": true}));
        let waiver = json!({"repository": "admin/shop", "advisory": "CVE-2021-44228", "reason": "no logging here"});
        let made = self.send("POST", "/api/v1/waivers", &waiver);
        let place = format!("/api/v1/waivers/{}", made["id"].as_str().unwrap());
        assert_eq!(self.by("second", "POST", &format!("{place}/approval"), b"")["state"], "in-force");
        self.get("/api/v1/waivers?repository=admin/shop");
        self.run("DELETE", &place);
        self.send("PUT", settings, &json!({"needApproval": false}));
        self.get(settings);

        let document = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://x.example/1", "author": "x",
            "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [{
                "vulnerability": {"name": "CVE-2021-44228"}, "products": [{"@id": "pkg:deb/debian/liblog4j2-java"}],
                "status": "under_investigation"}]});
        let made = self.send("POST", "/api/v1/vex?namespace=admin", &document);
        let place = format!("/api/v1/vex/{}", made["id"].as_str().unwrap());
        assert_eq!(self.get("/api/v1/vex?scope=any")["documents"][0], made);
        assert_eq!(self.get(&place), document);
        self.run("DELETE", &place);
    }

    fn promotion(&self) {
        call(&self.server, 201, "POST", "/api/v0/repositories/admin", &json!({"name": "release"}));
        let shop = "/api/v1/repositories/admin/shop";
        let group = json!({"any": [{"field": "vulnerability_all", "operator": "lte", "values": ["0"]},
            {"not": {"field": "tag", "operator": "eq", "values": ["1"]}}]});
        let policy =
            json!({"enabled": true, "targetRepository": "admin/release", "tagTemplate": "%n", "rules": [group]});
        let trials = self.send("POST", &format!("{shop}/promotionPolicies/test"), &policy);
        assert_eq!(trials["trials"].as_array().unwrap().len(), 2, "{trials}");
        call(&self.server, 201, "POST", "/api/v0/repositories/admin/shop/promotionPolicies", &policy);
        self.run("POST", &format!("{shop}/tags/1/evaluate"));
        let found = || self.get(&format!("{shop}/tags/1/decisions"))["decisions"][0].clone();
        until("a decision is there", || found()["verdict"] == "refused");
        self.get(&format!("{shop}/decisions?pageSize=1"));
        self.send("POST", &format!("{shop}/promotionPolicies/test?past=true"), &policy);
        let place = format!("/api/v1/decisions/{}", found()["id"].as_str().unwrap());
        until("the decision is signed", || !self.get(&place)["statement"].is_null());
        for document in ["policy", "evidence", "decision", "statement"] {
            self.get(&format!("{place}/{document}"));
        }
    }

    fn mirroring(&self) {
        let policy = json!({"remoteHost": format!("https://{}", self.server.authority), "remoteRepository": "admin/copy",
            "remoteCA": fs::read_to_string(self.server.ca()).unwrap(), "username": "admin", "password": PASSWORD,
            "enabled": true, "tagTemplate": "%n", "rules": [{"field": "tag", "operator": "eq", "values": ["2"]}]});
        let path = "/api/v0/repositories/admin/shop/pushMirroringPolicies";
        let made = call(&self.server, 201, "POST", path, &policy);
        let place = format!("/api/v1/repositories/admin/shop/mirroring/{}", made["id"].as_str().unwrap());
        self.run("POST", &format!("{place}/run"));
        let state = || self.get(&place)["images"][0]["state"].clone();
        until("the image is mirrored", || state() == "mirrored");
        self.run("POST", "/api/v1/mirroring/poll");
    }

    fn webhooks(&self) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/in", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _ = stream.read(&mut [0; 65536]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        let webhook =
            json!({"type": "TAG_PUSH", "key": "admin/shop", "endpoint": endpoint, "skipTLSVerification": true});
        let made = call(&self.server, 201, "POST", "/api/v0/webhooks", &webhook);
        let place = format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap());
        assert_eq!(self.get(&place), made);
        let tried = self.run("POST", &format!("{place}/test"));
        assert_eq!((&tried["state"], &tried["error"]), (&json!("delivered"), &Value::Null), "{tried}");
        let one = format!("{place}/deliveries/{}", tried["id"].as_str().unwrap());
        assert_eq!(self.get(&one), tried);
        self.run("POST", &format!("{one}/redeliver"));
        assert_eq!(self.get(&format!("{place}/deliveries?pageSize=2"))["nextPageStart"], Value::Null);
    }

    fn registry(&self) {
        self.run("POST", "/api/v1/registry/collect?dryRun=true");
        self.run("POST", "/api/v1/registry/scrub");
        self.get("/api/v1/registry/replica");
        self.send("PUT", "/api/v1/registry/read-only", &json!({"reason": null}));
        self.get("/api/v1/registry/read-only");
        for place in ["/api/v1/namespaces/admin", "/api/v1/repositories/admin/shop"] {
            self.send("PUT", &format!("{place}/quota"), &json!({"bytes": 1_000_000_000}));
            assert_eq!(self.get(&format!("{place}/usage"))["quotaBytes"], 1_000_000_000);
        }
        self.get("/api/v1/repositories/admin/shop/tag-limit?limit=1");
        call(&self.server, 204, "DELETE", "/api/v0/repositories/admin/shop/tags/2", &Value::Null);
        let deleted = self.get("/api/v1/namespaces/admin/deletions?repository=shop");
        let id = deleted["deletions"][0]["id"].as_str().unwrap();
        assert_eq!(self.run("POST", &format!("/api/v1/deletions/{id}/restore"))["deleted"]["tag"], "2");
    }

    fn admission_and_audit(&self) {
        self.get("/api/v1/admission/key");
        self.send("PUT", "/api/v1/admission/policy", &json!({"enabled": true, "guards": ["guard"], "teams": []}));
        self.get("/api/v1/admission/policy");
        self.by("guard", "GET", "/api/v1/admission/set", b"");
        let verdict = json!({"at": "2026-12-01T08:00:00Z", "user": "deploy", "method": "POST", "path": "/containers/create",
            "image": "shop:1", "digest": null, "allowed": false, "reason": "not signed"});
        self.by("guard", "POST", "/api/v1/admission/verdicts", json!({"verdicts": [verdict]}).to_string().as_bytes());

        let entries = self.get("/api/v1/audit/entries?kind=admission.refused&limit=1");
        self.get(&format!("/api/v1/audit/entries/{}", entries["entries"][0]["id"].as_str().unwrap()));
        self.get("/api/v1/audit/checkpoint");
        assert_eq!(self.get("/api/v1/audit/verify")["problems"], json!([]));
        let tag = get(&self.server, "/api/v0/repositories/admin/shop/tags/1");
        self.get(&format!("/api/v1/chain/{}", tag[0]["digest"].as_str().unwrap()));
    }
}

#[test]
fn every_operation_is_done_well_once() {
    let tour = Tour::new();
    tour.accounts();
    tour.images();
    tour.waivers_and_vex();
    tour.promotion();
    tour.mirroring();
    tour.webhooks();
    tour.registry();
    tour.admission_and_audit();
    // At the end, as other advisories have everything judged again.
    tour.by("admin", "PUT", "/api/v1/advisories?force=true", &snapshot("2026-01-01T00:00:00Z", "tour"));
    let described: BTreeSet<String> = CONTRACT.operations.iter().map(|operation| operation.route()).collect();
    let done = tour.done.into_inner();
    let left: Vec<&String> = described.difference(&done).collect();
    assert!(left.is_empty(), "described, and never done here: {left:#?}");
}
