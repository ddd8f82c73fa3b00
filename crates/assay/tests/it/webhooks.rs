//! Webhooks from one end to the other: the command line and the pages make them, real receivers hear of real pushes and pulls.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

use crate::{
    advisories::record,
    browser::{Browser, Window},
    command_line::Person,
    image::{as_admin, call, debian, get, push},
    server::{BASIC, PASSWORD, Server, until},
};

/// A receiver that answers 200, or what it was told to, and keeps what it heard.
#[derive(Clone, Default)]
pub struct Receiver {
    heard: Arc<Mutex<Vec<Heard>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

#[derive(Clone, Debug)]
pub struct Heard {
    head: String,
    pub body: String,
}

impl Receiver {
    pub fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, receiver) = (listener.local_addr().unwrap(), self.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
                let heard = loop {
                    let count = stream.read(&mut buffer).unwrap_or_default();
                    text.extend(&buffer[..count]);
                    match Heard::whole(&text) {
                        Some(heard) => break heard,
                        None if count == 0 => break Heard { head: String::new(), body: String::new() },
                        None => {}
                    }
                };
                receiver.heard.lock().unwrap().push(heard);
                let status = receiver.answers.lock().unwrap().pop().unwrap_or(200);
                let answer = format!(
                    "HTTP/1.1 {status} So\r\nX-Receiver: mine\r\nContent-Length: 4\r\nConnection: close\r\n\r\nseen"
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        address
    }

    pub fn until(&self, count: usize) -> Vec<Heard> {
        until(&format!("the receiver heard {count} times"), || self.heard.lock().unwrap().len() >= count);
        self.so_far()
    }

    pub fn so_far(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The first message of a type, whole.
    pub(crate) fn told(&self, kind: &str) -> Value {
        let find = || self.heard.lock().unwrap().iter().map(Heard::json).find(|body| body["type"] == kind);
        until(&format!("{kind} is heard"), || find().is_some());
        find().unwrap()
    }
}

impl Heard {
    fn whole(text: &[u8]) -> Option<Heard> {
        let text = String::from_utf8_lossy(text).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let heard = Heard { head: head.to_owned(), body: body.to_owned() };
        (heard.header("content-length").parse::<usize>().unwrap() <= body.len()).then_some(heard)
    }

    fn header(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.filter(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next();
        found.unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A server that may call this machine, with the folder of its configuration.
pub fn server() -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("assay.toml");
    std::fs::write(&config, "webhook_allow = [\"127.0.0.0/8\"]\n").unwrap();
    (Server::start_with(&[("ASSAY_CONFIG", config.to_str().unwrap())]), folder)
}

#[test]
fn the_command_line_does_it_all() {
    let (server, _config) = server();
    let person = Person { server };
    person.server.login();
    let receiver = Receiver::default();
    let url = format!("http://{}/in?token=url-token-12", receiver.start());
    let headers = person.server.folder.path().join("headers");
    std::fs::write(&headers, "Authorization: Bearer header-token-34\n").unwrap();
    let create = ["webhook", "create", &url, "--type", "TAG_PUSH", "--key", "admin/flask", "--skip-tls"];
    let more = ["--as", "cloudevents", "--secret", "-", "--headers", headers.to_str().unwrap(), "--format", "json"];
    let made = person.tells(&[&create[..], &more].concat(), "signing-secret-56\n");
    assert_eq!(made.code, 0, "{made:?}");
    assert!(!["token-12", "token-34", "secret-56"].iter().any(|secret| made.out.contains(secret)), "{}", made.out);
    let made: Value = serde_json::from_str(&made.out).unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 64 && made["lastSuccessfulAt"] == "0001-01-01T00:00:00Z" && made["format"] == "cloudevents");

    let digest = push(&person.server, "admin/flask", "1", &debian(&["base-files 12.4+deb12u5"]));
    let heard = receiver.until(1).remove(0);
    assert_eq!(heard.header("content-type"), "application/cloudevents+json; charset=utf-8");
    assert_eq!(heard.header("authorization"), "Bearer header-token-34");
    let event = heard.json();
    assert_eq!((&event["type"], &event["subject"]), (&json!("assay.tag.pushed"), &json!("admin/flask:1")));
    assert_eq!(event["data"]["digest"], digest.to_string());

    let delivered = || person.answers(&["webhook", "deliveries", &id])["deliveries"].clone();
    until("it is recorded", || delivered()[0]["state"] == "delivered");
    let first = delivered()[0]["id"].as_str().unwrap().to_owned();
    let shown = person.says(&["webhook", "deliveries", &id, &first]);
    assert!(shown.contains("x-receiver") && shown.contains("[redacted]") && !shown.contains("-34"), "{shown}");
    person.says(&["webhook", "redeliver", &id, &first]);
    let again = receiver.until(2).remove(1);
    assert_eq!(again.header("webhook-id"), first);
    assert_eq!(again.body, heard.body);

    assert!(person.says(&["webhook", "test", &id]).contains("delivered"));
    receiver.answers.lock().unwrap().push(500);
    let refused = person.runs(&["webhook", "test", &id]);
    assert!(refused.code != 0 && refused.err.contains("500"), "{refused:?}");
    person.says(&["webhook", "pause", &id]);
    assert!(person.says(&["webhook", "list"]).contains("inactive"));
    person.says(&["webhook", "resume", &id]);
    let updated = person.answers(&["webhook", "update", &id, "--no-secret", "--as", "dtr"]);
    assert_eq!((&updated["signed"], &updated["format"]), (&json!(false), &json!("dtr")));
    push(&person.server, "admin/flask", "3", &debian(&["base-files 12.4+deb12u5"]));
    let last = receiver.until(5).pop().unwrap();
    assert_eq!((last.header("webhook-signature"), last.json()["contents"]["tag"].clone()), (String::new(), json!("3")));
    assert_eq!(person.answers(&["webhook", "list", "--key", "admin/flask"]).as_array().unwrap().len(), 1);
    person.says(&["webhook", "delete", &id]);
    let gone = person.runs(&["webhook", "show", &id]);
    assert!(gone.code != 0 && gone.err.contains("there is no webhook"), "{gone:?}");

    for (arguments, why) in [
        (["--type", "CHART_PUSH", "--key", "admin/flask"], "OCI artifact"),
        (["--type", "SCANNER_UPDATE_COMPLETED", "--key", "admin"], "whole installation"),
        (["--type", "TAG_PUSH", "--as", "soap"], "cloudevents-binary"),
    ] {
        let refused = person.runs(&[&["webhook", "create", "https://example.org/"][..], &arguments].concat());
        assert!(refused.code != 0 && refused.err.contains(why), "{refused:?}");
    }
    // The fold of the log is what the tables say.
    person.says(&["audit", "verify"]);
}

#[test]
fn a_crash_in_the_middle_leaves_one_delivery_for_each_event() {
    const PUSHES: usize = 8;
    let (mut server, _config) = server();
    let receiver = Receiver::default();
    let url = format!("http://{}/", receiver.start());
    let hook = json!({"type": "TAG_PUSH", "key": "admin/flask", "endpoint": url, "skipTLSVerification": true});
    let id = call(&server, 201, "POST", "/api/v0/webhooks", &hook)["id"].as_str().unwrap().to_owned();
    for tag in 0..PUSHES {
        push(&server, "admin/flask", &tag.to_string(), &debian(&["base-files 12.4+deb12u5"]));
        // Each time somewhere else between the push and the record of its answer.
        if tag % 2 == 0 {
            receiver.until(tag / 2);
            server.kill_and_restart();
        }
    }
    let deliveries = || get(&server, &format!("/api/v1/webhooks/{id}/deliveries"))["deliveries"].clone();
    let delivered = |all: &Value| all.as_array().unwrap().iter().filter(|one| one["state"] == "delivered").count();
    until("all are delivered", || delivered(&deliveries()) == PUSHES);
    let mut subjects: Vec<String> =
        deliveries().as_array().unwrap().iter().map(|one| one["subject"].as_str().unwrap().to_owned()).collect();
    subjects.sort();
    let expected: Vec<String> = (0..PUSHES).map(|tag| format!("admin/flask:{tag}")).collect();
    assert_eq!(subjects, expected, "one for each push");
    let heard = receiver.until(PUSHES);
    let mut ids: Vec<String> = heard.iter().map(|heard| heard.header("idempotency-key")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), PUSHES, "what came twice says so");
}

#[test]
fn decisions_waivers_and_the_scanner_are_told() {
    let (server, _config) = server();
    let person = Person { server };
    person.server.login();
    let receiver = Receiver::default();
    let url = format!("http://{}/", receiver.start());
    for (kind, key) in [
        ("REPO_EVENT", "admin"),
        ("PROMOTION_REFUSED", "admin/build"),
        ("WAIVER_EVENT", "admin/build"),
        ("PROMOTION", "admin/build"),
        ("SCANNER_UPDATE_COMPLETED", ""),
    ] {
        person.says(&["webhook", "create", &url, "--type", kind, "--key", key, "--skip-tls"]);
    }
    let told = |kind: &str| receiver.told(kind)["contents"].clone();
    person.says(&["repository", "create", "admin/build"]);
    person.says(&["repository", "create", "admin/release"]);
    let made = told("REPO_EVENT");
    assert_eq!((&made["event"], &made["data"]["visibility"]), (&json!("REPO_CREATED"), &json!("private")));
    person.says(&[
        "policy",
        "create",
        "admin/build",
        "admin/release",
        "--tag",
        "%n",
        "--rule",
        "vulnerability_all lte 0",
    ]);
    let digest = push(&person.server, "admin/build", "1", &debian(&["liblog4j2-java 2.14.1-1"]));
    let refused = told("PROMOTION_REFUSED");
    assert_eq!((&refused["tag"], &refused["digest"]), (&json!("1"), &json!(digest)));
    assert_eq!(refused["targetRepository"], "admin/release");
    assert!(["refused", "unknown"].contains(&refused["verdict"].as_str().unwrap()), "{refused}");
    assert!(!refused["objections"].as_array().unwrap().is_empty(), "{refused}");

    let records = person.server.folder.path().join("records");
    std::fs::create_dir(&records).unwrap();
    std::fs::write(records.join("DEBIAN-CVE-2024-0001.json"), record().to_string()).unwrap();
    person.says(&["waiver", "create", "CVE-2024-0001", "--reason", "a test", "--repository", "admin/build"]);
    let waiver = told("WAIVER_EVENT");
    let expected = [json!("WAIVER_CREATED"), json!("CVE-2024-0001"), json!("a test"), json!("admin")];
    assert_eq!(["event", "advisory", "reason", "author"].map(|name| waiver[name].clone()), expected);

    person.says(&["advisories", "build", "records", "--out", "snapshot", "--label", "one other record"]);
    person.says(&["advisories", "use", "snapshot"]);
    let update = told("SCANNER_UPDATE_COMPLETED");
    let status = get(&person.server, "/api/v0/imagescan/status");
    for name in ["scanner_version", "db_version", "db_updated_at", "snapshotLabel"] {
        assert_eq!(update[name], status[name], "{name}");
    }
    // Without the old advisories nothing stands against the image.
    assert_eq!(told("PROMOTION")["targetRepository"], "admin/release");
}

/// Members of a message that docs/reference/webhooks.md names, each with something in it, and no others.
#[track_caller]
pub(crate) fn has_members(contents: &Value, names: &[&str]) {
    let mut is: Vec<&str> = contents.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = names.to_vec();
    is.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(is, wanted, "{contents}");
    assert!(!names.iter().any(|name| contents[name].is_null() || contents[name] == ""), "{contents}");
}

#[test]
fn mirrors_and_what_lapses_are_told() {
    let (server, _config) = server();
    let other = Server::start("127.0.0.1");
    let person = Person { server };
    person.server.login();
    let receiver = Receiver::default();
    let url = format!("http://{}/", receiver.start());
    for name in ["build", "release", "copy"] {
        person.says(&["repository", "create", &format!("admin/{name}")]);
    }
    for (kind, key) in
        [("PROMOTION_LAPSED", "admin/release"), ("PUSH_MIRRORING", "admin/build"), ("POLL_MIRRORING", "admin/copy")]
    {
        person.says(&["webhook", "create", &url, "--type", kind, "--key", key, "--skip-tls"]);
    }
    person.says(&["policy", "create", "admin/build", "admin/release", "--rule", "vulnerability_all lte 0"]);
    let place = json!({
        "remoteHost": format!("https://{}", other.authority), "remoteRepository": "admin/mirrored",
        "remoteCA": std::fs::read_to_string(other.ca()).unwrap(), "username": "admin", "password": PASSWORD,
    });
    let mut policy = place.clone();
    policy["rules"] = json!([{"field": "vulnerability_all", "operator": "lte", "values": ["0"]}]);
    policy["enabled"] = true.into();
    let path = "/api/v0/repositories/admin/build/pushMirroringPolicies";
    let policy = call(&person.server, 201, "POST", path, &policy);
    let digest = push(&person.server, "admin/build", "1", &debian(&["liblog4j2-java 2.14.1-1"]));
    let decided = || get(&person.server, "/api/v1/repositories/admin/build/tags/1/decisions");
    until("it is refused", || decided()["decisions"][0]["verdict"] == "refused");

    // A waiver is what both policies wait for.
    let waive = ["waiver", "create", "CVE-2021-44228", "--reason", "a test", "--repository", "admin/build"];
    let waiver = person.answers(&waive);
    let pushed = receiver.told("PUSH_MIRRORING");
    let names = ["namespace", "repository", "tag", "imageName", "digest", "remoteRepository", "remoteTag", "policy"];
    has_members(&pushed["contents"], &[&names[..], &["mirroredAt"]].concat());
    let there = format!("{}/admin/mirrored", other.authority);
    let expected = [json!("build"), json!("1"), json!(digest), json!(there), json!("1"), policy["id"].clone()];
    let members = ["repository", "tag", "digest", "remoteRepository", "remoteTag", "policy"];
    assert_eq!(members.map(|name| pushed["contents"][name].clone()), expected);
    assert_eq!(pushed["location"], "/repositories/admin/build/tags/1");

    until("it is promoted", || decided()["decisions"][0]["verdict"] == "allowed");
    person.says(&["waiver", "delete", waiver["id"].as_str().unwrap()]);
    let lapsed = receiver.told("PROMOTION_LAPSED");
    let names = ["namespace", "repository", "tag", "imageName", "digest", "policy", "targetRepository", "decision"];
    has_members(&lapsed["contents"], &[&names[..], &["verdict", "objections", "decidedAt"]].concat());
    let expected = [json!("release"), json!("1"), json!(digest), json!("admin/release"), json!("refused")];
    let members = ["repository", "tag", "digest", "targetRepository", "verdict"];
    assert_eq!(members.map(|name| lapsed["contents"][name].clone()), expected);
    assert_eq!(lapsed["contents"]["decision"], decided()["decisions"][0]["id"]);

    // What went there comes back.
    let path = "/api/v0/repositories/admin/copy/pollMirroringPolicies";
    let poll = call(&person.server, 201, "POST", path, &place);
    let polled = receiver.told("POLL_MIRRORING");
    let names = ["namespace", "repository", "tag", "imageName", "digest", "remoteRepository", "remoteTag", "policy"];
    has_members(&polled["contents"], &[&names[..], &["mirroredAt"]].concat());
    let expected = [json!("copy"), json!("1"), json!(digest), json!(there), poll["id"].clone()];
    let members = ["repository", "tag", "digest", "remoteRepository", "policy"];
    assert_eq!(members.map(|name| polled["contents"][name].clone()), expected);
}

#[test]
fn pulls_are_told_to_whom_asks() {
    let (server, _config) = server();
    let receiver = Receiver::default();
    let digest = push(&server, "admin/flask", "1", &debian(&["base-files 12.4+deb12u5"]));
    let (name, value) = as_admin();
    let auth = [(name, value.as_str()), ("accept", "*/*")];
    let ask = |method: &str, reference: &str| {
        assert_eq!(server.ask(method, &format!("/v2/admin/flask/manifests/{reference}"), &auth, b"").status, 200);
    };
    ask("GET", "1");
    let url = format!("http://{}/", receiver.start());
    for kind in ["TAG_PULL", "MANIFEST_PULL"] {
        let hook = json!({"type": kind, "key": "admin/flask", "endpoint": url, "skipTLSVerification": true});
        let headers = [auth[0], ("content-type", "application/json")];
        let made = server.ask("POST", "/api/v0/webhooks", &headers, hook.to_string().as_bytes());
        assert_eq!(made.status, 201);
    }
    // A tag that is only asked about was not pulled; with its digest, as Docker does, it was.
    ask("HEAD", "1");
    ask("GET", digest.as_ref());
    let types = |heard: &[Heard]| {
        let mut types: Vec<String> = heard.iter().map(|heard| heard.json()["type"].to_string()).collect();
        types.sort();
        types
    };
    let heard = receiver.until(2);
    assert_eq!(types(&heard), ["\"MANIFEST_PULL\"", "\"TAG_PULL\""]);
    assert!(heard.iter().all(|heard| heard.json()["contents"]["digest"] == digest.to_string()));
    // With a token, as clients do, and again what was answered a moment ago.
    let token = server.token("repository:admin/flask:pull", Some(BASIC));
    for _ in 0..2 {
        let headers = [("authorization", token.as_str()), ("accept", "*/*")];
        assert_eq!(server.ask("GET", "/v2/admin/flask/manifests/1", &headers, b"").status, 200);
    }
    let heard = receiver.until(6);
    assert_eq!(types(&heard).iter().filter(|kind| kind.contains("TAG_PULL")).count(), 3);
    assert!(heard.iter().all(|heard| heard.json()["contents"]["author"] == "admin"));
}

#[test]
fn the_pages_make_try_and_show_one() {
    let Some(browser) = Browser::open() else { return };
    let (server, _config) = server();
    let receiver = Receiver::default();
    push(&server, "admin/shop", "1", &debian(&["base-files 12.4+deb12u5"]));
    let window = Window::new(browser, &server);
    window.go("/repositories/admin/shop");
    window.sign_in(PASSWORD);
    window.arrives_at("/repositories/admin/shop");
    window.browser.click("a[href='/webhooks/of/admin/shop']");
    window.arrives_at("/webhooks/of/admin/shop");
    // What is refused is said where it was typed.
    let url = format!("http://{}/hook?token=url-token-12", receiver.start());
    window.browser.type_into("input[name=endpoint]", &url);
    window.browser.click("form.stacked > button");
    until("the refusal is shown", || !window.browser.attributes("[role=alert]", "class").is_empty());
    assert!(window.browser.text("[role=alert]").contains("plain http"));
    window.go("/webhooks/of/admin/shop");
    window.browser.type_into("input[name=endpoint]", &url);
    window.browser.click("form.stacked summary");
    window.browser.type_into("textarea[name=headers]", "Authorization: Bearer header-token-34");
    window.browser.type_into("input[name=secret]", "signing-secret-56");
    window.browser.click("input[name=skip_tls]");
    window.browser.click("form.stacked > button");
    until("the webhook is shown", || !window.browser.attributes("#webhook", "id").is_empty());
    let page = window.browser.text("main");
    assert!(page.contains("✓ active") && page.contains("authorization: [redacted]"), "{page}");

    window.browser.click("form[action$='/test'] button");
    until("the delivery is shown", || !window.browser.attributes("#delivery", "id").is_empty());
    let page = window.browser.text("main");
    assert!(page.contains("✓ delivered") && page.contains("x-receiver") && page.contains("seen"), "{page}");
    assert!(!["token-12", "token-34", "secret-56"].iter().any(|secret| page.contains(secret)), "{page}");
    window.browser.click("form[action$='/redeliver'] button");
    assert_eq!(receiver.until(2)[1].header("authorization"), "Bearer header-token-34");
    window.go("/webhooks/of/admin/shop");
    window.browser.click("tr[data-webhook] a");
    until("the webhook is shown", || !window.browser.attributes("#webhook", "id").is_empty());
    window.browser.click("form[action$='/pause'] button");
    until("it is inactive", || window.browser.text(".verdict").contains("○ inactive"));
}
